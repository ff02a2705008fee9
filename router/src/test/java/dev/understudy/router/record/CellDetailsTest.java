package dev.understudy.router.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StageSums;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Slices, stages and machines of a cell. */
class CellDetailsTest {
  private static CellKey key(Role role) {
    return new CellKey("r", "m", 1, 100, 0, role, "1");
  }

  private static SliceLabel label(String slice, String value) {
    return SliceLabel.newBuilder().setSlice(slice).setValue(value).build();
  }

  private static void call(ArmCell cell, KeptLabels kept, Outcome outcome, SliceLabel label) {
    cell.assigned();
    cell.ended(outcome, 1000, 1);
    cell.endedIn(kept.of(label), outcome, 1000);
  }

  private static Cell cell(EvidenceBlock block, Role role) {
    return block.getCellsList().stream()
        .filter(cell -> cell.getRole() == role)
        .findFirst()
        .orElseThrow();
  }

  private static List<String> names(Cell cell) {
    return cell.getSlicesList().stream()
        .map(slice -> slice.getLabel().getSlice() + "=" + slice.getLabel().getValue())
        .toList();
  }

  @Test
  void goodBadAndCensoredAttemptsAreToldApartInEachSlice() {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell cell = evidence.cell(key(Role.CANARY));
    KeptLabels kept = new KeptLabels(2);
    call(cell, kept, Outcome.OK, label("size", "small"));
    call(cell, kept, Outcome.OK, label("size", "large"));
    call(cell, kept, Outcome.BAD_INTERNAL, label("size", "large"));
    call(cell, kept, Outcome.CANCELLED_BY_CLIENT, label("size", "large"));
    call(cell, kept, Outcome.OK, label("country", "UY"));
    Cell cut = cell(evidence.cut(1), Role.CANARY);
    assertEquals(List.of("country=UY", "size=large", "size=small"), names(cut), "sorted");
    SliceCell large = cut.getSlices(1);
    assertEquals(1, large.getOk());
    assertEquals(1, large.getBad());
    assertEquals(3, large.getLatency().getCountList().stream().mapToLong(Long::longValue).sum());
    call(cell, kept, Outcome.OK, label("size", "small"));
    assertEquals(
        List.of("size=small"),
        names(cell(evidence.cut(2), Role.CANARY)),
        "only what has grown since");
  }

  @Test
  void withoutLabelsThereAreNoSlices() {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell cell = evidence.cell(key(Role.CANARY));
    cell.assigned();
    cell.ended(Outcome.OK, 5, 1);
    Cell cut = evidence.cut(1).getCells(0);
    assertEquals(0, cut.getSlicesCount());
    assertFalse(cut.hasStages());
    assertEquals(0, cut.getNodesCount());
  }

  @Test
  void labelsWithoutRoomAreOtherInEveryArmAlike() {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell champion = evidence.cell(key(Role.CHAMPION));
    ArmCell canary = evidence.cell(key(Role.CANARY));
    KeptLabels kept = new KeptLabels(2);
    // The champion sees them in one order, the canary, later, in the other.
    for (int i = 0; i < 500; i++) {
      call(champion, kept, Outcome.OK, label("shop", "s" + i));
      call(champion, kept, Outcome.OK, label("size", i % 2 == 0 ? "small" : "large"));
    }
    for (int i = 999; i >= 0; i--) {
      call(canary, kept, Outcome.OK, label("shop", "s" + i));
    }
    EvidenceBlock block = evidence.cut(1);
    Cell a = cell(block, Role.CHAMPION);
    Cell b = cell(block, Role.CANARY);
    assertTrue(a.getSlicesCount() <= KeptLabels.MOST, "" + a.getSlicesCount());
    Set<String> shops = new HashSet<>(names(a));
    assertTrue(shops.contains("size=small") && shops.contains("size=large"), shops.toString());
    assertTrue(shops.contains("shop=other"), shops.toString());
    shops.removeIf(name -> name.startsWith("size"));
    assertEquals(shops, Set.copyOf(names(b)));
    assertEquals(1000, b.getSlicesList().stream().mapToLong(SliceCell::getOk).sum());
  }

  @Test
  void thereIsRoomForTheOtherOfEverySlice() {
    KeptLabels kept = new KeptLabels(32);
    Set<SliceLabel> counted = new HashSet<>();
    for (int i = 0; i < 32 * 100; i++) {
      counted.add(kept.of(label("slice" + i % 32, "v" + i)));
    }
    assertEquals(KeptLabels.MOST, counted.size());
  }

  @Test
  void noSliceCountIsLostWhileBlocksAreCut() throws InterruptedException {
    Evidence evidence = new Evidence("router", "boot", Integer.MAX_VALUE);
    KeptLabels kept = new KeptLabels(1);
    AtomicBoolean running = new AtomicBoolean(true);
    List<EvidenceBlock> blocks = new ArrayList<>();
    Thread cutter =
        Thread.ofPlatform()
            .start(() -> {
              while (running.get()) {
                blocks.add(evidence.cut(1));
              }
            });
    int threads = 3;
    int each = 30_000;
    Thread[] workers = new Thread[threads];
    for (int t = 0; t < threads; t++) {
      workers[t] =
          Thread.ofPlatform()
              .start(() -> {
                ArmCell cell = evidence.cell(key(Role.CANARY));
                for (int i = 0; i < each; i++) {
                  call(
                      cell,
                      kept,
                      i % 5 == 0 ? Outcome.BAD_INTERNAL : Outcome.OK,
                      label("shop", "s" + i % 100));
                  cell.timed(ServerTiming.newBuilder().setQueueNanos(1500).build(), 4500);
                }
              });
    }
    for (Thread worker : workers) {
      worker.join();
    }
    running.set(false);
    cutter.join();
    blocks.add(evidence.cut(1));
    long ok = 0;
    long bad = 0;
    StageSums.Builder sums = StageSums.newBuilder();
    for (EvidenceBlock block : blocks) {
      for (Cell cell : block.getCellsList()) {
        assertTrue(cell.getSlicesCount() <= KeptLabels.MOST);
        ok += cell.getSlicesList().stream().mapToLong(SliceCell::getOk).sum();
        bad += cell.getSlicesList().stream().mapToLong(SliceCell::getBad).sum();
        sums.setCalls(sums.getCalls() + cell.getStages().getCalls())
            .setQueueMicros(sums.getQueueMicros() + cell.getStages().getQueueMicros())
            .setNetworkMicros(sums.getNetworkMicros() + cell.getStages().getNetworkMicros());
      }
    }
    long all = (long) threads * each;
    assertEquals(all * 4 / 5, ok);
    assertEquals(all / 5, bad);
    assertEquals(all, sums.getCalls());
    assertEquals(all * 3 / 2, sums.getQueueMicros(), "half microseconds are not lost");
    assertEquals(all * 3, sums.getNetworkMicros());
  }

  private static StageSums stages(ServerTiming.Builder timing, long latencyNanos) {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell cell = evidence.cell(key(Role.CANARY));
    cell.timed(timing.build(), latencyNanos);
    return evidence.cut(1).getCells(0).getStages();
  }

  @Test
  void theFourStagesOfAnAttemptAddUpToIt() {
    StageSums sums =
        stages(
            ServerTiming.newBuilder()
                .setQueueNanos(3_000_000)
                .setBatchWaitNanos(2_000_000)
                .setComputeInputNanos(100_000)
                .setComputeInferNanos(700_000)
                .setComputeOutputNanos(200_000)
                .setBatchSize(8),
            5_500_000);
    assertEquals(
        StageSums.newBuilder()
            .setCalls(1)
            .setQueueMicros(1000)
            .setBatchWaitMicros(2000)
            .setComputeMicros(1000)
            .setNetworkMicros(1500)
            .setBatchRows(8)
            .build(),
        sums);
  }

  @Test
  void aServerThatReportsNonsenseSpoilsNoSum() {
    for (long nonsense : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 6_000_001}) {
      StageSums sums =
          stages(
              ServerTiming.newBuilder()
                  .setQueueNanos(nonsense)
                  .setBatchWaitNanos(nonsense)
                  .setComputeInferNanos(nonsense)
                  .setBatchSize(-1),
              6_000_000);
      assertEquals(
          6000,
          sums.getQueueMicros()
              + sums.getBatchWaitMicros()
              + sums.getComputeMicros()
              + sums.getNetworkMicros());
      assertEquals(1, sums.getCalls());
    }
  }

  @Test
  void machinesAreSortedFewAndToldAgainWhenTheyAnswerAgain() {
    Evidence evidence = new Evidence("router", "boot");
    ArmCell cell = evidence.cell(key(Role.CANARY));
    for (int i = 0; i < 100; i++) {
      cell.assigned();
      cell.answeredBy("node-" + (char) ('z' - i % 20));
    }
    cell.answeredBy("");
    cell.answeredBy("n".repeat(254));
    List<String> nodes = evidence.cut(1).getCells(0).getNodesList();
    assertEquals(16, nodes.size());
    assertEquals(nodes.stream().sorted().toList(), nodes);
    cell.assigned();
    cell.answeredBy("node-a");
    assertEquals(List.of("node-a"), evidence.cut(2).getCells(0).getNodesList());
  }
}
