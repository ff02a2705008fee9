package dev.understudy.launcher.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.launcher.doctor.Finding.Level;
import dev.understudy.proto.v1.ListRoutersResponse;
import dev.understudy.proto.v1.RouterState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is judged, without anybody to ask. */
class DoctorTest {
  private static final long GIB = 1 << 30;

  @TempDir Path folder;

  private Finding machine(String check, int java, long heap, String cpu, String memory)
      throws Exception {
    Files.writeString(folder.resolve("cpu.max"), cpu + "\n");
    Files.writeString(folder.resolve("memory.max"), memory + "\n");
    return Machine.look(java, 4, heap, folder).stream()
        .filter(finding -> finding.check().equals(check))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theBoundsOfTheContainerAreRead() throws Exception {
    String whole = "max 100000";
    assertEquals(Level.OK, machine("java", 25, GIB, whole, "max").level());
    assertEquals(Level.FAIL, machine("java", 24, GIB, whole, "max").level());
    assertEquals("4 processors", machine("processors", 25, GIB, whole, "max").text());
    assertEquals(
        "4 processors, bounded to 1.50",
        machine("processors", 25, GIB, "150000 100000", "max").text());
    assertEquals(Level.WARN, machine("processors", 25, GIB, "50000 100000", "max").level());
    assertEquals(Level.OK, machine("memory", 25, GIB, whole, "" + 2 * GIB).level());
    assertEquals(Level.WARN, machine("memory", 25, GIB, whole, "" + GIB).level());
    assertEquals(
        "heap of at most 1.0 GiB, no bound by a container",
        machine("memory", 25, GIB, whole, "max").text());
    assertEquals(
        List.of(Level.OK, Level.OK, Level.OK),
        Machine.look(25, 1, GIB, folder.resolve("none")).stream().map(Finding::level).toList());
  }

  @Test
  void littleRoomIsWarnedOfAndNextToNoneIsAFailure() throws Exception {
    assertEquals(Level.OK, Folder.judge("d", 20 * GIB, 100 * GIB).level());
    assertEquals(Level.WARN, Folder.judge("d", 4 * GIB, 100 * GIB).level());
    assertEquals(Level.WARN, Folder.judge("d", GIB / 2, GIB).level());
    assertEquals(Level.FAIL, Folder.judge("d", GIB / 20, GIB).level());
    Path file = Files.writeString(folder.resolve("file"), "");
    assertEquals(Level.FAIL, Folder.look("router", file.resolve("state")).level());
    Finding made = Folder.look("router", folder.resolve("not/yet/there"));
    assertEquals("disk", made.check());
    assertTrue(made.text().endsWith("GiB are free"), made.text());
  }

  @Test
  void aClockIsReadHalfwayBetweenQuestionAndAnswer() {
    assertEquals(new Pulse.Ahead(0, 11), Pulse.Ahead.of(1_000, 20, 1_010));
    assertEquals(new Pulse.Ahead(90, 11), Pulse.Ahead.of(1_000, 20, 1_100));
    assertEquals(new Pulse.Ahead(-60, 1), Pulse.Ahead.of(1_000, 0, 940));
  }

  @Test
  void clocksThatAreCertainlyMoreThanFiftyMillisecondsApartAreWarnedOf() {
    Pulse.Ahead here = new Pulse.Ahead(0, 0);
    Finding apart =
        Doctor.clocks(
            Map.of(
                "here", here,
                "a", new Pulse.Ahead(40, 2),
                "b", new Pulse.Ahead(-30, 2),
                "c", new Pulse.Ahead(200, 190)));
    assertEquals(Level.WARN, apart.level());
    assertEquals("a is ahead of b by 70 ± 4 ms", apart.text());
    Finding close = Doctor.clocks(Map.of("here", here, "a", new Pulse.Ahead(40, 2)));
    assertEquals(Level.OK, close.level());
    assertEquals("a is ahead of here by 40 ± 2 ms", close.text());
    Finding unsure = Doctor.clocks(Map.of("here", here, "a", new Pulse.Ahead(300, 400)));
    assertEquals(Level.OK, unsure.level());
    assertEquals("2 clocks agree as far as can be seen from here", unsure.text());
  }

  private static RouterState.Builder state(long epoch, long revision) {
    return RouterState.newBuilder()
        .setRouter("r")
        .setConnected(true)
        .setAppliedEpoch(epoch)
        .setAppliedRevision(revision);
  }

  private static Finding finding(RouterState.Builder state, String check) {
    ListRoutersResponse wanted =
        ListRoutersResponse.newBuilder().setEpoch(2).setRevision(7).build();
    return Doctor.router("r", state.build(), wanted).stream()
        .filter(finding -> finding.check().equals(check))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatARouterRunsIsHeldAgainstWhatIsWanted() {
    assertEquals(Level.OK, finding(state(2, 7), "table").level());
    assertEquals("revision 2/7, as wanted", finding(state(2, 7), "table").text());
    assertEquals(Level.WARN, finding(state(2, 6), "table").level());
    assertEquals("revision 2/6, wanted is 2/7", finding(state(2, 6), "table").text());
    assertEquals(Level.WARN, finding(state(1, 7), "table").level());
    Finding refused = finding(state(2, 6).setRefusal("model 'm' has no champion"), "table");
    assertEquals(Level.FAIL, refused.level());
    assertTrue(refused.text().endsWith(": model 'm' has no champion"), refused.text());
    assertEquals(Level.WARN, finding(state(2, 7).setConnected(false), "table").level());
    assertEquals(
        Level.FAIL,
        Doctor.router("r", state(0, 0).build(), null).getFirst().level(),
        "a router without a table");
    assertEquals(Level.WARN, finding(state(2, 7).setLeaseExpired(true), "lease").level());
    assertEquals(Level.WARN, finding(state(2, 7).addChampionOnly("m"), "champion-only").level());
    assertEquals(Level.OK, finding(state(2, 7), "evidence").level());
    Finding blocks = finding(state(2, 7).setEvidenceBlocksUnacknowledged(400), "evidence");
    assertEquals(Level.WARN, blocks.level());
    assertFalse(blocks.advice().isEmpty());
  }
}
