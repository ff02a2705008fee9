package dev.understudy.loadtest.drive;

import java.util.Arrays;
import java.util.Collection;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/**
 * Distinct durations, ascending, and how often each occurred. The arrays are not changed.
 *
 * @param values nanoseconds; those of one block differ by 0.2 % or more
 * @param times counts, above 0
 * @param sum of all durations, in nanoseconds
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Durations(long[] values, int[] times, long sum) {
  /** None. */
  public static final Durations NONE = new Durations(new long[0], new int[0], 0);

  /** How many in all. */
  public long count() {
    long count = 0;
    for (int n : times) {
      count += n;
    }
    return count;
  }

  /** The mean in nanoseconds; 0 if there is none. */
  public double mean() {
    long count = count();
    return count == 0 ? 0 : (double) sum / count;
  }

  /** The longest; 0 if there is none. */
  public long max() {
    return values.length == 0 ? 0 : values[values.length - 1];
  }

  /**
   * The smallest duration that at least {@code percentile} of 100 do not exceed; 0 if there is
   * none.
   */
  public long percentile(double percentile) {
    long rank = Math.max(1, (long) Math.ceil(percentile / 100 * count() - 1e-9));
    long seen = 0;
    for (int i = 0; i < values.length; i++) {
      seen += times[i];
      if (seen >= rank) {
        return values[i];
      }
    }
    return max();
  }

  /** All of these together. */
  public static Durations sum(Collection<Durations> parts) {
    TreeMap<Long, Integer> all = new TreeMap<>();
    long sum = 0;
    for (Durations part : parts) {
      for (int i = 0; i < part.values.length; i++) {
        all.merge(part.values[i], part.times[i], Integer::sum);
      }
      sum += part.sum;
    }
    return new Durations(
        all.keySet().stream().mapToLong(Long::longValue).toArray(),
        all.values().stream().mapToInt(Integer::intValue).toArray(),
        sum);
  }

  /** Adds these to a histogram, cut to its range. */
  public void addTo(Histogram histogram) {
    for (int i = 0; i < values.length; i++) {
      histogram.recordValueWithCount(
          Math.clamp(values[i], 1, histogram.getHighestTrackableValue()), times[i]);
    }
  }

  @Override
  public String toString() {
    return "Durations[" + count() + ", values " + Arrays.toString(Arrays.copyOf(values, 3)) + "…]";
  }
}
