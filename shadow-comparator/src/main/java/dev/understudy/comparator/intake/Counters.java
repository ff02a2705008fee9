package dev.understudy.comparator.intake;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What the intake has seen, dropped and refused since it started. Safe for use by any thread. */
public final class Counters {
  /** One count each. */
  public enum Counter {
    /** Evidence blocks that were taken. */
    BLOCKS,
    /** Evidence blocks that had come before. */
    BLOCKS_DUPLICATE,
    /** Seconds of a rollout that came after a later second of it was in the log. */
    BLOCKS_LATE,
    /** Evidence blocks that routers no longer held. */
    BLOCKS_LOST,
    /** Cells of rollouts that are not known or have been stopped. */
    CELLS_UNKNOWN,
    /** Cells that cannot be counted. */
    CELLS_REFUSED,
    /** Comparisons that were received. */
    COMPARISONS,
    /** Comparisons dropped because the queue was full, or because the disk was. */
    COMPARISONS_DROPPED,
    /** Comparisons of rollouts or versions that are not judged. */
    COMPARISONS_UNKNOWN,
    /** Outcomes that were received. */
    LABELS,
    /** Outcomes that had come before. */
    LABELS_DUPLICATE,
    /** Outcomes of rollouts that are not judged. */
    LABELS_UNKNOWN,
    /** Writes to a log that failed. */
    WRITE_FAILURES
  }

  private final Map<Counter, LongAdder> counts = new EnumMap<>(Counter.class);

  /** All counts 0. */
  public Counters() {
    for (Counter counter : Counter.values()) {
      counts.put(counter, new LongAdder());
    }
  }

  void add(Counter counter, long more) {
    LongAdder count = counts.get(counter);
    if (count != null) {
      count.add(more);
    }
  }

  void increment(Counter counter) {
    add(counter, 1);
  }

  /** The present value of a count. */
  public long get(Counter counter) {
    LongAdder count = counts.get(counter);
    return count == null ? 0 : count.sum();
  }
}
