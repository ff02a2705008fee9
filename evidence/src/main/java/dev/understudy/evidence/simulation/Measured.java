package dev.understudy.evidence.simulation;

import java.util.Locale;

/**
 * How an experiment came out.
 *
 * @param experiment what was run
 * @param seed of all runs
 * @param runs number of simulated rollouts
 * @param decided how many of them were decided
 * @param median observations until half of all rollouts were decided; {@link Experiment#NEVER} when
 *     they were not
 */
public record Measured(Experiment experiment, long seed, int runs, int decided, long median) {
  private static final double Z_95 = 1.959964;

  /** Share of rollouts that were decided. */
  public double share() {
    return (double) decided / runs;
  }

  /** Lower end of the 95 % interval of the share. */
  public double low() {
    return decided == 0 ? 0 : wilson(-1);
  }

  /** Upper end of the 95 % interval of the share. */
  public double high() {
    return decided == runs ? 1 : wilson(1);
  }

  /** Whether the experiment's promise is kept. */
  public boolean kept() {
    return experiment.promise().keptBy(this);
  }

  /** E. B. Wilson, <i>Probable inference</i>, JASA 22, 1927. */
  private double wilson(int sign) {
    double n = runs;
    double p = share();
    double square = Z_95 * Z_95 / n;
    double spread = Z_95 * StrictMath.sqrt(p * (1 - p) / n + square / (4 * n));
    return (p + square / 2 + sign * spread) / (1 + square);
  }

  static String percent(double share) {
    double percent = 100 * share;
    boolean whole = StrictMath.abs(percent - StrictMath.rint(percent)) < 1e-9;
    return String.format(Locale.ROOT, whole ? "%.0f %%" : "%.1f %%", percent);
  }
}
