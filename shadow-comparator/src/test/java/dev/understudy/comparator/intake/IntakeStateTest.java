package dev.understudy.comparator.intake;

import static dev.understudy.comparator.intake.Blocks.START;
import static dev.understudy.comparator.intake.Blocks.block;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.comparator.log.LogFolder;
import dev.understudy.comparator.pairs.Measured;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.comparator.testing.FullDisk;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.proto.v1.BlockAck;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import dev.understudy.proto.v1.WorkerTally;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IntakeStateTest {
  private static final class Router implements BlockSender {
    long acknowledged;
    int requested;
    boolean completed;
    @Nullable Fault failure;

    @Override
    public void acknowledge(BlockAck ack) {
      acknowledged = ack.getSequence();
    }

    @Override
    public void request(int blocks) {
      requested += blocks;
    }

    @Override
    public void complete() {
      completed = true;
    }

    @Override
    public void fail(Fault fault) {
      failure = fault;
    }
  }

  private static final class Collector implements SequenceSender {
    long acknowledged;
    @Nullable Fault failure;

    @Override
    public void acknowledge(long sequence) {
      acknowledged = sequence;
    }

    @Override
    public void request(int messages) {}

    @Override
    public void complete() {}

    @Override
    public void fail(Fault fault) {
      failure = fault;
    }
  }

  @TempDir Path folder;

  private final FullDisk disk = new FullDisk();
  private final ManualTime time = new ManualTime();
  private Counters counters = new Counters();
  private TreeMap<String, RolloutLog> rollouts = new TreeMap<>();
  private @Nullable IntakeState running;

  @BeforeEach
  void start() throws IOException {
    time.advance(Duration.ofSeconds(14)); // Blocks come after their second has ended.
    restart();
  }

  private IntakeState state() {
    return Objects.requireNonNull(running);
  }

  /** As after a crash: everything in memory is lost. */
  private void restart() throws IOException {
    rollouts = new TreeMap<>();
    for (String id : List.of("r", "s")) {
      RolloutLog rollout = new RolloutLog(folder.resolve(String.valueOf(LogFolder.of(id))), disk);
      rollouts.put(id, rollout);
    }
    counters = new Counters();
    IntakeState state =
        new IntakeState(
            rollouts,
            new Positions(folder, disk),
            Duration.ofMillis(500),
            1 << 20,
            time,
            counters,
            (id, records) -> {});
    running = state;
    for (String id : List.of("r", "s")) {
      RolloutLog rollout = rollouts.get(id);
      if (rollout != null && rollout.spec() == null) {
        state.start(Blocks.spec(id).build(), rollout);
      }
    }
  }

  private List<EvidenceLogRecord> log(String id) throws IOException {
    List<EvidenceLogRecord> records = new ArrayList<>();
    RolloutLog rollout = rollouts.get(id);
    assertNotNull(rollout);
    rollout.log().read(records::add);
    return records;
  }

  private List<JoinedBlock> blocks(String id) throws IOException {
    return log(id).stream()
        .filter(EvidenceLogRecord::hasBlock)
        .map(EvidenceLogRecord::getBlock)
        .toList();
  }

  private List<Gap> gaps(String id) throws IOException {
    return log(id).stream()
        .filter(EvidenceLogRecord::hasGap)
        .map(EvidenceLogRecord::getGap)
        .toList();
  }

  private Router connected() {
    Router router = new Router();
    state().opened(router);
    return router;
  }

  private Router sent(EvidenceBlock... blocks) {
    Router router = connected();
    for (EvidenceBlock block : blocks) {
      state().block(router, block);
    }
    state().flush();
    return router;
  }

  @Test
  void aBlockIsAcknowledgedOnceItIsInTheLogs() throws IOException {
    Router a = connected();
    Router b = connected();
    state().block(a, block("a", 1, START, "r"));
    state().block(b, block("b", 1, START, "r"));
    state().flush();
    state().block(a, block("a", 2, START + 1, "r"));
    state().flush();
    assertEquals(1, a.acknowledged);
    time.advance(Duration.ofMillis(500));
    state().flush();
    assertEquals(2, a.acknowledged);
    assertEquals(2, blocks("r").size());
    assertEquals(2, a.requested);
  }

  @Test
  void aBlockForTwoRolloutsEntersBothLogs() throws IOException {
    sent(block("a", 1, START, "r", "s"));
    assertEquals(1, blocks("r").size());
    assertEquals(1, blocks("s").size());
    assertEquals("s", blocks("s").get(0).getCells(0).getRolloutId());
  }

  @Test
  void aCrashBetweenTwoLogsCountsNothingTwiceAndLosesNothing() throws IOException {
    RolloutLog r = rollouts.get("r");
    assertNotNull(r);
    r.gather(
        EvidenceLogRecord.newBuilder()
            .setBlock(
                BlockMerge.merge("r", START, false, List.of(block("a", 1, START, "r", "s")))));
    r.commit("r", 0, records -> assertEquals(1, records.size()));
    assertTrue(r.holds(new Boot("a", "a-boot"), 1));
    restart();
    Router router = sent(block("a", 1, START, "r", "s"));
    assertEquals(1, router.acknowledged);
    assertEquals(1, blocks("r").size());
    assertEquals(1, blocks("s").size());
  }

  @Test
  void whatIsSentAgainAfterARestartIsNotCountedAgainAndAcknowledgedAtOnce() throws IOException {
    sent(block("a", 1, START, "r"), block("a", 2, START + 1, "r"));
    restart();
    Router router =
        sent(
            block("a", 1, START, "r"),
            block("a", 2, START + 1, "r"),
            block("a", 3, START + 2, "r"));
    assertEquals(3, router.acknowledged);
    assertEquals(3, blocks("r").size());
    assertEquals(2, counters.get(Counter.BLOCKS_DUPLICATE));
    assertEquals(List.of(), gaps("r"));
  }

  @Test
  void aJumpInTheNumbersIsAGapThatTheLogNames() throws IOException {
    Router router =
        sent(
            block("a", 1, START + 1, "r"),
            block("a", 5, START + 5, "r"),
            block("a", 6, START + 6, "r"));
    assertEquals(6, router.acknowledged);
    assertEquals(1, gaps("r").size());
    assertEquals(2, gaps("r").get(0).getFirstMissing());
    assertEquals(4, gaps("r").get(0).getLastMissing());
    assertEquals(3, counters.get(Counter.BLOCKS_LOST));
    restart();
    sent(block("a", 7, START + 7, "r"));
    assertEquals(1, gaps("r").size());
  }

  @Test
  void aGapBeforeABlockDoesNotAcknowledgeWhatIsNotYetInTheLog() throws IOException {
    Router a = connected();
    Router b = connected();
    state().block(b, block("b", 1, START, "r"));
    state().block(a, block("a", 1, START, "r"));
    state().flush();
    state().block(a, block("a", 2, START + 1, "r"));
    state().block(a, block("a", 5, START + 4, "r"));
    state().flush();
    assertEquals(1, a.acknowledged);
    time.advance(Duration.ofMillis(500));
    state().flush();
    assertEquals(5, a.acknowledged);
  }

  @Test
  void blocksFromBeforeTheEvaluationBeganAreNotMissing() throws IOException {
    sent(block("a", 5000, START + 2, "r"));
    assertEquals(1, gaps("r").size());
    assertEquals(4998, gaps("r").get(0).getFirstMissing());
    restart();
    sent(block("b", 900, START, "r"));
    assertEquals(1, gaps("r").size());
  }

  @Test
  void aSecondThatComesAfterALaterOneIsLate() throws IOException {
    sent(block("a", 1, START + 5, "r"));
    sent(block("b", 1, START + 4, "r"));
    assertEquals(List.of(false, true), blocks("r").stream().map(JoinedBlock::getLate).toList());
    assertEquals(1, counters.get(Counter.BLOCKS_LATE));
  }

  @Test
  void aRouterWhoseClockIsAheadSpoilsNobodysLatencyAndIsCounted() throws IOException {
    long ahead = START + 9000;
    sent(block("a", 1, START + 1, "r"), block("fast", 1, ahead, "r"));
    sent(block("a", 2, START + 2, "r"), block("fast", 2, ahead + 1, "r"));
    assertEquals(
        List.of(START + 1, ahead, START + 2, ahead + 1),
        blocks("r").stream().map(JoinedBlock::getSecond).toList());
    assertEquals(
        List.of(false, true, false, true), blocks("r").stream().map(JoinedBlock::getLate).toList());
    assertEquals(2, counters.get(Counter.BLOCKS_FUTURE));
    assertEquals(0, counters.get(Counter.BLOCKS_LATE));
    restart();
    Router router = sent(block("fast", 3, ahead + 2, "r"), block("a", 3, START + 3, "r"));
    assertEquals(3, router.acknowledged);
    assertEquals(START + 3, blocks("r").get(4).getSecond());
    assertEquals(false, blocks("r").get(4).getLate());
  }

  @Test
  void cellsOfUnknownRolloutsAreCountedDroppedAndAcknowledged() throws IOException {
    Router router = sent(block("a", 1, START, "nobody"));
    assertEquals(1, router.acknowledged);
    assertEquals(1, counters.get(Counter.CELLS_UNKNOWN));
    restart();
    Router again = sent(block("a", 2, START, "r"));
    assertEquals(2, again.acknowledged);
    assertEquals(List.of(), gaps("r"));
  }

  @Test
  void aCellThatCannotBeCountedIsRefusedAndTheRestIsKept() throws IOException {
    EvidenceBlock sound = block("a", 1, START, "r");
    EvidenceBlock broken =
        sound.toBuilder()
            .setCells(
                0,
                sound.getCells(0).toBuilder()
                    .setLatency(LatencyCounts.newBuilder().addIndex(99_999).addCount(1)))
            .build();
    Router router = sent(broken);
    assertEquals(1, router.acknowledged);
    assertEquals(1, counters.get(Counter.CELLS_REFUSED));
    assertEquals(1, blocks("r").get(0).getCellsCount());
  }

  @Test
  void aBlockWithoutIdentityEndsItsStream() {
    Router router = sent(EvidenceBlock.newBuilder().setSecond(START).build());
    assertNotNull(router.failure);
    assertEquals(Status.Code.INVALID_ARGUMENT, router.failure.code());
  }

  @Test
  void onAFullDiskNothingIsAcknowledgedAndSendingAgainMakesItGood() throws IOException {
    sent(block("a", 1, START, "r", "s"));
    disk.full(true);
    Router router = sent(block("a", 2, START + 1, "r", "s"));
    assertEquals(0, router.acknowledged);
    assertNotNull(router.failure);
    assertEquals(Status.Code.UNAVAILABLE, router.failure.code());
    Router stillFull = sent(block("a", 2, START + 1, "r", "s"));
    assertNotNull(stillFull.failure);
    disk.full(false);
    Router again = sent(block("a", 2, START + 1, "r", "s"), block("a", 3, START + 2, "r", "s"));
    assertNull(again.failure);
    assertEquals(3, again.acknowledged);
    for (String id : List.of("r", "s")) {
      assertEquals(
          List.of(START, START + 1, START + 2),
          blocks(id).stream().map(JoinedBlock::getSecond).toList());
      assertEquals(List.of(), gaps(id));
    }
    assertEquals(2, counters.get(Counter.WRITE_FAILURES));
  }

  @Test
  void pairsThatCannotBeWrittenAreCountedAsDropped() throws IOException {
    disk.full(true);
    PairTally tally = PairTally.newBuilder().setRole(Role.SHADOW).setPairs(9).build();
    state().pairs("r", new Measured(List.of(tally), List.of(), List.of()));
    state().flush();
    assertEquals(9, counters.get(Counter.COMPARISONS_DROPPED));
    disk.full(false);
    state().flush();
    assertTrue(log("r").stream().noneMatch(EvidenceLogRecord::hasPairs));
  }

  private static PairTally tally(int divergences, int sliceBytes) {
    PairTally.Builder tally = PairTally.newBuilder().setRole(Role.SHADOW).setPairs(9);
    for (int i = 0; i < divergences; i++) {
      tally.addDivergence(i).addDivergenceCount(1);
    }
    return tally
        .addSlices(
            SliceTally.newBuilder()
                .setLabel(SliceLabel.newBuilder().setSlice("s").setValue("x".repeat(sliceBytes))))
        .build();
  }

  private static WorkerTally worker(long sequence, String rolloutId, PairTally... tallies) {
    return WorkerTally.newBuilder()
        .setWorker("w")
        .setBootId("w-boot")
        .setSequence(sequence)
        .setRolloutId(rolloutId)
        .addAllTallies(List.of(tallies))
        .build();
  }

  private Collector talliesSent(WorkerTally... tallies) {
    Collector worker = new Collector();
    state().talliesOpened(worker);
    for (WorkerTally tally : tallies) {
      state().tally(worker, tally);
    }
    state().flush();
    return worker;
  }

  @Test
  void aTallyThatIsTooLargeOrCannotBeCountedIsRefusedAndAcknowledged() throws IOException {
    PairTally half = tally(3, 3 << 20);
    Collector worker =
        talliesSent(
            worker(1, "r", half, half),
            worker(2, "r", tally(10, 1)), // Ten divergences of nine pairs.
            worker(3, "r", half));
    assertEquals(3, worker.acknowledged);
    assertEquals(2, counters.get(Counter.TALLIES_REFUSED));
    assertEquals(1, log("r").stream().filter(EvidenceLogRecord::hasPairs).count());
  }

  @Test
  void manyLargeTalliesAreWrittenInSeveralAppendsEachWithWholeTallies() throws IOException {
    PairTally half = tally(3, (2 << 20) - 2048);
    WorkerTally[] all = new WorkerTally[20];
    for (int i = 0; i < all.length; i++) {
      all[i] = worker(i + 1, "r", half, half);
    }
    Collector worker = talliesSent(all);
    assertNull(worker.failure);
    assertEquals(20, worker.acknowledged);
    assertEquals(40, log("r").stream().filter(EvidenceLogRecord::hasPairs).count());
    assertEquals(0, counters.get(Counter.TALLIES_REFUSED));
  }

  private static LabelledPrediction labelled(long sequence, int bytes) {
    return label(sequence, "p" + sequence).toBuilder()
        .addSlices(SliceLabel.newBuilder().setSlice("s").setValue("x".repeat(bytes)))
        .build();
  }

  @Test
  void outcomesThatAreTooLargeAreRefusedAndManyLargeOnesAreSeveralRecords() throws IOException {
    Collector collector = new Collector();
    state().labelsOpened(collector);
    state().label(collector, labelled(1, 4 << 20));
    for (int i = 2; i <= 30; i++) {
      state().label(collector, labelled(i, 3 << 20));
    }
    state().flush();
    assertNull(collector.failure);
    assertEquals(30, collector.acknowledged);
    assertEquals(1, counters.get(Counter.LABELS_REFUSED));
    assertEquals(
        29, log("r").stream().mapToInt(record -> record.getLabels().getScoresCount()).sum());
  }

  @Test
  void aRolloutThatCannotBeWrittenKeepsNoOtherFromTheDisk() throws IOException {
    RolloutLog r = rollouts.get("r");
    assertNotNull(r);
    // More than a frame of the log can hold.
    r.gather(EvidenceLogRecord.newBuilder().setPairs(tally(3, 65 << 20)));
    Router router = sent(block("a", 1, START, "r", "s"));
    assertNotNull(router.failure);
    assertEquals(Status.Code.UNAVAILABLE, router.failure.code());
    assertEquals(0, router.acknowledged);
    assertEquals(0, blocks("r").size());
    assertEquals(1, blocks("s").size());
    assertEquals(1, counters.get(Counter.WRITE_FAILURES));
    Router again = sent(block("a", 1, START, "r", "s"));
    assertEquals(1, again.acknowledged);
    assertEquals(1, blocks("r").size());
    assertEquals(1, blocks("s").size());
  }

  private static LabelledPrediction label(long sequence, String prediction) {
    return LabelledPrediction.newBuilder()
        .setSequence(sequence)
        .setPredictionId(prediction)
        .setRolloutId("r")
        .setRole(Role.CHAMPION)
        .setScore(0.5)
        .setOutcome(1)
        .build();
  }

  @Test
  void anOutcomeThatIsSentAgainCountsOnceAlsoAfterARestart() throws IOException {
    Collector collector = new Collector();
    state().labelsOpened(collector);
    state().label(collector, label(1, "p1"));
    state().label(collector, label(2, "p2"));
    state().label(collector, label(3, "p1"));
    state().flush();
    assertEquals(3, collector.acknowledged);
    restart();
    Collector again = new Collector();
    state().labelsOpened(again);
    state().label(again, label(2, "p2"));
    state().label(again, label(4, "p4"));
    state().flush();
    assertEquals(4, again.acknowledged);
    assertEquals(
        3, log("r").stream().mapToInt(record -> record.getLabels().getScoresCount()).sum());
  }

  @Test
  void outcomesOnAFullDiskAreNotAcknowledged() throws IOException {
    Collector collector = new Collector();
    state().labelsOpened(collector);
    disk.full(true);
    state().label(collector, label(1, "p1"));
    state().flush();
    assertEquals(0, collector.acknowledged);
    assertNotNull(collector.failure);
    disk.full(false);
    Collector again = new Collector();
    state().labelsOpened(again);
    state().label(again, label(1, "p1"));
    state().flush();
    assertEquals(1, again.acknowledged);
    assertEquals(1, log("r").get(1).getLabels().getScoresCount());
  }

  @Test
  void anEndedStreamIsCompletedWhenAllOfItIsSafe() {
    Router a = connected();
    Router b = connected();
    state().block(a, block("a", 1, START, "r"));
    state().block(b, block("b", 1, START, "r"));
    state().flush();
    state().block(a, block("a", 2, START + 1, "r"));
    state().ended(a);
    state().flush();
    assertEquals(false, a.completed);
    time.advance(Duration.ofMillis(500));
    state().flush();
    assertTrue(a.completed);
  }

  @Test
  void interruptedAfterAnyStepTheLogFoldsToTheSameReport() throws IOException {
    List<EvidenceBlock> all = new ArrayList<>();
    for (int i = 1; i <= 12; i++) {
      all.add(block("a", i, START + i, "r"));
    }
    sent(all.toArray(EvidenceBlock[]::new));
    var expected = report("r");
    for (int crash = 0; crash < 12; crash++) {
      folder = folder.resolve("again");
      restart();
      sent(all.subList(0, crash).toArray(EvidenceBlock[]::new));
      restart();
      sent(all.toArray(EvidenceBlock[]::new));
      assertEquals(expected, report("r"), "after " + crash);
    }
  }

  private dev.understudy.proto.v1.EvidenceReport report(String id) throws IOException {
    EvidenceFold fold = new EvidenceFold();
    log(id).forEach(fold::accept);
    return fold.report();
  }
}
