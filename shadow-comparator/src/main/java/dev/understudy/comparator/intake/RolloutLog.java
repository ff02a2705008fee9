package dev.understudy.comparator.intake;

import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelledScore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One rollout's log and what can be known from it alone: the spec in force, which blocks and
 * outcomes it holds, and its latest second. Records are gathered, then {@link #commit committed}
 * together; what is known follows the disk, never the intention. Not thread-safe.
 */
final class RolloutLog {
  private final EvidenceLog log;
  private final Map<Boot, Sequences> logged = new HashMap<>();
  private final Set<Long> labelled = new HashSet<>();
  private final List<EvidenceLogRecord.Builder> gathered = new ArrayList<>();
  private @Nullable EvaluationSpec spec;
  private long latestSecond = Long.MIN_VALUE;
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
    switch (record.getRecordCase()) {
      case SPEC -> {
        spec = record.getSpec();
        stopped = false;
      }
      case BLOCK -> learn(record.getBlock());
      case LABELS ->
          record.getLabels().getScoresList().forEach(score -> labelled.add(score.getPrediction()));
      case STOP -> stopped = true;
      case PAIRS, GAP, TOLERANCE, WATCH, RECORD_NOT_SET -> {
        // Nothing to know for later.
      }
    }
  }

  private void learn(JoinedBlock block) {
    latestSecond = Math.max(latestSecond, block.getSecond());
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

  /** Whether evidence is still taken. */
  boolean open() {
    return spec != null && !stopped;
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

  Set<Boot> boots() {
    return logged.keySet();
  }

  /** Whether an outcome is in the log already. */
  boolean holds(LabelledScore score) {
    return labelled.contains(score.getPrediction());
  }

  /** Whether a second comes after a later one. */
  boolean late(long second) {
    return second <= latestSecond;
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
   * Appends what was gathered; it is on the disk when this returns.
   *
   * @return the records as they are in the log
   * @throws IOException when none of it is in the log; it stays gathered
   */
  List<EvidenceLogRecord> commit(String rolloutId, long unixMs) throws IOException {
    List<EvidenceLogRecord> records = new ArrayList<>(gathered.size());
    long sequence = log.sequence();
    for (EvidenceLogRecord.Builder record : gathered) {
      sequence++;
      records.add(record.setSequence(sequence).setUnixMs(unixMs).setRolloutId(rolloutId).build());
    }
    log.append(records);
    gathered.clear();
    records.forEach(this::learn);
    return records;
  }
}
