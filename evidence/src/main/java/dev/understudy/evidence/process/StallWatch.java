package dev.understudy.evidence.process;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;

/**
 * The longest ended stall of one arm: a run of seconds that begins when the median exceeds 4 times
 * that of the last 100 seconds' medians, and ends when it is at most 2 times. With one bound for
 * both, an arm that has become about 4 times slower for good would look like stall after stall, and
 * blocks would grow where there is nothing to wait for.
 */
final class StallWatch {
  private static final int MEMORY = 100;
  private static final int MIN_MEMORY = 10;
  private static final long BEGINS = 4;
  private static final long GOES_ON = 2;

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
    if (seen >= MIN_MEMORY && exceeds(median, run > 0 ? GOES_ON : BEGINS)) {
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

  /** Whether a median exceeds {@code factor} times the median of those remembered. */
  private boolean exceeds(long median, long factor) {
    int remembered = Math.min(seen, MEMORY);
    int below = 0;
    for (int i = 0; i < remembered; i++) {
      below += factor * medians[i] < median ? 1 : 0;
    }
    return below > remembered / 2;
  }
}
