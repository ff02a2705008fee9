package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.pairs.Measured;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.evidence.fold.BlockCheck;
import dev.understudy.evidence.fold.TallyCheck;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.BlockSource;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Stop;
import dev.understudy.proto.v1.WatchSpec;
import dev.understudy.proto.v1.WorkerTally;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * From what arrives to what is in the logs, on one thread.
 *
 * <p><b>Nothing is acknowledged before it is on the disk.</b> Arrivals change memory only; {@link
 * #flush} then writes everything that is complete with one append for each rollout, tells the
 * judge, and acknowledges. Should a write fail (a full disk), the other rollouts' logs are still
 * written; then all that was not written is forgotten and every stream is ended with UNAVAILABLE,
 * so that the senders, who still hold it, send it again. What could never be written, because it is
 * too large, is refused and counted when it comes, and acknowledged, or it would come for ever.
 *
 * <p><b>Nothing counts twice.</b> One block can concern several rollouts, whose logs are written
 * one after the other, and a crash may come between. So each log names the blocks and outcomes that
 * it holds, and what is sent again enters only the logs that lack it.
 *
 * <p>Not thread-safe.
 */
final class IntakeState {
  private static final Logger log = Logger.getLogger(IntakeState.class.getName());
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final int MOST_BOOTS = 4096;
  // One record must fit into a frame of the log, whatever routers send.
  private static final int MOST_BLOCK_BYTES = 8 << 20;
  private static final long MOST_SECOND_BYTES = 32L << 20;
  private static final int MOST_MESSAGE_BYTES = 4 << 20;
  private static final int RECORD_BYTES = 512;
  private static final int MOST_NAME = 1024;

  private final SortedMap<String, RolloutLog> rollouts;
  private final Positions positions;
  private final SequencedMap<Boot, Long> acknowledged;
  private final Map<Boot, Sequences> durable = new HashMap<>();
  private final BlockJoin join;
  private final TimeSource time;
  private final Counters counters;
  private final RecordSink sink;
  private final long mostPendingBytes;
  private final BlockStreams blockStreams = new BlockStreams();
  private final SequenceStreams labelStreams = new SequenceStreams();
  private final SequenceStreams tallyStreams = new SequenceStreams();
  // What came from each start of a worker since the last reset.
  private final Map<Boot, Long> tallied = new HashMap<>();
  private final Map<String, LinkedHashMap<Long, LabelledScore>> labels = new TreeMap<>();
  private final Map<String, Long> pairsGathered = new HashMap<>();
  private final Set<String> warnedOfClocks = new HashSet<>();

  IntakeState(
      SortedMap<String, RolloutLog> rollouts,
      Positions positions,
      Duration clockSkew,
      long mostPendingBytes,
      TimeSource time,
      Counters counters,
      RecordSink sink)
      throws IOException {
    this.rollouts = rollouts;
    this.positions = positions;
    this.acknowledged = positions.load();
    this.join = new BlockJoin(clockSkew.toNanos());
    this.mostPendingBytes = mostPendingBytes;
    this.time = time;
    this.counters = counters;
    this.sink = sink;
    reset();
    acknowledged.keySet().forEach(boot -> join.expect(boot.router(), time.nanoTime()));
  }

  /** Back to what is on the disk. */
  private void reset() {
    join.clear();
    durable.clear();
    labels.clear();
    tallied.clear();
    pairsGathered.forEach((id, pairs) -> counters.add(Counter.COMPARISONS_DROPPED, pairs));
    pairsGathered.clear();
    rollouts.values().forEach(RolloutLog::discard);
    acknowledged.forEach((boot, sequence) -> {
      join.known(boot, sequence);
      durableOf(boot).addThrough(sequence);
    });
  }

  private Sequences durableOf(Boot boot) {
    return durable.computeIfAbsent(boot, b -> new Sequences());
  }

  // --- Rollouts ---

  @Nullable RolloutLog rollout(String rolloutId) {
    return rollouts.get(rolloutId);
  }

  /** Adds a rollout whose log is still empty. */
  void add(String rolloutId, RolloutLog rollout) {
    rollouts.put(rolloutId, rollout);
  }

  /** Appends the spec, after everything that had arrived before it. */
  void start(EvaluationSpec spec, RolloutLog rollout) {
    flush();
    rollout.gather(EvidenceLogRecord.newBuilder().setSpec(spec));
    writeNow(spec.getRolloutId(), rollout);
  }

  /** Appends the end of the evaluation, after everything that is complete. */
  void stop(String rolloutId, RolloutLog rollout) {
    flush();
    rollout.gather(EvidenceLogRecord.newBuilder().setStop(Stop.getDefaultInstance()));
    writeNow(rolloutId, rollout);
  }

  /** Appends the beginning of the watch, after everything that is complete. */
  void watch(String rolloutId, RolloutLog rollout, WatchSpec watch) {
    flush();
    rollout.gather(EvidenceLogRecord.newBuilder().setWatch(watch));
    writeNow(rolloutId, rollout);
  }

  /** Takes a rollout out whose log is no longer there. */
  void remove(String rolloutId) {
    rollouts.remove(rolloutId);
    labels.remove(rolloutId);
    pairsGathered.remove(rolloutId);
  }

  /** The rollouts in order, to look at. */
  Map<String, RolloutLog> rollouts() {
    return Map.copyOf(rollouts);
  }

  private void writeNow(String rolloutId, RolloutLog rollout) {
    try {
      commit(rolloutId, rollout);
    } catch (IOException | RuntimeException e) {
      rollout.discard();
      throw writeFailed(e);
    }
  }

  // --- Blocks ---

  void opened(BlockSender sender) {
    blockStreams.opened(sender);
  }

  void block(BlockSender sender, EvidenceBlock block) {
    Boot boot = Boot.of(block);
    if (!blockStreams.received(sender, boot, block.getSequence())) {
      return; // Ended while this block was on its way; it will be sent again.
    }
    if (isUnnamed(boot, block.getSequence())) {
      blockStreams.fail(sender, unnamed("router", boot, block.getSequence()));
      return;
    }
    gap(boot, block);
    switch (join.offer(block, time.nanoTime(), time.wallMillis())) {
      case TAKEN -> counters.increment(Counter.BLOCKS);
      case AHEAD -> {
        counters.increment(Counter.BLOCKS);
        counters.increment(Counter.BLOCKS_FUTURE);
        warnOfClock(block);
      }
      case DUPLICATE -> counters.increment(Counter.BLOCKS_DUPLICATE);
    }
  }

  private void warnOfClock(EvidenceBlock block) {
    if (warnedOfClocks.size() < MOST_BOOTS && warnedOfClocks.add(block.getRouter())) {
      log.log(
          Level.WARNING,
          "The clock of router {0} is ahead of ours: block of second {1} at {2} ms; its seconds are"
              + " not judged for latency",
          new Object[] {
            block.getRouter(), Long.toString(block.getSecond()), Long.toString(time.wallMillis())
          });
    }
  }

  private static boolean isUnnamed(Boot boot, long sequence) {
    return boot.router().isEmpty()
        || boot.bootId().isEmpty()
        || boot.router().length() > MOST_NAME
        || boot.bootId().length() > MOST_NAME
        || sequence < 1;
  }

  private static Fault unnamed(String who, Boot boot, long sequence) {
    String fields = who + ", boot_id, sequence";
    return Fault.of(
            Status.Code.INVALID_ARGUMENT,
            "SENDER_WITHOUT_IDENTITY",
            fields
                + ": \""
                + shortened(boot.router())
                + "\", \""
                + shortened(boot.bootId())
                + "\", "
                + Long.toUnsignedString(sequence)
                + " (expected: names of at most 1024 characters, and a number from 1)")
        .violation(fields, "must be set");
  }

  private static String shortened(String name) {
    return name.length() > 64 ? name.substring(0, 64) + "…" : name;
  }

  /** A jump in the numbers of a boot: the router's ring no longer held what is missing. */
  private void gap(Boot boot, EvidenceBlock block) {
    long known = knownOf(boot);
    if (block.getSequence() <= known + 1) {
      return;
    }
    boolean counted = false;
    for (RolloutLog rollout : rollouts.values()) {
      EvaluationSpec spec = rollout.spec();
      if (spec == null || !rollout.open()) {
        continue;
      }
      // What was counted before the evaluation began is not missing from it.
      long secondsOfRollout =
          Math.max(0, block.getSecond() - Math.floorDiv(spec.getStartedUnixMs(), 1000L));
      long first = Math.max(known + 1, block.getSequence() - secondsOfRollout);
      long last = block.getSequence() - 1;
      if (first <= last) {
        rollout.gather(
            EvidenceLogRecord.newBuilder()
                .setGap(
                    Gap.newBuilder()
                        .setRouter(boot.router())
                        .setBootId(boot.bootId())
                        .setFirstMissing(first)
                        .setLastMissing(last)));
        if (!counted) {
          counters.add(Counter.BLOCKS_LOST, last - first + 1);
          counted = true;
        }
      }
    }
    // The missing will not come: what follows may be acknowledged.
    durableOf(boot).addRange(known + 1, block.getSequence() - 1);
  }

  private long knownOf(Boot boot) {
    Long received = join.greatest(boot);
    long known = received == null ? 0 : received;
    for (RolloutLog rollout : rollouts.values()) {
      known = Math.max(known, rollout.greatest(boot));
    }
    return known;
  }

  void ended(BlockSender sender) {
    blockStreams.ended(sender);
  }

  void closed(BlockSender sender) {
    blockStreams.closed(sender);
  }

  // --- Outcomes ---

  void labelsOpened(SequenceSender sender) {
    labelStreams.opened(sender);
  }

  void label(SequenceSender sender, LabelledPrediction label) {
    if (!labelStreams.received(sender, label.getSequence())) {
      return;
    }
    counters.increment(Counter.LABELS);
    RolloutLog rollout = rollouts.get(label.getRolloutId());
    if (rollout == null || !rollout.open()) {
      counters.increment(Counter.LABELS_UNKNOWN);
      return;
    }
    if (label.getSerializedSize() > MOST_MESSAGE_BYTES) {
      counters.increment(Counter.LABELS_REFUSED);
      log.log(
          Level.WARNING,
          "Refused outcome {0}: {1} bytes (expected: at most {2})",
          new Object[] {
            Long.toString(label.getSequence()),
            Integer.toString(label.getSerializedSize()),
            Integer.toString(MOST_MESSAGE_BYTES)
          });
      return;
    }
    LabelledScore score = Scores.of(label);
    LinkedHashMap<Long, LabelledScore> waiting =
        labels.computeIfAbsent(label.getRolloutId(), id -> new LinkedHashMap<>());
    if (rollout.holds(score) || waiting.putIfAbsent(score.getPrediction(), score) != null) {
      counters.increment(Counter.LABELS_DUPLICATE);
    }
  }

  void labelsEnded(SequenceSender sender) {
    labelStreams.ended(sender);
  }

  void labelsClosed(SequenceSender sender) {
    labelStreams.closed(sender);
  }

  // --- Comparisons ---

  /** What was measured in this process. */
  void pairs(String rolloutId, Measured measured) {
    RolloutLog rollout = rollouts.get(rolloutId);
    if (rollout == null || !rollout.open()) {
      return;
    }
    rollout.noise(measured.noise());
    for (PairTally tally : measured.tallies()) {
      if (tally.getSerializedSize() > MOST_MESSAGE_BYTES) {
        counters.add(Counter.COMPARISONS_DROPPED, tally.getPairs());
        continue;
      }
      rollout.gather(EvidenceLogRecord.newBuilder().setPairs(tally));
      pairsGathered.merge(rolloutId, tally.getPairs(), Long::sum);
    }
  }

  void talliesOpened(SequenceSender sender) {
    tallyStreams.opened(sender);
  }

  /**
   * What was measured by a worker.
   *
   * @return whether it is new, and of a rollout that is judged
   */
  boolean tally(SequenceSender sender, WorkerTally tally) {
    if (!tallyStreams.received(sender, tally.getSequence())) {
      return false;
    }
    Boot boot = new Boot(tally.getWorker(), tally.getBootId());
    if (isUnnamed(boot, tally.getSequence())) {
      tallyStreams.fail(sender, unnamed("worker", boot, tally.getSequence()));
      return false;
    }
    counters.increment(Counter.TALLIES);
    RolloutLog rollout = rollouts.get(tally.getRolloutId());
    if (rollout == null || !rollout.open()) {
      counters.increment(Counter.TALLIES_UNKNOWN);
      return false;
    }
    long before = tallied.getOrDefault(boot, 0L);
    if (tally.getSequence() <= before || rollout.holdsTally(boot, tally.getSequence())) {
      counters.increment(Counter.TALLIES_DUPLICATE);
      return false;
    }
    tallied.put(boot, tally.getSequence());
    BlockSource source =
        BlockSource.newBuilder()
            .setRouter(boot.router())
            .setBootId(boot.bootId())
            .setSequence(tally.getSequence())
            .build();
    // As records: all of one tally go into one append.
    long bytes =
        tally.getTalliesList().stream()
            .mapToLong(t -> t.getSerializedSize() + source.getSerializedSize() + RECORD_BYTES)
            .sum();
    if (bytes > MOST_MESSAGE_BYTES) {
      refused(tally, bytes + " bytes (expected: at most " + MOST_MESSAGE_BYTES + ")");
      return false;
    }
    rollout.noise(tally.getNoiseList());
    for (PairTally pairs : tally.getTalliesList()) {
      String problem = TallyCheck.problem(pairs);
      if (problem == null) {
        rollout.gather(EvidenceLogRecord.newBuilder().setPairs(pairs).setWorker(source));
      } else {
        refused(tally, problem);
      }
    }
    return true;
  }

  private void refused(WorkerTally tally, String problem) {
    counters.increment(Counter.TALLIES_REFUSED);
    log.log(
        Level.WARNING,
        "Refused tally {0} of worker {1}: {2}",
        new Object[] {Long.toString(tally.getSequence()), tally.getWorker(), problem});
  }

  void talliesEnded(SequenceSender sender) {
    tallyStreams.ended(sender);
  }

  void talliesClosed(SequenceSender sender) {
    tallyStreams.closed(sender);
  }

  // --- To the disk ---

  /** Writes what is complete, then acknowledges. Does nothing when there is nothing. */
  void flush() {
    List<BlockJoin.Second> seconds = join.take(time.nanoTime());
    seconds.forEach(this::gatherSecond);
    labels.forEach(this::gatherLabels);
    labels.clear();
    rollouts.values().forEach(RolloutLog::gatherTolerances);
    Exception failure = null;
    for (Map.Entry<String, RolloutLog> entry : rollouts.entrySet()) {
      try {
        commit(entry.getKey(), entry.getValue());
        pairsGathered.remove(entry.getKey());
      } catch (IOException | RuntimeException e) {
        failure = failure == null ? e : failure; // One log must not keep the others from the disk.
      }
    }
    if (failure != null) {
      failAll(writeFailed(failure));
      return;
    }
    try {
      for (BlockJoin.Second second : seconds) {
        second.blocks().forEach(block -> durableOf(Boot.of(block)).add(block.getSequence()));
      }
      storePositions();
    } catch (IOException e) {
      failAll(writeFailed(e));
      return;
    }
    acknowledge();
  }

  private void gatherSecond(BlockJoin.Second second) {
    Set<String> concerned = new HashSet<>();
    List<EvidenceBlock> sound = new ArrayList<>(second.blocks().size());
    for (EvidenceBlock block : second.blocks()) {
      EvidenceBlock kept = withoutRefused(block);
      sound.add(kept);
      kept.getCellsList().forEach(cell -> concerned.add(cell.getRolloutId()));
      kept.getPairsList().forEach(cell -> concerned.add(cell.getRolloutId()));
      kept.getArmsList().forEach(arm -> concerned.add(arm.getRolloutId()));
    }
    for (String rolloutId : concerned.stream().sorted().toList()) {
      gatherSecond(rolloutId, second, sound);
    }
  }

  private void gatherSecond(String rolloutId, BlockJoin.Second second, List<EvidenceBlock> blocks) {
    List<EvidenceBlock> concerned =
        blocks.stream().filter(block -> BlockMerge.concerns(block, rolloutId)).toList();
    RolloutLog rollout = rollouts.get(rolloutId);
    if (rollout == null || !rollout.open()) {
      counters.add(Counter.CELLS_UNKNOWN, concerned.size());
      return;
    }
    List<EvidenceBlock> missing =
        concerned.stream()
            .filter(block -> !rollout.holds(Boot.of(block), block.getSequence()))
            .toList();
    if (missing.isEmpty()) {
      return;
    }
    boolean late = rollout.late(second.second());
    if (late && !second.ahead()) {
      counters.increment(Counter.BLOCKS_LATE);
    }
    int from = 0;
    long bytes = 0;
    for (int i = 0; i < missing.size(); i++) {
      bytes += missing.get(i).getSerializedSize();
      if (bytes > MOST_SECOND_BYTES || i == missing.size() - 1) {
        JoinedBlock joined =
            BlockMerge.merge(
                rolloutId,
                second.second(),
                late || second.ahead() || from > 0,
                missing.subList(from, i + 1));
        rollout.gather(EvidenceLogRecord.newBuilder().setBlock(joined));
        from = i + 1;
        bytes = 0;
      }
    }
  }

  /** A cell that cannot be counted would otherwise come again for ever. */
  private EvidenceBlock withoutRefused(EvidenceBlock block) {
    EvidenceBlock.Builder kept = block.toBuilder().clearCells().clearPairs().clearArms();
    if (block.getSerializedSize() > MOST_BLOCK_BYTES) {
      refused(
          block, block.getSerializedSize() + " bytes (expected: at most " + MOST_BLOCK_BYTES + ")");
      return kept.build();
    }
    for (Cell cell : block.getCellsList()) {
      String problem = BlockCheck.problem(cell);
      if (problem == null) {
        kept.addCells(cell);
      } else {
        refused(block, problem);
      }
    }
    for (PairCell cell : block.getPairsList()) {
      String problem = BlockCheck.problem(cell);
      if (problem == null) {
        kept.addPairs(cell);
      } else {
        refused(block, problem);
      }
    }
    for (ArmState arm : block.getArmsList()) {
      String problem = BlockCheck.problem(arm);
      if (problem == null) {
        kept.addArms(arm);
      } else {
        refused(block, problem);
      }
    }
    return kept.build();
  }

  private void refused(EvidenceBlock block, String problem) {
    counters.increment(Counter.CELLS_REFUSED);
    log.log(
        Level.WARNING,
        "Refused a cell of block {0} of router {1}: {2}",
        new Object[] {Long.toString(block.getSequence()), block.getRouter(), problem});
  }

  private void gatherLabels(String rolloutId, Map<Long, LabelledScore> scores) {
    RolloutLog rollout = rollouts.get(rolloutId);
    if (rollout == null || !rollout.open()) {
      return;
    }
    LabelTally.Builder labelled = LabelTally.newBuilder();
    long bytes = 0;
    for (LabelledScore score : scores.values()) {
      if (bytes > 0 && bytes + score.getSerializedSize() > MOST_MESSAGE_BYTES) {
        rollout.gather(EvidenceLogRecord.newBuilder().setLabels(labelled));
        labelled = LabelTally.newBuilder();
        bytes = 0;
      }
      labelled.addScores(score);
      bytes += score.getSerializedSize();
    }
    if (labelled.getScoresCount() > 0) {
      rollout.gather(EvidenceLogRecord.newBuilder().setLabels(labelled));
    }
  }

  private void commit(String rolloutId, RolloutLog rollout) throws IOException {
    rollout.commit(rolloutId, time.wallMillis(), records -> sink.accept(rolloutId, records));
  }

  private void storePositions() throws IOException {
    LinkedHashMap<Boot, Long> next = new LinkedHashMap<>(acknowledged);
    boolean moved = false;
    for (Map.Entry<Boot, Sequences> entry : durable.entrySet()) {
      long through = entry.getValue().through();
      Long before = next.get(entry.getKey());
      if (through > 0 && (before == null || through > before)) {
        next.remove(entry.getKey());
        next.put(entry.getKey(), through); // Moves to the end: the youngest stay.
        moved = true;
      }
    }
    if (!moved) {
      return;
    }
    while (next.size() > MOST_BOOTS) {
      next.remove(next.keySet().iterator().next());
    }
    positions.store(next);
    acknowledged.clear();
    acknowledged.putAll(next);
  }

  private void acknowledge() {
    blockStreams.acknowledge(acknowledged, join.bytes() <= mostPendingBytes);
    labelStreams.acknowledge();
    tallyStreams.acknowledge();
  }

  private Fault writeFailed(Exception e) {
    counters.increment(Counter.WRITE_FAILURES);
    log.log(Level.SEVERE, "The evidence log cannot be written; nothing is acknowledged", e);
    return Fault.of(
            Status.Code.UNAVAILABLE,
            "EVIDENCE_LOG_UNWRITABLE",
            "The evidence log cannot be written at the moment; what was not acknowledged has to be"
                + " sent again.")
        .retryAfter(RETRY)
        .cause(e);
  }

  /** Ends every stream; what they had sent is forgotten unless it is in a log. */
  void failAll(Fault fault) {
    reset();
    blockStreams.failAll(fault);
    labelStreams.failAll(fault);
    tallyStreams.failAll(fault);
  }
}
