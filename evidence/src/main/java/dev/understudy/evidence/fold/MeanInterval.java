package dev.understudy.evidence.fold;

/**
 * Mean of grid values with an interval for display: an asymptotic confidence sequence, the normal
 * mixture with the estimated spread, valid at every look once n is large (Waudby-Smith et al.,
 * <i>Time-uniform central limit theory</i>, arXiv 2103.06476).
 */
final class MeanInterval {
  // Tightest at about 2,000 observations.
  private static final double RHO_SQUARED = 1.0 / 2000 * 8;

  private final double scale;
  private long n;
  private long sum;
  private double squares;

  /** On the grid of 1/1024. */
  MeanInterval() {
    this(1024);
  }

  /** On the grid of {@code 1 / units}. */
  MeanInterval(int units) {
    scale = units;
  }

  /** {@code count} values of so many grid units each. */
  void add(long units, long count) {
    n += count;
    sum += units * count;
    squares += (double) (units * units) * (double) count;
  }

  long n() {
    return n;
  }

  double mean() {
    return n == 0 ? Double.NaN : (double) sum / (double) n / scale;
  }

  Estimate estimate() {
    if (n < 2) {
      return n == 0 ? Estimate.NONE : new Estimate(mean(), Double.NaN, Double.NaN);
    }
    double size = (double) n;
    double unitMean = (double) sum / size;
    double variance = StrictMath.max(squares / size - unitMean * unitMean, 0);
    double nr = size * RHO_SQUARED;
    double radius =
        StrictMath.sqrt(
                variance
                    * 2
                    * (nr + 1)
                    / (size * nr)
                    * StrictMath.log(StrictMath.sqrt(nr + 1) / Estimate.LEVEL))
            / scale;
    return new Estimate(mean(), mean() - radius, mean() + radius);
  }
}
