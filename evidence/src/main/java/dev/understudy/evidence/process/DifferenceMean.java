package dev.understudy.evidence.process;

/**
 * Is the challenger's loss higher than the champion's on the same cases, by more than a margin?
 *
 * <p><b>Null hypothesis.</b> {@link Direction#ABORT}: the mean of D, given the past, is at most
 * {@code margin}. {@link Direction#PROMOTE}: at least {@code margin}. D is the challenger's loss
 * minus the champion's, in [-1, 1]; or the challenger's divergence minus that of a second champion,
 * which takes the noise out.
 *
 * <p><b>Formula and source.</b> {@link BettingMean} on {@code Y = (D + 1)/2} against {@code (margin
 * + 1)/2}.
 *
 * <p><b>What may vary.</b> The distribution of D, as long as its mean keeps to the null hypothesis.
 *
 * <p><b>Valid when</b> labels arrive independently of which arm answered. For labels of cases that
 * only one arm answered, use {@link MarginProcess#loss(double, boolean, double)}. Not thread-safe.
 */
public final class DifferenceMean {
  /**
   * What is tested.
   *
   * @param direction which side of {@code margin} is the null hypothesis
   * @param margin greater than -1 and less than 1
   */
  public record Parameters(Direction direction, double margin) {
    public Parameters {
      LogMath.margin(margin);
    }
  }

  private final BettingMean mean;

  public DifferenceMean(Parameters parameters) {
    this.mean =
        new BettingMean(
            new BettingMean.Parameters(parameters.direction(), (1 + parameters.margin()) / 2));
  }

  /** One difference in [-1, 1]. */
  public void add(double difference) {
    add(difference, 1);
  }

  /** {@code count} equal differences in [-1, 1]. */
  public void add(double difference, long count) {
    if (!(difference >= -1 && difference <= 1)) {
      throw new IllegalArgumentException("difference: " + difference + " (expected: -1 to 1)");
    }
    mean.add((difference + 1) / 2, count);
  }

  /** {@code count} differences of {@code units / 1024} each, units from -1024 to 1024. */
  public void addUnits(int units, long count) {
    if (units < -BettingMean.GRID_UNITS || units > BettingMean.GRID_UNITS) {
      throw new IllegalArgumentException(
          "units: " + units + " (expected: -1024 to " + BettingMean.GRID_UNITS + ")");
    }
    add((double) units / BettingMean.GRID_UNITS, count);
  }

  /** Natural logarithm of the e-value, as it is now. */
  public double logE() {
    return mean.logE();
  }

  /** Whether the evidence is at least {@code 1 / level} now. */
  public boolean reaches(double level) {
    return mean.reaches(level);
  }

  /** Differences seen. */
  public long events() {
    return mean.events();
  }
}
