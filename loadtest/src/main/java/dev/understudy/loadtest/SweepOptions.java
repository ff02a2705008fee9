package dev.understudy.loadtest;

import dev.understudy.loadtest.report.Threshold;
import dev.understudy.loadtest.statistics.KneeSearch;
import java.time.Duration;
import java.util.List;

/**
 * How to search for the knee.
 *
 * @param from the first rate, calls per second
 * @param to the highest rate to try
 * @param growth factor from one rate to the next, above 1
 * @param step how long each rate is measured; a fifth of it is run before and not measured
 * @param limits what a sustained rate may not pass; empty for the usual: 1 % errors, and ten times
 *     the p99 of the first step
 */
public record SweepOptions(
    double from, double to, double growth, Duration step, List<Threshold> limits) {
  /** Checks ranges. */
  public SweepOptions {
    var _ = new KneeSearch(from, to, growth);
    if (step.toMillis() < 100) {
      throw new IllegalArgumentException("step: " + step + " (expected: 100ms or more)");
    }
    limits = List.copyOf(limits);
  }
}
