package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.OutputMeasures;

/**
 * The share of one call's decisions that changed, on the grid of 1/1024: to nearest, ties upward,
 * but 0 and 1024 stand only for none and all, so that a call of one row is told exactly. A call is
 * one observation however many rows it has, because its rows may change together.
 *
 * <p>Judged is not the grid value but the end of what it may stand for that speaks less: {@link
 * #least} against a version, {@link #most} for it. So rounding never adds evidence, and a limit may
 * lie below the grid.
 */
public final class ChangedShare {
  private static final int UNITS = OutputMeasures.UNITS;
  private static final double HALF = 0.5;

  private ChangedShare() {}

  /**
   * The grid value.
   *
   * @param changed 0 to {@code decided}
   * @param decided rows with a decision, 1 or more
   */
  static int units(long changed, long decided) {
    if (changed == 0 || changed == decided) {
      return changed == 0 ? 0 : UNITS;
    }
    long nearest = (2 * UNITS * changed + decided) / (2 * decided);
    return Math.clamp(nearest, 1, UNITS - 1);
  }

  /** The least share that {@code units}, 0 to 1024, stands for. */
  public static double least(int units) {
    if (units == 0 || units == UNITS) {
      return units == 0 ? 0 : 1;
    }
    return units == 1 ? 0 : (units - HALF) / UNITS;
  }

  /** The greatest share that {@code units}, 0 to 1024, stands for. */
  public static double most(int units) {
    return 1 - least(UNITS - units);
  }
}
