package dev.understudy.evidence.process;

/**
 * Confidence interval for the ratio of the canary's risk to the baseline's, valid at every moment
 * at once.
 *
 * <p>Two {@link LabelProcess}es stand at each point of a grid of ratios, 97 points from 1/64 to 64.
 * The evidence against "at most rho" falls in rho for any data, and that against "at least rho"
 * rises, so the largest rejected point is a lower bound and the smallest rejected point an upper
 * one, each at half the level. Between points the interval is rounded outward, by at most 9 %.
 *
 * <p>For display; {@link LabelProcess} decides. Conditions as there. Not thread-safe.
 */
public final class RatioInterval {
  private static final int POINTS = 97;
  private static final double[] RATIOS = LogMath.logSpaced(1.0 / 64, 64, POINTS);

  private final double level;
  private final LabelProcess[] above = new LabelProcess[POINTS];
  private final LabelProcess[] below = new LabelProcess[POINTS];

  /**
   * An interval that misses the true ratio, ever, with a chance of at most {@code level}.
   *
   * @param level in (0, 1)
   */
  public RatioInterval(double level) {
    this.level = LogMath.openUnit("level", level);
    for (int i = 0; i < POINTS; i++) {
      above[i] = new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, RATIOS[i], 0));
      below[i] = new LabelProcess(new LabelProcess.Parameters(Direction.PROMOTE, RATIOS[i], 0));
    }
  }

  /** Bad events under one {@code w}; see {@link LabelProcess#bad(double, long, long)}. */
  public void bad(double w, long onCanaryCount, long onBaselineCount) {
    for (int i = 0; i < POINTS; i++) {
      above[i].bad(w, onCanaryCount, onBaselineCount);
      below[i].bad(w, onCanaryCount, onBaselineCount);
    }
  }

  /** The lower end: 0 while nothing is excluded. */
  public double lower() {
    for (int i = POINTS - 1; i >= 0; i--) {
      if (above[i].reaches(level / 2)) {
        return RATIOS[i];
      }
    }
    return 0;
  }

  /** The upper end: positive infinity while nothing is excluded. */
  public double upper() {
    for (int i = 0; i < POINTS; i++) {
      if (below[i].reaches(level / 2)) {
        return RATIOS[i];
      }
    }
    return Double.POSITIVE_INFINITY;
  }
}
