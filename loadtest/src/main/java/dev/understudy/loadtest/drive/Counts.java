package dev.understudy.loadtest.drive;

import java.util.Arrays;

/**
 * How often each duration occurred, in buckets of at most 0.2 % width, from one nanosecond to about
 * a minute (longer ones count as the longest). To record is an index and two additions; to take
 * what was recorded costs by the buckets touched, not by the buckets there are, so that a block of
 * time can be closed between two calls. For one thread.
 */
public final class Counts {
  private static final int BITS = 9;
  private static final long LONGEST = (1L << 36) - 1;
  private static final int BUCKETS = index(LONGEST) + 1;

  private final int[] counts = new int[BUCKETS];
  private final int[] touched = new int[BUCKETS];
  private int touchedCount;
  private long sum;
  private long max;

  /** Nothing yet. */
  public Counts() {}

  /** One more of these; a negative duration counts as 0. */
  public void record(long nanos) {
    long value = Math.clamp(nanos, 0, LONGEST);
    int index = index(value);
    if (counts[index]++ == 0) {
      touched[touchedCount++] = index;
    }
    sum += value;
    max = Math.max(max, value);
  }

  /** What was recorded; afterwards this is empty again. */
  public Durations take() {
    int[] indexes = Arrays.copyOf(touched, touchedCount);
    Arrays.sort(indexes);
    long[] values = new long[touchedCount];
    int[] times = new int[touchedCount];
    for (int i = 0; i < touchedCount; i++) {
      values[i] = middle(indexes[i]);
      times[i] = counts[indexes[i]];
      counts[indexes[i]] = 0;
    }
    if (touchedCount > 0) {
      // The last bucket is known better than by its middle.
      values[touchedCount - 1] = max;
    }
    Durations taken = new Durations(values, times, sum);
    touchedCount = 0;
    sum = 0;
    max = 0;
    return taken;
  }

  static int index(long value) {
    int shift = Math.max(0, 63 - BITS - Long.numberOfLeadingZeros(value));
    return (shift << BITS) + (int) (value >>> shift);
  }

  static long middle(int index) {
    int shift = Math.max(0, (index >>> BITS) - 1);
    long lowest = (long) (index - (shift << BITS)) << shift;
    return lowest + ((1L << shift) - 1) / 2;
  }
}
