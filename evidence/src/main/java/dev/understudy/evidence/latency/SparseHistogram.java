package dev.understudy.evidence.latency;

import java.util.Arrays;

/**
 * Counts on {@link LatencyGrid}, only where they are not 0: ascending bucket indexes and a count of
 * at least 1 for each. The packed form {@code index, count, index, count, …} is what travels. Not
 * thread-safe.
 */
public final class SparseHistogram {
  private static final int INITIAL_CAPACITY = 8;

  private int[] indexes = new int[INITIAL_CAPACITY];
  private long[] counts = new long[INITIAL_CAPACITY];
  private int buckets;
  private long total;

  /** An empty histogram. */
  public SparseHistogram() {}

  /**
   * Reads the packed form.
   *
   * @throws IllegalArgumentException when indexes do not ascend or are off the grid, a count is
   *     below 1, the length is odd, or the total exceeds a long
   */
  public static SparseHistogram ofPacked(long[] packed) {
    if (packed.length % 2 != 0) {
      throw new IllegalArgumentException(
          "packed length: " + packed.length + " (expected: pairs of index and count)");
    }
    SparseHistogram histogram = new SparseHistogram();
    long previous = -1;
    for (int i = 0; i < packed.length; i += 2) {
      if (packed[i] <= previous || packed[i] >= LatencyGrid.SIZE) {
        throw new IllegalArgumentException(
            "bucket: "
                + packed[i]
                + " (expected: above "
                + previous
                + " and below "
                + LatencyGrid.SIZE
                + ")");
      }
      if (packed[i + 1] < 1) {
        throw new IllegalArgumentException("count: " + packed[i + 1] + " (expected: >= 1)");
      }
      previous = packed[i];
      histogram.add((int) previous, packed[i + 1]);
    }
    return histogram;
  }

  /** The packed form: index and count alternating, indexes ascending. */
  public long[] packed() {
    long[] packed = new long[2 * buckets];
    for (int i = 0; i < buckets; i++) {
      packed[2 * i] = indexes[i];
      packed[2 * i + 1] = counts[i];
    }
    return packed;
  }

  /** Counts one latency, 0 or more nanoseconds. */
  public void record(long nanos) {
    add(LatencyGrid.index(nanos), 1);
  }

  /** Adds {@code count}, 0 or more, to a bucket. */
  public void add(int index, long count) {
    LatencyGrid.checkIndex(index);
    if (count < 0) {
      throw new IllegalArgumentException("count: " + count + " (expected: >= 0)");
    }
    if (count == 0) {
      return;
    }
    boolean isLast = buckets == 0 || index > indexes[buckets - 1];
    int at = isLast ? -buckets - 1 : Arrays.binarySearch(indexes, 0, buckets, index);
    put(at >= 0 ? at : -at - 1, index, count);
  }

  /**
   * As {@link #add(int, long)}, for buckets that come in ascending order: the search goes on from
   * where it ended, which costs a step per bucket instead of a search.
   *
   * @param from what the call for the bucket before returned; 0 for the first
   * @return where to go on for the next bucket
   */
  public int addFrom(int from, int index, long count) {
    LatencyGrid.checkIndex(index);
    if (count < 0) {
      throw new IllegalArgumentException("count: " + count + " (expected: >= 0)");
    }
    int at = Math.min(from, buckets);
    if (at > 0 && indexes[at - 1] >= index) {
      at = 0; // They did not ascend.
    }
    while (at < buckets && indexes[at] < index) {
      at++;
    }
    if (count > 0) {
      put(at, index, count);
    }
    return at;
  }

  /** Makes room for so many buckets at once, where that is known. */
  public void reserve(int more) {
    int needed = Math.min(buckets + more, LatencyGrid.SIZE);
    if (needed > indexes.length) {
      indexes = Arrays.copyOf(indexes, needed);
      counts = Arrays.copyOf(counts, needed);
    }
  }

  /** Counts at a position that is the bucket's, or where it belongs. */
  private void put(int at, int index, long count) {
    long newTotal = sum(total, count);
    if (at < buckets && indexes[at] == index) {
      counts[at] += count;
    } else {
      insert(at, index, count);
    }
    total = newTotal;
  }

  /** Adds every count of another histogram. */
  public void merge(SparseHistogram other) {
    if (buckets == 0) {
      indexes = Arrays.copyOf(other.indexes, other.indexes.length);
      counts = Arrays.copyOf(other.counts, other.counts.length);
      buckets = other.buckets;
      total = other.total;
      return;
    }
    int at = 0;
    for (int i = 0; i < other.buckets; i++) {
      at = addFrom(at, other.indexes[i], other.counts[i]);
    }
  }

  /** Number of latencies counted. */
  public long total() {
    return total;
  }

  /** Number of buckets in use. */
  public int buckets() {
    return buckets;
  }

  /** Index of the i-th used bucket, ascending; i from 0 to {@link #buckets()} - 1. */
  public int indexAt(int i) {
    return indexes[java.util.Objects.checkIndex(i, buckets)];
  }

  /** Count of the i-th used bucket. */
  public long countAt(int i) {
    return counts[java.util.Objects.checkIndex(i, buckets)];
  }

  /**
   * How many latencies lie in buckets at or above {@code index}; an index of {@link
   * LatencyGrid#SIZE} gives 0.
   */
  public long countFrom(int index) {
    long sum = 0;
    for (int i = buckets - 1; i >= 0 && indexes[i] >= index; i--) {
      sum += counts[i];
    }
    return sum;
  }

  /**
   * How many latencies lie in buckets wholly at or above {@code nanos}: exact when {@code nanos} is
   * an edge.
   */
  public long countAtOrAbove(long nanos) {
    return countFrom(LatencyGrid.firstAtOrAbove(nanos));
  }

  /**
   * The bucket of the p-quantile: the first one at which at least {@code p * total} latencies are
   * counted.
   *
   * @param p 0 to 1
   * @throws IllegalStateException when the histogram is empty
   */
  public int quantileIndex(double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("p: " + p + " (expected: 0 to 1)");
    }
    if (total == 0) {
      throw new IllegalStateException("quantile of an empty histogram");
    }
    double rank = p * (double) total;
    long cumulative = 0;
    for (int i = 0; i < buckets; i++) {
      cumulative += counts[i];
      if ((double) cumulative >= rank) {
        return indexes[i];
      }
    }
    return indexes[buckets - 1];
  }

  /** Upper edge, in nanoseconds, of the bucket of the p-quantile. */
  public long quantileNanos(double p) {
    return LatencyGrid.upperNanos(quantileIndex(p));
  }

  private void insert(int at, int index, long count) {
    if (buckets == indexes.length) {
      indexes = Arrays.copyOf(indexes, 2 * buckets);
      counts = Arrays.copyOf(counts, 2 * buckets);
    }
    System.arraycopy(indexes, at, indexes, at + 1, buckets - at);
    System.arraycopy(counts, at, counts, at + 1, buckets - at);
    indexes[at] = index;
    counts[at] = count;
    buckets++;
  }

  private static long sum(long a, long b) {
    if (a > Long.MAX_VALUE - b) {
      throw new IllegalArgumentException("total: " + a + " + " + b + " (expected: below 2^63)");
    }
    return a + b;
  }
}
