package dev.understudy.evidence.process;

/**
 * Is the canary's failure share (or mean loss) higher than the baseline's by more than an absolute
 * margin? Every request counts, so this process can prove an error-free canary.
 *
 * <p><b>Null hypothesis.</b> {@link Direction#ABORT}: on every request {@code p_canary - p_baseline
 * <= margin}. {@link Direction#PROMOTE}: {@code >= margin}.
 *
 * <p><b>Formula.</b> With loss X in [0, 1] (1 for a failure), {@code Z = X/w} on the canary and
 * {@code -X/(1-w)} on the baseline has mean {@code p_canary - p_baseline} whatever the base rate.
 * Wealth k is multiplied by {@code 1 + lam_k w(1-w)(Z - margin)} to abort, with {@code lam_k =
 * min((r_k-1)/(r_k w + 1-w), 0.95/(w(1+(1-w) margin)))}, and by {@code 1 - lam_k w(1-w)(Z -
 * margin)} to promote, with {@code lam_k = f_k/((1-w)(1-w margin))}; 16 points, r_k from 1.15 to
 * 30, f_k from 0.01 to 0.9, log-spaced. At margin 0 and failures only, aborting is {@link
 * LabelProcess} but for the cap.
 *
 * <p><b>Source.</b> Inverse-probability weighting; testing by betting after Waudby-Smith and
 * Ramdas, <i>Estimating means of bounded random variables by betting</i>, JRSS-B 2024, arXiv
 * 2010.09686.
 *
 * <p><b>What may vary.</b> w per request, the base rate for both arms together.
 *
 * <p><b>Valid when</b> w is the probability in force before the request, and losses are in [0, 1].
 */
public final class MarginProcess extends GridProcess {
  private static final int GRID = 16;
  private static final double[] RATIOS = LogMath.logSpaced(1.15, 30, GRID);
  private static final double[] FRACTIONS = LogMath.logSpaced(0.01, 0.9, GRID);
  private static final double SOLVENCY = 0.95;

  /**
   * What is tested.
   *
   * @param direction which side of {@code margin} is the null hypothesis
   * @param margin allowed difference of shares, greater than -1 and less than 1; 0.01 is one
   *     percentage point
   */
  public record Parameters(Direction direction, double margin) {
    public Parameters {
      LogMath.margin(margin);
    }
  }

  private final Parameters parameters;
  // The exponents' slopes for the w in hand: wealth factor = 1 + x, with x linear in the loss.
  private final double[] canarySlope = new double[GRID];
  private final double[] baselineSlope = new double[GRID];
  private final double[] atZeroLoss = new double[GRID];
  private final double[] logOk = new double[GRID];
  private final double[] logCanaryBad = new double[GRID];
  private final double[] logBaselineBad = new double[GRID];
  private double preparedW = Double.NaN;

  public MarginProcess(Parameters parameters) {
    super(GRID, 0);
    this.parameters = parameters;
  }

  /**
   * Requests under one {@code w}, in any order. Nothing happens at w = 0 or 1.
   *
   * @param w share of the canary, 0 to 1
   */
  public void add(double w, long canaryOk, long canaryBad, long baselineOk, long baselineBad) {
    LogMath.probability("w", w);
    LogMath.count("canaryOk", canaryOk);
    LogMath.count("canaryBad", canaryBad);
    LogMath.count("baselineOk", baselineOk);
    LogMath.count("baselineBad", baselineBad);
    if (w == 0 || w == 1) {
      return;
    }
    long ok = Math.addExact(canaryOk, baselineOk);
    counted(Math.addExact(ok, Math.addExact(canaryBad, baselineBad)));
    prepare(w);
    for (int k = 0; k < GRID; k++) {
      logWealth[k] +=
          (double) ok * logOk[k]
              + (double) canaryBad * logCanaryBad[k]
              + (double) baselineBad * logBaselineBad[k];
    }
  }

  /**
   * One labelled request: the unpaired comparison of losses. Nothing happens at w = 0 or 1.
   *
   * @param w share of the canary, 0 to 1
   * @param onCanary whether the canary was assigned
   * @param loss in [0, 1], for instance a Brier score
   */
  public void loss(double w, boolean onCanary, double loss) {
    loss(w, onCanary, loss, 1);
  }

  /** {@code count} labelled requests of one arm with the same loss. */
  public void loss(double w, boolean onCanary, double loss, long count) {
    LogMath.probability("w", w);
    LogMath.probability("loss", loss);
    LogMath.count("count", count);
    if (w == 0 || w == 1) {
      return;
    }
    counted(count);
    prepare(w);
    double[] slope = onCanary ? canarySlope : baselineSlope;
    for (int k = 0; k < GRID; k++) {
      logWealth[k] += (double) count * StrictMath.log1p(atZeroLoss[k] + slope[k] * loss);
    }
  }

  private void prepare(double w) {
    if (w == preparedW) {
      return;
    }
    double margin = parameters.margin();
    double rest = 1 - w;
    for (int k = 0; k < GRID; k++) {
      if (parameters.direction() == Direction.ABORT) {
        double lam =
            StrictMath.min(
                (RATIOS[k] - 1) / (RATIOS[k] * w + rest), SOLVENCY / (w * (1 + rest * margin)));
        canarySlope[k] = lam * rest;
        baselineSlope[k] = -lam * w;
        atZeroLoss[k] = -lam * w * rest * margin;
      } else {
        double lamRest = FRACTIONS[k] / (1 - w * margin);
        canarySlope[k] = -lamRest;
        baselineSlope[k] = lamRest * w / rest;
        atZeroLoss[k] = lamRest * w * margin;
      }
      logOk[k] = StrictMath.log1p(atZeroLoss[k]);
      logCanaryBad[k] = StrictMath.log1p(atZeroLoss[k] + canarySlope[k]);
      logBaselineBad[k] = StrictMath.log1p(atZeroLoss[k] + baselineSlope[k]);
    }
    preparedW = w;
  }
}
