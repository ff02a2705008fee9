package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Block;
import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.statistics.PercentileIntervals;
import dev.understudy.loadtest.statistics.SteadyState;
import java.util.OptionalInt;

/**
 * One target as it was measured, with what follows from it.
 *
 * @param name of the target
 * @param whole all that was measured
 * @param counted the part that the figures are about
 * @param steadyFrom index of the block in {@code whole} where MSER-5 finds steady latencies; empty
 *     if they have not settled
 * @param intervals of {@link #percentiles}
 * @param startUnixMillis when it began
 */
public record Measurement(
    String name,
    Series whole,
    Series counted,
    OptionalInt steadyFrom,
    PercentileIntervals intervals,
    long startUnixMillis) {

  private static final double[] PERCENTILES = {50, 75, 90, 95, 99, 99.9, 99.99, 100};

  /** The percentiles that reports show. */
  public static double[] percentiles() {
    return PERCENTILES.clone();
  }

  /**
   * Of a run.
   *
   * @param dropWarmUp whether what comes before the steady state is left out
   */
  public static Measurement of(
      String name, Series whole, boolean dropWarmUp, long seed, long startUnixMillis) {
    OptionalInt steady =
        SteadyState.begins(
            whole.blocks().stream()
                .map(Block::ok)
                .mapToDouble(ok -> ok.values().length == 0 ? Double.NaN : ok.mean())
                .toArray());
    Series counted = dropWarmUp ? whole.from(steady.orElse(0)) : whole;
    return new Measurement(
        name,
        whole,
        counted,
        steady,
        PercentileIntervals.of(
            counted.blocks().stream().map(Block::ok).toList(), PERCENTILES, seed),
        startUnixMillis);
  }

  /** Seconds from the start until latencies were steady; NaN if they have not settled. */
  public double steadyFromSeconds() {
    return steadyFrom.isEmpty()
        ? Double.NaN
        : whole.blocks().subList(0, steadyFrom.getAsInt()).stream().mapToLong(Block::nanos).sum()
            / 1e9;
  }

  /** CPU time of this process per call, in microseconds. */
  public double cpuMicrosPerCall() {
    return counted.cpuNanos() / 1e3 / Math.max(1, counted.calls());
  }

  /**
   * Whether this process sent so late that the figures tell more about it than about the target:
   * one call in a hundred by more than a tenth of the p99, and by more than a millisecond.
   */
  public boolean late() {
    Durations lag = counted.lag();
    long p99 = lag.percentile(99);
    return p99 > 1_000_000 && p99 > counted.ok().percentile(99) / 10;
  }

  static String name(double percentile) {
    if (percentile == 100) {
      return "max";
    }
    return "p"
        + (percentile == Math.rint(percentile)
            ? Integer.toString((int) percentile)
            : Double.toString(percentile));
  }
}
