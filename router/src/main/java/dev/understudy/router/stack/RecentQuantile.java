package dev.understudy.router.stack;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * The 95th percentile of recent latencies, to within an eighth: counts in eight buckets to the
 * octave, of which each look leaves a half, so that the past fades. Any thread records; one looks.
 */
final class RecentQuantile {
  private static final int SUB_BITS = 3;
  private static final int BUCKETS = 64 << SUB_BITS;
  private static final double SHARE = 0.95;

  /** With fewer the tail is not known. */
  private static final int FEWEST = 20;

  private final AtomicIntegerArray counts = new AtomicIntegerArray(BUCKETS);
  private volatile long nanos = Long.MAX_VALUE;

  /** A call took so long, 0 or more. */
  void record(long latencyNanos) {
    counts.getAndIncrement(bucket(latencyNanos));
  }

  /** The percentile as of the last look; {@link Long#MAX_VALUE} when too little is known. */
  long nanos() {
    return nanos;
  }

  /** Looks, and lets the past fade. */
  void look() {
    int[] seen = new int[BUCKETS];
    long all = 0;
    for (int i = 0; i < BUCKETS; i++) {
      seen[i] = counts.get(i);
      counts.getAndAdd(i, -((seen[i] + 1) / 2));
      all += seen[i];
    }
    if (all < FEWEST) {
      nanos = Long.MAX_VALUE;
      return;
    }
    long wanted = (long) Math.ceil(all * SHARE);
    long sum = 0;
    for (int i = 0; i < BUCKETS; i++) {
      sum += seen[i];
      if (sum >= wanted) {
        nanos = above(i);
        return;
      }
    }
  }

  private static int bucket(long value) {
    long v = Math.max(1L << SUB_BITS, value);
    int octave = 63 - Long.numberOfLeadingZeros(v);
    int sub = (int) (v >>> (octave - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    return (octave << SUB_BITS) + sub;
  }

  /** The least value above a bucket. */
  private static long above(int bucket) {
    int octave = bucket >>> SUB_BITS;
    long sub = bucket & ((1 << SUB_BITS) - 1);
    return ((1L << SUB_BITS) + sub + 1) << (octave - SUB_BITS);
  }
}
