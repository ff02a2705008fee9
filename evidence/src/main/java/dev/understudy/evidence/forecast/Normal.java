package dev.understudy.evidence.forecast;

/** The standard normal distribution, to about 1e-7: enough for a forecast. */
public final class Normal {
  private Normal() {}

  /** Probability above z (Abramowitz and Stegun 26.2.17). */
  public static double above(double z) {
    if (z < 0) {
      return 1 - above(-z);
    }
    double t = 1 / (1 + 0.2316419 * z);
    double series =
        t
            * (0.319381530
                + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return series * StrictMath.exp(-z * z / 2) / StrictMath.sqrt(2 * StrictMath.PI);
  }

  /** The z with probability p at or below it, by bisection. */
  public static double quantile(double p) {
    if (!(p > 0 && p < 1)) {
      throw new IllegalArgumentException("p: " + p + " (expected: > 0 and < 1)");
    }
    double low = -10;
    double high = 10;
    for (int i = 0; i < 60; i++) {
      double middle = (low + high) / 2;
      if (1 - above(middle) < p) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }
}
