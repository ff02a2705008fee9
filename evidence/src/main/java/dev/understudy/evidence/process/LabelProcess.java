package dev.understudy.evidence.process;

/**
 * Are bad events on the canary more often than its share of the traffic explains? Looks at bad
 * events only.
 *
 * <p><b>Null hypothesis.</b> {@link Direction#ABORT}: on every request the canary's risk is at most
 * {@code ratio} times the baseline's. {@link Direction#PROMOTE}: at least {@code ratio} times.
 *
 * <p><b>Formula.</b> Given that a request failed, the chance that it was on the canary is at most
 * {@code th0 = rho w / (rho w + 1 - w)}. For bets {@code r_k}, k = 1..16, log-spaced from 1.15 to
 * 30 ({@code 1/r_k} to promote), {@code th_k = rho r_k w / (rho r_k w + 1 - w)}; a failure on the
 * canary multiplies wealth k by {@code th_k/th0}, one on the baseline by {@code (1-th_k)/(1-th0)}.
 *
 * <p><b>Source.</b> Lindon and Malek, <i>Anytime-valid inference for multinomial count data</i>,
 * NeurIPS 2022, arXiv 2011.03567; the grid in place of their conjugate mixture lets w change.
 *
 * <p><b>What may vary.</b> w per event; the base rate in any way, for both arms together: an outage
 * of something both depend on moves nothing.
 *
 * <p><b>Valid when</b> w is the probability that the router had for sending <em>this</em> request
 * to the canary, known before it, and failures are not clustered by a hidden unit (users that stay
 * on one arm, stalls): then use first failures per key, or blocks.
 */
public final class LabelProcess extends GridProcess {
  private static final int GRID = 16;
  private static final double[] RATIOS = LogMath.logSpaced(1.15, 30, GRID);

  /**
   * What is tested.
   *
   * @param direction which side of {@code ratio} is the null hypothesis
   * @param ratio allowed ratio of the canary's risk to the baseline's, greater than 0; 1 means "no
   *     worse"
   * @param minEvents bad events that must be seen before the evidence may decide, 0 or more
   */
  public record Parameters(Direction direction, double ratio, long minEvents) {
    /** Default least number of bad events before an abort. */
    public static final long DEFAULT_MIN_EVENTS = 5;

    public Parameters {
      LogMath.positive("ratio", ratio);
      LogMath.count("minEvents", minEvents);
    }

    /**
     * Evidence that the ratio is above {@code ratio}, after at least {@value #DEFAULT_MIN_EVENTS}
     * bad events.
     */
    public static Parameters abort(double ratio) {
      return new Parameters(Direction.ABORT, ratio, DEFAULT_MIN_EVENTS);
    }

    /** Evidence that the ratio is below {@code ratio}. */
    public static Parameters promote(double ratio) {
      return new Parameters(Direction.PROMOTE, ratio, 0);
    }
  }

  private final Parameters parameters;
  private final double[] logOnCanary = new double[GRID];
  private final double[] logOnBaseline = new double[GRID];
  private double preparedW = Double.NaN;

  public LabelProcess(Parameters parameters) {
    super(GRID, parameters.minEvents());
    this.parameters = parameters;
  }

  /** One bad event; {@code w} is the canary's share in force for it, 0 to 1. */
  public void bad(double w, boolean onCanary) {
    bad(w, onCanary ? 1 : 0, onCanary ? 0 : 1);
  }

  /**
   * Bad events under one {@code w}, in any order: their order does not matter to the sum. Nothing
   * happens at w = 0 or 1, where the arm says nothing.
   *
   * @param w share of the canary, 0 to 1
   * @param onCanaryCount bad events on the canary, 0 or more
   * @param onBaselineCount bad events on the baseline, 0 or more
   */
  public void bad(double w, long onCanaryCount, long onBaselineCount) {
    LogMath.probability("w", w);
    LogMath.count("onCanaryCount", onCanaryCount);
    LogMath.count("onBaselineCount", onBaselineCount);
    if (w == 0 || w == 1 || (onCanaryCount == 0 && onBaselineCount == 0)) {
      return;
    }
    counted(Math.addExact(onCanaryCount, onBaselineCount));
    prepare(w);
    for (int k = 0; k < GRID; k++) {
      logWealth[k] +=
          (double) onCanaryCount * logOnCanary[k] + (double) onBaselineCount * logOnBaseline[k];
    }
  }

  private void prepare(double w) {
    if (w == preparedW) {
      return;
    }
    double rho = parameters.ratio();
    double canary = rho * w;
    double baseline = 1 - w;
    for (int k = 0; k < GRID; k++) {
      double logR = StrictMath.log(RATIOS[k]);
      double r = parameters.direction() == Direction.ABORT ? RATIOS[k] : 1 / RATIOS[k];
      // (1-th_k)/(1-th0) = (rho w + 1-w)/(rho r w + 1-w), and th_k/th0 is r times that.
      logOnBaseline[k] = -StrictMath.log1p((r - 1) * canary / (canary + baseline));
      logOnCanary[k] =
          (parameters.direction() == Direction.ABORT ? logR : -logR) + logOnBaseline[k];
    }
    preparedW = w;
  }
}
