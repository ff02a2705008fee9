package dev.understudy.evidence.process;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import java.util.ArrayDeque;

/** The latencies of the last so many seconds, block by block. */
final class LatencyHistory {
  private record Entry(SparseHistogram histogram, int seconds) {}

  private final ArrayDeque<Entry> entries = new ArrayDeque<>();
  private final long[] counts = new long[LatencyGrid.SIZE];
  private final int maxSeconds;
  private int seconds;
  private long total;

  LatencyHistory(int maxSeconds) {
    this.maxSeconds = maxSeconds;
  }

  /** Takes over a block; the oldest go as far as the rest still spans the history. */
  void add(SparseHistogram block, int blockSeconds) {
    entries.addLast(new Entry(block, blockSeconds));
    seconds += blockSeconds;
    count(block, 1);
    while (seconds - entries.getFirst().seconds() >= maxSeconds) {
      Entry oldest = entries.removeFirst();
      seconds -= oldest.seconds();
      count(oldest.histogram(), -1);
    }
  }

  long total() {
    return total;
  }

  /**
   * Upper edge of the bucket at which a share of at least p is reached; the history must not be
   * empty.
   */
  long quantileUpperNanos(double p) {
    double rank = p * (double) total;
    long cumulative = 0;
    int index = -1;
    do {
      index++;
      cumulative += counts[index];
    } while ((double) cumulative < rank && index < counts.length - 1);
    return LatencyGrid.upperNanos(index);
  }

  private void count(SparseHistogram block, int sign) {
    for (int i = 0; i < block.buckets(); i++) {
      counts[block.indexAt(i)] += sign * block.countAt(i);
    }
    total += sign * block.total();
  }
}
