package dev.understudy.evidence.process;

/**
 * Is the mean of values in [0, 1] above (or below) a limit?
 *
 * <p><b>Null hypothesis.</b> {@link Direction#ABORT}: each value's mean, given the past, is at most
 * {@code limit}. {@link Direction#PROMOTE}: at least {@code limit}.
 *
 * <p><b>Formula.</b> To abort, wealth k is multiplied by {@code 1 + lam_k (D - limit)} with {@code
 * lam_k = f_k/limit}; to promote, by {@code 1 - lam_k (D - limit)} with {@code lam_k =
 * f_k/(1-limit)}; f_k log-spaced from 0.005 to 0.8, 12 points.
 *
 * <p><b>Source.</b> Waudby-Smith and Ramdas, <i>Estimating means of bounded random variables by
 * betting</i>, JRSS-B 2024, arXiv 2010.09686.
 *
 * <p><b>What may vary.</b> The distribution, from value to value, as long as its mean keeps to the
 * null hypothesis.
 *
 * <p><b>Valid when</b> values are in [0, 1], and go missing independently of their size. Values
 * that depend on each other, as the rows of one call do, are first brought together to their mean.
 */
public final class BettingMean extends GridProcess {
  /** Values may be given as whole numbers of this fraction: a value of 1 is {@value}. */
  public static final int GRID_UNITS = 1024;

  private static final int GRID = 12;
  private static final double[] FRACTIONS = LogMath.logSpaced(0.005, 0.8, GRID);

  /**
   * What is tested.
   *
   * @param direction which side of {@code limit} is the null hypothesis
   * @param limit greater than 0 and less than 1
   */
  public record Parameters(Direction direction, double limit) {
    public Parameters {
      LogMath.openUnit("limit", limit);
    }
  }

  private final double limit;
  private final double[] slope = new double[GRID];

  public BettingMean(Parameters parameters) {
    super(GRID, 0);
    this.limit = parameters.limit();
    for (int k = 0; k < GRID; k++) {
      slope[k] =
          parameters.direction() == Direction.ABORT
              ? FRACTIONS[k] / limit
              : -FRACTIONS[k] / (1 - limit);
    }
  }

  /** One value in [0, 1]. */
  public void add(double value) {
    add(value, 1);
  }

  /**
   * {@code count} values that are all {@code value}, in [0, 1]; the order of equal-sized blocks
   * does not matter.
   */
  public void add(double value, long count) {
    LogMath.probability("value", value);
    LogMath.count("count", count);
    counted(count);
    for (int k = 0; k < GRID; k++) {
      logWealth[k] += (double) count * StrictMath.log1p(slope[k] * (value - limit));
    }
  }

  /** {@code count} values of {@code units / 1024} each. */
  public void addUnits(int units, long count) {
    if (units < 0 || units > GRID_UNITS) {
      throw new IllegalArgumentException(
          "units: " + units + " (expected: 0 to " + GRID_UNITS + ")");
    }
    add((double) units / GRID_UNITS, count);
  }
}
