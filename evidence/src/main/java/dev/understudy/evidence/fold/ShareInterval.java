package dev.understudy.evidence.fold;

/**
 * Mean over calls of shares on the grid of 1/1024, with an interval for display that is valid at
 * every look at once. It is {@link RateInterval}, which holds for any values in [0, 1]: the
 * likelihood ratio it rests on is convex in a value, so its expectation is greatest for values that
 * are 0 or 1. What the sum has beyond whole calls widens it.
 */
final class ShareInterval {
  private static final long UNITS = 1024;

  private long n;
  private long sum;

  /** {@code count} calls with a share of {@code units / 1024}. */
  void add(long units, long count) {
    n += count;
    sum += units * count;
  }

  /** Calls. */
  long n() {
    return n;
  }

  double mean() {
    return n == 0 ? Double.NaN : (double) sum / (double) n / UNITS;
  }

  Estimate estimate() {
    long least = sum / UNITS;
    long most = Math.ceilDiv(sum, UNITS);
    return new Estimate(
        mean(),
        RateInterval.of(least, n, Estimate.LEVEL).low(),
        RateInterval.of(most, n, Estimate.LEVEL).high());
  }
}
