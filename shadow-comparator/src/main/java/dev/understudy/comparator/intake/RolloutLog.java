package dev.understudy.comparator.intake;

import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.evidence.tally.ToleranceLearner;
import dev.understudy.proto.v1.BlockSource;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.ToleranceLearned;
import dev.understudy.proto.v1.WatchSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One rollout's log and what can be known from it alone: the spec in force, which blocks, tallies
 * and outcomes it holds, the tolerances that were learned, and its latest second. Records are
 * gathered, then {@link #commit committed} together; what is known follows the disk, never the
 * intention. Not thread-safe.
 */
final class RolloutLog {
  /** An append is ended before so much, unless one group alone has more: a frame is bounded. */
  private static final long APPEND_BYTES = 16L << 20;

  private final EvidenceLog log;
  private final Map<Boot, Sequences> logged = new HashMap<>();
  // Workers send in sequence and again from the first that was not acknowledged: the last will do.
  private final Map<Boot, Long> tallied = new HashMap<>();
  private final Set<Long> labelled = new HashSet<>();
  private final TreeMap<String, ToleranceLearned> tolerances = new TreeMap<>();
  private final TreeMap<String, ToleranceLearned> toLog = new TreeMap<>();
  private final ToleranceLearner learner = new ToleranceLearner();
  private final List<EvidenceLogRecord.Builder> gathered = new ArrayList<>();
  private @Nullable EvaluationSpec spec;
  private @Nullable WatchSpec watch;
  private long latestSecond = Long.MIN_VALUE;
  private long latestUnixMs;
  private boolean stopped;

  /**
   * Opens the log, or makes it.
   *
   * @throws dev.understudy.comparator.log.DamagedLogException as {@link EvidenceLog#open}
   */
  RolloutLog(Path folder, LogFiles files) throws IOException {
    this.log = EvidenceLog.open(folder, files, EvidenceLog.SEGMENT_BYTES, this::learn);
  }

  /** Takes over what a record says that is in the log. */
  private void learn(EvidenceLogRecord record) {
    latestUnixMs = record.getUnixMs();
    switch (record.getRecordCase()) {
      case SPEC -> {
        spec = record.getSpec();
        watch = null;
        stopped = false;
      }
      case BLOCK -> learn(record.getBlock());
      case LABELS ->
          record.getLabels().getScoresList().forEach(score -> labelled.add(score.getPrediction()));
      case STOP -> stopped = true;
      case TOLERANCE -> {
        tolerances.put(record.getTolerance().getOutput(), record.getTolerance());
        toLog.remove(record.getTolerance().getOutput());
      }
      case WATCH -> watch = record.getWatch();
      case PAIRS -> {
        BlockSource worker = record.getWorker();
        if (worker.getSequence() > 0) {
          tallied.merge(Boot.of(worker), worker.getSequence(), Math::max);
        }
      }
      case GAP, RECORD_NOT_SET -> {
        // Nothing to know for later.
      }
    }
  }

  private void learn(JoinedBlock block) {
    if (!block.getLate()) {
      latestSecond = Math.max(latestSecond, block.getSecond());
    }
    block
        .getSourcesList()
        .forEach(source ->
            logged
                .computeIfAbsent(Boot.of(source), b -> new Sequences())
                .add(source.getSequence()));
  }

  EvidenceLog log() {
    return log;
  }

  /** The spec of the newest attempt; null in a log without records. */
  @Nullable EvaluationSpec spec() {
    return spec;
  }

  /** The watch of the newest attempt; null before it has begun. */
  @Nullable WatchSpec watch() {
    return watch;
  }

  /** Whether evidence is still taken. */
  boolean open() {
    return spec != null && !stopped;
  }

  /** When the last record was written; 0 in a log without records. */
  long latestUnixMs() {
    return latestUnixMs;
  }

  /** Whether a block is in the log already. */
  boolean holds(Boot boot, long sequence) {
    Sequences sequences = logged.get(boot);
    return sequences != null && sequences.contains(sequence);
  }

  /** The greatest sequence of a boot in the log; 0 when there is none. */
  long greatest(Boot boot) {
    Sequences sequences = logged.get(boot);
    return sequences == null ? 0 : sequences.greatest();
  }

  /** Whether a worker's tally is in the log already. */
  boolean holdsTally(Boot worker, long sequence) {
    return sequence <= tallied.getOrDefault(worker, 0L);
  }

  /** Whether an outcome is in the log already. */
  boolean holds(LabelledScore score) {
    return labelled.contains(score.getPrediction());
  }

  /** Whether a second comes after a later one. */
  boolean late(long second) {
    return second <= latestSecond;
  }

  /** The tolerances in the log, by output. */
  List<ToleranceLearned> tolerances() {
    return List.copyOf(tolerances.values());
  }

  /** Learns from control pairs; what comes of it is logged with the next {@link #commit}. */
  void noise(List<NoiseSample> samples) {
    for (NoiseSample sample : samples) {
      if (!tolerances.containsKey(sample.getOutput()) && !toLog.containsKey(sample.getOutput())) {
        learner.offer(sample).ifPresent(tolerance -> toLog.put(tolerance.getOutput(), tolerance));
      }
    }
  }

  /** Puts tolerances that are known but not logged to what is committed next. */
  void gatherTolerances() {
    toLog.values().forEach(t -> gather(EvidenceLogRecord.newBuilder().setTolerance(t)));
  }

  /** Puts a record, without sequence and time, to those that are committed next. */
  void gather(EvidenceLogRecord.Builder record) {
    gathered.add(record);
  }

  /** Forgets what was gathered. */
  void discard() {
    gathered.clear();
  }

  /**
   * Appends what was gathered; it is on the disk when this returns. Records of one tally are in the
   * log together or not at all.
   *
   * @param written told of the records as they are in the log, after each append
   * @throws IOException when the rest of them is not in the log; it stays gathered
   */
  void commit(String rolloutId, long unixMs, Consumer<List<EvidenceLogRecord>> written)
      throws IOException {
    while (!gathered.isEmpty()) {
      List<EvidenceLogRecord> records = nextAppend(rolloutId, unixMs);
      log.append(records);
      gathered.subList(0, records.size()).clear();
      records.forEach(this::learn);
      written.accept(records);
    }
  }

  /** The first of what was gathered, whole groups of one tally, within the bound of an append. */
  private List<EvidenceLogRecord> nextAppend(String rolloutId, long unixMs) {
    List<EvidenceLogRecord> records = new ArrayList<>();
    long bytes = 0;
    int groupStart = 0;
    for (EvidenceLogRecord.Builder next : gathered) {
      boolean together =
          !records.isEmpty()
              && next.hasWorker()
              && next.getWorker().equals(records.getLast().getWorker());
      if (!together) {
        groupStart = records.size();
      }
      EvidenceLogRecord record =
          next.setSequence(log.sequence() + records.size() + 1)
              .setUnixMs(unixMs)
              .setRolloutId(rolloutId)
              .build();
      bytes += record.getSerializedSize();
      if (bytes > APPEND_BYTES && groupStart > 0) {
        return List.copyOf(records.subList(0, groupStart));
      }
      records.add(record);
    }
    return records;
  }
}
