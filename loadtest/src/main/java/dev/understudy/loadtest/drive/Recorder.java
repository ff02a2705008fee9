package dev.understudy.loadtest.drive;

import io.grpc.Status;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Counts what happens and closes a block when its time is over. For one thread. */
final class Recorder {
  private static final int STATUSES = Status.Code.values().length;

  private final long blockNanos;
  private final List<String> kinds;
  private final List<Block> blocks = new ArrayList<>();
  private final Map<Status.Code, String> reasons = new EnumMap<>(Status.Code.class);

  private final Counts ok = new Counts();
  private final Counts failed = new Counts();
  private final Counts service = new Counts();
  private final Counts lag = new Counts();
  private final Counts[] byKind;
  private long[] byStatus = new long[STATUSES];
  private long due;
  private long notSent;
  private long blockStart;

  /**
   * Cuts time into blocks of this length.
   *
   * @param kinds names of the kinds of call
   */
  Recorder(long blockNanos, List<String> kinds) {
    this.blockNanos = blockNanos;
    this.kinds = kinds;
    this.byKind = new Counts[kinds.size() == 1 ? 0 : kinds.size()];
    for (int i = 0; i < byKind.length; i++) {
      byKind[i] = new Counts();
    }
  }

  /** Time has come so far; nanoseconds since the start. */
  void at(long nanos) {
    while (nanos - blockStart >= blockNanos) {
      closeBlock(blockNanos);
    }
  }

  void due() {
    due++;
  }

  void notSent() {
    notSent++;
  }

  void ended(int kind, Status.Code code, String detail, long latency, long sentLater) {
    byStatus[code.value()]++;
    if (code == Status.Code.OK) {
      ok.record(latency);
      service.record(latency - sentLater);
      if (byKind.length > 0) {
        byKind[kind].record(latency);
      }
    } else {
      failed.record(latency);
      if (!detail.isEmpty()) {
        reasons.putIfAbsent(code, detail);
      }
    }
    if (sentLater >= 0) {
      lag.record(sentLater);
    }
  }

  /** The run has lasted so long; calls that ended later belong to its last block. */
  Series finish(long nanos, long cpuNanos, long backlog, boolean interrupted) {
    long left = nanos - blockStart;
    if (left > blockNanos / 2 || blocks.isEmpty() || due > 0 || anyEnded()) {
      closeBlock(Math.max(left, 1));
    }
    return new Series(blocks, kinds, cpuNanos, reasons, backlog, interrupted);
  }

  private boolean anyEnded() {
    for (long calls : byStatus) {
      if (calls > 0) {
        return true;
      }
    }
    return false;
  }

  private void closeBlock(long nanos) {
    List<Durations> kindsTaken = new ArrayList<>(byKind.length);
    for (Counts counts : byKind) {
      kindsTaken.add(counts.take());
    }
    blocks.add(
        new Block(
            blockStart,
            nanos,
            due,
            notSent,
            ok.take(),
            failed.take(),
            service.take(),
            lag.take(),
            byStatus,
            kindsTaken));
    byStatus = new long[STATUSES];
    due = 0;
    notSent = 0;
    blockStart += nanos;
  }
}
