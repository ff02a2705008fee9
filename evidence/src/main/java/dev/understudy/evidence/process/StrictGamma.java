package dev.understudy.evidence.process;

/**
 * Logarithms of the gamma and beta functions in {@link StrictMath} alone. Libraries use {@link
 * Math}, whose last bit may differ between machines; these agree with them to about 1e-14 relative.
 *
 * <p>Stirling's series (Abramowitz and Stegun 6.1.41) from 10 upwards, the recurrence below.
 */
final class StrictGamma {
  static final double HALF_LOG_TWO_PI = 0.9189385332046727;
  static final double SERIES_FROM = 10;

  private StrictGamma() {}

  /** {@code ln Gamma(x)} for {@code x > 0}. */
  static double logGamma(double x) {
    LogMath.positive("x", x);
    double product = 1;
    double shifted = x;
    while (shifted < SERIES_FROM) {
      product *= shifted;
      shifted += 1;
    }
    double stirling =
        (shifted - 0.5) * StrictMath.log(shifted)
            - shifted
            + HALF_LOG_TWO_PI
            + stirlingError(shifted);
    return product == 1 ? stirling : stirling - StrictMath.log(product);
  }

  /**
   * {@code ln B(a, b)} for {@code a, b > 0}, also where one argument is far larger than the other.
   */
  static double logBeta(double a, double b) {
    double small = StrictMath.min(a, b);
    double large = StrictMath.max(a, b);
    if (large < SERIES_FROM) {
      return logGamma(small) + logGamma(large) - logGamma(small + large);
    }
    double sum = small + large;
    return logGamma(small)
        - (sum - 0.5) * StrictMath.log1p(small / large)
        - small * StrictMath.log(large)
        + small
        + stirlingError(large)
        - stirlingError(sum);
  }

  /** What Stirling's formula lacks of {@code ln Gamma(x)}, for {@code x >= 10}. */
  static double stirlingError(double x) {
    double y = 1 / (x * x);
    double series = 691.0 / 360360 - y / 156;
    series = 1.0 / 1188 - y * series;
    series = 1.0 / 1680 - y * series;
    series = 1.0 / 1260 - y * series;
    series = 1.0 / 360 - y * series;
    return (1.0 / 12 - y * series) / x;
  }
}
