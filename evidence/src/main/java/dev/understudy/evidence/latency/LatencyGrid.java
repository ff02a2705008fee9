package dev.understudy.evidence.latency;

/**
 * The one bucketing of latencies: whoever counts and whoever reads must agree on every edge, so it
 * is fixed for good.
 *
 * <p>Log-linear, as in HdrHistogram: each octave from 2^9 ns to 2^36 ns (0.5 µs to 68.7 s, which
 * holds 1 µs to 60 s) is cut into 128 equal buckets, so a bucket is at most 1/128 = 0.8 % of its
 * lower edge wide. Bucket 0 takes everything shorter, the last everything longer. A bucket holds
 * {@code lower <= nanos < upper}.
 */
public final class LatencyGrid {
  private static final int FIRST_EXPONENT = 9;
  private static final int LAST_EXPONENT = 36;
  private static final int SUB_BITS = 7;
  private static final int PER_OCTAVE = 1 << SUB_BITS;

  /** Number of buckets: indexes run from 0 to one less. */
  public static final int SIZE = (LAST_EXPONENT - FIRST_EXPONENT) * PER_OCTAVE + 2;

  private LatencyGrid() {}

  /** The bucket that holds {@code nanos}, 0 or more. */
  public static int index(long nanos) {
    if (nanos < 0) {
      throw new IllegalArgumentException("nanos: " + nanos + " (expected: >= 0)");
    }
    if (nanos < 1L << FIRST_EXPONENT) {
      return 0;
    }
    if (nanos >= 1L << LAST_EXPONENT) {
      return SIZE - 1;
    }
    int exponent = 63 - Long.numberOfLeadingZeros(nanos);
    int within = (int) (nanos >>> (exponent - SUB_BITS)) & (PER_OCTAVE - 1);
    return 1 + (exponent - FIRST_EXPONENT) * PER_OCTAVE + within;
  }

  /** The smallest latency of a bucket. */
  public static long lowerNanos(int index) {
    checkIndex(index);
    if (index == 0) {
      return 0;
    }
    int octave = (index - 1) >>> SUB_BITS;
    long within = (index - 1L) & (PER_OCTAVE - 1);
    return (PER_OCTAVE + within) << (FIRST_EXPONENT + octave - SUB_BITS);
  }

  /** The first latency above a bucket; {@link Long#MAX_VALUE} for the last. */
  public static long upperNanos(int index) {
    checkIndex(index);
    return index == SIZE - 1 ? Long.MAX_VALUE : lowerNanos(index + 1);
  }

  /** The first bucket that lies wholly at or above {@code nanos}: {@link #SIZE} when none does. */
  public static int firstAtOrAbove(long nanos) {
    int index = index(nanos);
    return lowerNanos(index) == nanos ? index : index + 1;
  }

  static int checkIndex(int index) {
    if (index < 0 || index >= SIZE) {
      throw new IllegalArgumentException(
          "bucket: " + index + " (expected: 0 to " + (SIZE - 1) + ")");
    }
    return index;
  }
}
