package dev.understudy.evidence.process;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import java.util.Arrays;

/**
 * The longest ended stall of one arm: a run of seconds whose median exceeds 4 times that of the
 * last 100 seconds' medians.
 */
final class StallWatch {
  private static final int MEMORY = 100;
  private static final int MIN_MEMORY = 10;
  private static final long FACTOR = 4;

  private final long[] medians = new long[MEMORY];
  private int seen;
  private int run;
  private int longest;

  /** Takes the next second; one without answers neither starts nor ends a stall. */
  void second(SparseHistogram latencies) {
    if (latencies.total() == 0) {
      run += run > 0 ? 1 : 0;
      return;
    }
    long median = LatencyGrid.lowerNanos(latencies.quantileIndex(0.5));
    if (seen >= MIN_MEMORY && median > FACTOR * typical()) {
      run++;
    } else {
      longest = Math.max(longest, run);
      run = 0;
    }
    medians[seen % MEMORY] = median;
    seen = seen == 2 * MEMORY - 1 ? MEMORY : seen + 1;
  }

  int longestSeconds() {
    return longest;
  }

  private long typical() {
    long[] sorted = Arrays.copyOf(medians, Math.min(seen, MEMORY));
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
