package dev.understudy.loadtest.report;

import java.util.List;
import java.util.OptionalDouble;

/**
 * A rate sweep.
 *
 * @param steps in the order in which they were measured
 * @param knee the highest rate that was sustained; empty if none was
 * @param rule what sustained means, in words
 * @param whyOver why the search ended, in words
 */
public record SweepResult(List<Step> steps, OptionalDouble knee, String rule, String whyOver) {

  /** Copies. */
  public SweepResult {
    steps = List.copyOf(steps);
  }

  /**
   * One rate.
   *
   * @param rate calls per second that were due
   * @param measurement of it
   * @param failing why the rate was not sustained; empty if it was
   */
  public record Step(double rate, Measurement measurement, List<String> failing) {
    /** Whether the rate was sustained. */
    public boolean sustained() {
      return failing.isEmpty();
    }
  }
}
