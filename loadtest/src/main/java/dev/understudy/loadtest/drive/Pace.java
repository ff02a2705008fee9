package dev.understudy.loadtest.drive;

import dev.understudy.loadtest.Schedule;

/** What makes the next call due. */
public sealed interface Pace {
  /**
   * The schedule does, whatever became of the calls before.
   *
   * @param tickNanos send times are moved up to the next multiple of this, so that calls of one
   *     tick leave together; 1 leaves them as they are
   * @param maxOutstanding calls that find as many on their way are counted as not sent
   */
  record Open(Schedule schedule, long tickNanos, int maxOutstanding) implements Pace {
    /** Checks ranges. */
    public Open {
      if (tickNanos < 1 || tickNanos > 1_000_000_000) {
        throw new IllegalArgumentException("tick: " + tickNanos + " ns (expected: 1 ns to 1 s)");
      }
      if (maxOutstanding < 1) {
        throw new IllegalArgumentException(
            "maxOutstanding: " + maxOutstanding + " (expected: >= 1)");
      }
    }
  }

  /**
   * The end of a caller's last call does.
   *
   * @param callers calls that are always on their way, 1 or more
   */
  record Closed(int callers) implements Pace {
    /** Checks the range. */
    public Closed {
      if (callers < 1 || callers > 1_000_000) {
        throw new IllegalArgumentException("callers: " + callers + " (expected: 1 to 1,000,000)");
      }
    }
  }
}
