package dev.understudy.rollout;

import static dev.understudy.rollout.ControllerRig.MODEL;
import static dev.understudy.rollout.ControllerRig.command;
import static dev.understudy.rollout.ControllerRig.report;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.ReadAuditRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.WatchReport;
import dev.understudy.proto.v1.WatchSpec;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.testing.FakeRouter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A promotion is watched beside the version before it, which keeps a share until then. */
@Timeout(60)
class WatchTest {
  @TempDir Path directory;
  private ControllerRig rig;

  @BeforeEach
  void start() throws Exception {
    rig = new ControllerRig(directory);
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  private static ModelRoute route(RoutingTable table) {
    return table.getModels(0);
  }

  private static String version(RoutingTable table, Role role) {
    for (Arm arm : route(table).getArmsList()) {
      if (arm.getRole() == role) {
        return arm.getVersion();
      }
    }
    return "";
  }

  private static boolean isWatch(RoutingTable table) {
    return version(table, Role.CHAMPION).equals("2") && version(table, Role.CONTROL).equals("1");
  }

  private static EvidenceReport.Builder compared(Result result) {
    return report(900, Result.PROVED)
        .setWatch(WatchReport.newBuilder().setResult(result).setStatement("errors rose to 3 %"));
  }

  private WatchSpec watchOf(RolloutStatus status) {
    rig.await(s -> rig.judge.watches().containsKey(status.getRolloutId()));
    return Objects.requireNonNull(rig.judge.watches().get(status.getRolloutId()));
  }

  private List<String> audit(String action) {
    List<String> details = new ArrayList<>();
    rig.commands()
        .readAudit(ReadAuditRequest.newBuilder().setModel(MODEL).build())
        .forEachRemaining(record -> add(details, record, action));
    return details;
  }

  private static void add(List<String> details, AuditRecord record, String action) {
    if (record.getAction().equals(action)) {
      details.add(record.getDetail());
    }
  }

  private RolloutStatus ended() {
    return rig.await(s -> {
      rig.advance(Duration.ofMillis(1));
      return s.getEndedUnixMs() > 0;
    });
  }

  @Test
  void formerChampionKeepsItsShareUntilTheWatchEnds() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      RoutingTable table = router.await(WatchTest::isWatch);
      assertEquals(500, route(table).getControlWeightBp());
      assertEquals(0, route(table).getCanaryWeightBp());
      assertEquals(List.of("1"), rig.controls.held());
      assertEquals(List.of("1", "2"), rig.champions.held());
      rig.advance(Duration.ofMillis(200));
      WatchSpec watch = watchOf(watching);
      assertEquals(5, watch.getHorizonSeconds());
      assertEquals(500, watch.getKeptBp());
      assertEquals(watching.getPhaseSinceUnixMs(), watch.getStartedUnixMs());
      assertTrue(watching.getHeadline().contains("5 % on version 1"), watching::getHeadline);
      rig.advance(Duration.ofSeconds(5));
      rig.judge.report(watching.getRolloutId(), compared(Result.UNDECIDED));
      rig.await(Phase.HEALTHY);
      router.await(
          t -> version(t, Role.CONTROL).isEmpty() && version(t, Role.CHAMPION).equals("2"));
      rig.await(s -> rig.judge.stopped().equals(List.of(watching.getRolloutId())));
      rig.await(s -> rig.champions.held().equals(List.of("2")));
    }
  }

  @Test
  void judgeIsAskedOnlyWhenEveryRouterServesByTheTableOfTheWatch() throws Exception {
    try (var router = new FakeRouter("r1", rig.address());
        var slow = new FakeRouter("r2", rig.address())) {
      rig.to(Phase.PROGRESSING, 2);
      slow.await(t -> route(t).getCanaryWeightBp() == 5_000);
      slow.applies(false);
      rig.passStep(1_000);
      rig.await(Phase.WATCHING);
      router.await(WatchTest::isWatch);
      slow.await(WatchTest::isWatch);
      rig.advance(Duration.ofMillis(400));
      rig.await(Phase.WATCHING);
      assertEquals(Map.of(), rig.judge.watches());
      slow.applies(true);
      watchOf(rig.status());
    }
  }

  @Test
  void worseThanTheOneBeforeItIsUndoneWithTheReasonInWords() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(WatchTest::isWatch);
      watchOf(watching);
      rig.await(s -> audit("rollout.watch").size() == 1);
      rig.judge.report(watching.getRolloutId(), compared(Result.AGAINST));
      router.await(t -> version(t, Role.CHAMPION).equals("1") && route(t).getArmsCount() == 1);
      RolloutStatus undone = ended();
      assertEquals(Phase.DEGRADED, undone.getPhase());
      assertEquals(Reasons.UNDONE, undone.getReason());
      assertTrue(undone.getHeadline().contains("errors rose to 3 %"), undone::getHeadline);
      assertEquals(List.of("errors rose to 3 %"), audit("rollout.undo"));
    }
  }

  @Test
  void controllerKilledAtAnyPointOfTheWatchGoesOnWithTheSameWatch() throws Exception {
    var router = new FakeRouter("r1", rig.address());
    rig.to(Phase.PROGRESSING, 2);
    router.await(t -> route(t).getCanaryWeightBp() == 5_000);
    router.applies(false);
    rig.passStep(1_000);
    RolloutStatus watching = rig.await(Phase.WATCHING);
    assertEquals(0, rig.judge.watchCalls());
    router.close();

    // Promoted, and no router serves by it yet.
    rig.restart();
    assertEquals(Phase.WATCHING, rig.status().getPhase());
    router = new FakeRouter("r1", rig.address());
    router.await(WatchTest::isWatch);
    WatchSpec watch = watchOf(watching);
    router.close();

    // The judge has been asked.
    int calls = rig.judge.watchCalls();
    rig.restart();
    router = new FakeRouter("r1", rig.address());
    assertEquals(500, route(router.await(WatchTest::isWatch)).getControlWeightBp());
    rig.await(s -> rig.judge.watchCalls() > calls);
    assertEquals(watch, watchOf(watching), "the same watch, whoever asks for it");
    router.close();

    // The judge has spoken while nobody listened, and says so again once it is asked.
    int asked = rig.judge.watchCalls();
    rig.stop();
    rig.judge.report(watching.getRolloutId(), compared(Result.AGAINST));
    rig.start();
    router = new FakeRouter("r1", rig.address());
    rig.await(s -> rig.judge.watchCalls() > asked);
    rig.judge.report(watching.getRolloutId(), compared(Result.AGAINST));
    RolloutStatus undone = ended();
    assertEquals(Reasons.UNDONE, undone.getReason());
    router.await(t -> version(t, Role.CHAMPION).equals("1"));
    // A controller that has just begun gives routers a lease's time to come back.
    rig.advance(Duration.ofSeconds(9));
    rig.await(s -> rig.champions.held().equals(List.of("1")));
    router.close();

    // It has been undone.
    rig.restart();
    router = new FakeRouter("r1", rig.address());
    assertEquals("1", version(router.await(t -> true), Role.CHAMPION));
    assertEquals(1, audit("rollout.undo").size());
    router.close();
  }

  @Test
  void judgeThatCameBackIsToldAgainWhatIsWatched() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(WatchTest::isWatch);
      watchOf(watching);
      int calls = rig.judge.watchCalls();
      rig.judge.silent(true);
      rig.judge.silent(false);
      rig.await(s -> {
        rig.advance(Duration.ofMillis(10));
        return rig.judge.watchCalls() > calls;
      });
    }
  }

  @Test
  void judgeThatCannotCompareIsSaidAndTheWatchGoesOnAsBefore() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.judge.refuseWatch("not known here");
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(WatchTest::isWatch);
      RolloutStatus said =
          rig.await(s -> s.getHeadline().contains("nothing is compared: not known here"));
      assertEquals(Phase.WATCHING, said.getPhase());
      rig.judge.report(watching.getRolloutId(), compared(Result.AGAINST));
      rig.advance(Duration.ofSeconds(5));
      rig.prove(1_000);
      rig.await(Phase.HEALTHY);
    }
  }

  @Test
  void controlThatIsDownDoesNotKeepAProvedVersionFromServing() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.PROGRESSING, 2);
      rig.controls.drop("1");
      rig.controls.breakVersion("1", "no memory");
      rig.passStep(1_000);
      RolloutStatus watching = rig.await(Phase.WATCHING);
      assertTrue(watching.getHeadline().contains("nothing is compared: "), watching::getHeadline);
      assertTrue(watching.getHeadline().contains("no memory"), watching::getHeadline);
      RoutingTable table = router.await(t -> version(t, Role.CHAMPION).equals("2"));
      assertEquals("", version(table, Role.CONTROL));
      assertEquals(0, route(table).getControlWeightBp());
      assertTrue(audit("rollout.promoted").getFirst().contains("no memory"));
      rig.restart();
      assertTrue(rig.status().getHeadline().contains("no memory"));
      rig.advance(Duration.ofSeconds(5));
      rig.prove(1_000);
      rig.await(Phase.HEALTHY);
      assertEquals(Map.of(), rig.judge.watches());
    }
  }

  @Test
  void alarmOfAnEarlierWatchDoesNotUndoTheNextAttempt() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(WatchTest::isWatch);
      watchOf(watching);
      rig.await(s -> audit("rollout.watch").size() == 1);
      rig.judge.report(watching.getRolloutId(), compared(Result.AGAINST));
      ended();
      rig.commands().retry(command());
      rig.await(Phase.SHADOWING, 0);
      for (int step = 0; step < 3; step++) {
        rig.advance(Duration.ofSeconds(1));
        rig.judge.report(
            watching.getRolloutId(),
            report(2_000 + 1_000 * step, Result.PROVED)
                .setWatch(WatchReport.newBuilder().setResult(Result.AGAINST)));
        int next = step + 1;
        rig.await(s -> s.getStep() == next || s.getPhase() == Phase.WATCHING);
      }
      rig.await(Phase.WATCHING);
      assertFalse(audit("rollout.undo").size() > 1);
    }
  }
}
