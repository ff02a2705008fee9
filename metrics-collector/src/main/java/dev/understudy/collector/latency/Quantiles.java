package dev.understudy.collector.latency;

import org.HdrHistogram.Histogram;

/** Quantiles in nanoseconds of {@code count} values; all 0 of none. */
public record Quantiles(long count, long p50, long p90, long p95, long p99, long max) {
  /** Of no values. */
  public static final Quantiles NONE = new Quantiles(0, 0, 0, 0, 0, 0);

  /** The quantiles of the ten seconds that begin then. */
  public record At(long unixMs, Quantiles quantiles) {}

  /** The quantiles of a histogram. */
  public static Quantiles of(Histogram histogram) {
    return histogram.getTotalCount() == 0
        ? NONE
        : new Quantiles(
            histogram.getTotalCount(),
            histogram.getValueAtPercentile(50),
            histogram.getValueAtPercentile(90),
            histogram.getValueAtPercentile(95),
            histogram.getValueAtPercentile(99),
            histogram.getMaxValue());
  }
}
