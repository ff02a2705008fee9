package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.intake.Counters.Counter;
import dev.understudy.evidence.fold.BlockCheck;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.proto.v1.BlockAck;
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
 * judge, and acknowledges. Should a write fail (a full disk), all that was not written is forgotten
 * and every stream is ended with UNAVAILABLE, so that the senders, who still hold it, send it
 * again.
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

  private static final class BlockStream {
    final Map<Boot, Long> highest = new HashMap<>();
    final Map<Boot, Long> told = new HashMap<>();
    int owed;
    boolean ended;
  }

  private static final class LabelStream {
    long highest;
    boolean news;
    int owed;
    boolean ended;
  }

  private final SortedMap<String, RolloutLog> rollouts;
  private final Positions positions;
  private final SequencedMap<Boot, Long> acknowledged;
  private final Map<Boot, Sequences> durable = new HashMap<>();
  private final BlockJoin join;
  private final TimeSource time;
  private final Counters counters;
  private final RecordSink sink;
  private final long mostPendingBytes;
  private final Map<BlockSender, BlockStream> blockStreams = new LinkedHashMap<>();
  private final Map<LabelSender, LabelStream> labelStreams = new LinkedHashMap<>();
  private final Map<String, LinkedHashMap<Long, LabelledScore>> labels = new TreeMap<>();
  private final Map<String, Long> pairsGathered = new HashMap<>();

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
    rollout.gather(
        EvidenceLogRecord.newBuilder().setStop(dev.understudy.proto.v1.Stop.getDefaultInstance()));
    writeNow(rolloutId, rollout);
  }

  private void writeNow(String rolloutId, RolloutLog rollout) {
    try {
      commit(rolloutId, rollout);
    } catch (IOException e) {
      rollout.discard();
      throw writeFailed(e);
    }
  }

  // --- Blocks ---

  void opened(BlockSender sender) {
    blockStreams.put(sender, new BlockStream());
  }

  void block(BlockSender sender, EvidenceBlock block) {
    BlockStream stream = blockStreams.get(sender);
    if (stream == null) {
      return; // Ended while this block was on its way; it will be sent again.
    }
    stream.owed++;
    Boot boot = Boot.of(block);
    if (boot.router().isEmpty() || boot.bootId().isEmpty() || block.getSequence() < 1) {
      blockStreams.remove(sender);
      sender.fail(
          Fault.of(
                  Status.Code.INVALID_ARGUMENT,
                  "BLOCK_WITHOUT_IDENTITY",
                  "router, boot_id, sequence: \""
                      + boot.router()
                      + "\", \""
                      + boot.bootId()
                      + "\", "
                      + Long.toUnsignedString(block.getSequence())
                      + " (expected: names, and a number from 1)")
              .violation("router, boot_id, sequence", "must be set"));
      return;
    }
    stream.highest.merge(boot, block.getSequence(), Math::max);
    stream.told.putIfAbsent(boot, -1L);
    gap(boot, block);
    if (join.offer(block, time.nanoTime()) == BlockJoin.Offer.DUPLICATE) {
      counters.increment(Counter.BLOCKS_DUPLICATE);
    } else {
      counters.increment(Counter.BLOCKS);
    }
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
    BlockStream stream = blockStreams.get(sender);
    if (stream != null) {
      stream.ended = true;
    }
  }

  void closed(BlockSender sender) {
    blockStreams.remove(sender);
  }

  // --- Outcomes ---

  void opened(LabelSender sender) {
    labelStreams.put(sender, new LabelStream());
  }

  void label(LabelSender sender, LabelledPrediction label) {
    LabelStream stream = labelStreams.get(sender);
    if (stream == null) {
      return;
    }
    stream.owed++;
    stream.highest = Math.max(stream.highest, label.getSequence());
    stream.news = true;
    counters.increment(Counter.LABELS);
    RolloutLog rollout = rollouts.get(label.getRolloutId());
    if (rollout == null || !rollout.open()) {
      counters.increment(Counter.LABELS_UNKNOWN);
      return;
    }
    LabelledScore score = Scores.of(label);
    LinkedHashMap<Long, LabelledScore> waiting =
        labels.computeIfAbsent(label.getRolloutId(), id -> new LinkedHashMap<>());
    if (rollout.holds(score) || waiting.putIfAbsent(score.getPrediction(), score) != null) {
      counters.increment(Counter.LABELS_DUPLICATE);
    }
  }

  void ended(LabelSender sender) {
    LabelStream stream = labelStreams.get(sender);
    if (stream != null) {
      stream.ended = true;
    }
  }

  void closed(LabelSender sender) {
    labelStreams.remove(sender);
  }

  // --- Comparisons ---

  void pairs(String rolloutId, List<PairTally> tallies) {
    RolloutLog rollout = rollouts.get(rolloutId);
    if (rollout == null || !rollout.open()) {
      return;
    }
    for (PairTally tally : tallies) {
      rollout.gather(EvidenceLogRecord.newBuilder().setPairs(tally));
      pairsGathered.merge(rolloutId, tally.getPairs(), Long::sum);
    }
  }

  // --- To the disk ---

  /** Writes what is complete, then acknowledges. Does nothing when there is nothing. */
  void flush() {
    List<BlockJoin.Second> seconds = join.take(time.nanoTime());
    seconds.forEach(this::gatherSecond);
    labels.forEach(this::gatherLabels);
    labels.clear();
    try {
      for (Map.Entry<String, RolloutLog> entry : rollouts.entrySet()) {
        commit(entry.getKey(), entry.getValue());
        pairsGathered.remove(entry.getKey());
      }
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
      for (Cell cell : kept.getCellsList()) {
        concerned.add(cell.getRolloutId());
      }
      for (PairCell cell : kept.getPairsList()) {
        concerned.add(cell.getRolloutId());
      }
    }
    for (String rolloutId : concerned.stream().sorted().toList()) {
      gatherSecond(rolloutId, second.second(), sound);
    }
  }

  private void gatherSecond(String rolloutId, long second, List<EvidenceBlock> blocks) {
    List<EvidenceBlock> concerned =
        blocks.stream().filter(block -> concerns(block, rolloutId)).toList();
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
    boolean late = rollout.late(second);
    if (late) {
      counters.increment(Counter.BLOCKS_LATE);
    }
    JoinedBlock joined = BlockMerge.merge(rolloutId, second, late, missing);
    rollout.gather(EvidenceLogRecord.newBuilder().setBlock(joined));
  }

  private static boolean concerns(EvidenceBlock block, String rolloutId) {
    return block.getCellsList().stream().anyMatch(c -> c.getRolloutId().equals(rolloutId))
        || block.getPairsList().stream().anyMatch(c -> c.getRolloutId().equals(rolloutId));
  }

  /** A cell that cannot be counted would otherwise come again for ever. */
  private EvidenceBlock withoutRefused(EvidenceBlock block) {
    EvidenceBlock.Builder kept = block.toBuilder().clearCells().clearPairs();
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
    if (rollout != null && rollout.open() && !scores.isEmpty()) {
      rollout.gather(
          EvidenceLogRecord.newBuilder()
              .setLabels(LabelTally.newBuilder().addAllScores(scores.values())));
    }
  }

  private void commit(String rolloutId, RolloutLog rollout) throws IOException {
    List<EvidenceLogRecord> records = rollout.commit(rolloutId, time.wallMillis());
    if (!records.isEmpty()) {
      sink.accept(rolloutId, records);
    }
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
    for (Map.Entry<BlockSender, BlockStream> entry : List.copyOf(blockStreams.entrySet())) {
      acknowledge(entry.getKey(), entry.getValue());
    }
    for (Map.Entry<LabelSender, LabelStream> entry : List.copyOf(labelStreams.entrySet())) {
      LabelStream stream = entry.getValue();
      if (stream.news) {
        stream.news = false;
        entry.getKey().acknowledge(stream.highest);
      }
      if (stream.owed > 0) {
        entry.getKey().request(stream.owed);
        stream.owed = 0;
      }
      if (stream.ended) {
        labelStreams.remove(entry.getKey());
        entry.getKey().complete();
      }
    }
  }

  private void acknowledge(BlockSender sender, BlockStream stream) {
    boolean allSafe = true;
    for (Map.Entry<Boot, Long> entry : stream.highest.entrySet()) {
      Boot boot = entry.getKey();
      long through = acknowledged.getOrDefault(boot, 0L);
      if (through > 0 && through > stream.told.getOrDefault(boot, -1L)) {
        stream.told.put(boot, through);
        sender.acknowledge(
            BlockAck.newBuilder().setBootId(boot.bootId()).setSequence(through).build());
      }
      allSafe &= through >= entry.getValue();
    }
    if (stream.owed > 0 && join.bytes() <= mostPendingBytes) {
      sender.request(stream.owed);
      stream.owed = 0;
    }
    if (stream.ended && allSafe) {
      blockStreams.remove(sender);
      sender.complete();
    }
  }

  private Fault writeFailed(IOException e) {
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
    List<BlockSender> blockSenders = List.copyOf(blockStreams.keySet());
    List<LabelSender> labelSenders = List.copyOf(labelStreams.keySet());
    blockStreams.clear();
    labelStreams.clear();
    reset();
    blockSenders.forEach(sender -> sender.fail(fault));
    labelSenders.forEach(sender -> sender.fail(fault));
  }
}
