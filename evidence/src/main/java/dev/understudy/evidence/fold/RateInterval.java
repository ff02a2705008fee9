package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.SplitCheck;

/**
 * Interval for a share, valid at every look at once; for display. Holds every p that {@link
 * SplitCheck}, asked whether the share is p, does not exclude.
 */
final class RateInterval {
  private static final int STEPS = 40;

  private RateInterval() {}

  /**
   * @param hits 0 to n
   * @param level chance of ever missing, in (0, 1)
   */
  static Estimate of(long hits, long n, double level) {
    if (n == 0) {
      return new Estimate(Double.NaN, 0, 1);
    }
    double share = (double) hits / (double) n;
    return new Estimate(
        share,
        hits == 0 ? 0 : edge(share, 0, hits, n, level),
        hits == n ? 1 : edge(share, 1, hits, n, level));
  }

  /** The difference of two shares, each at half the level. */
  static Estimate difference(long hits, long n, long baseHits, long baseN) {
    Estimate a = of(hits, n, Estimate.LEVEL / 2);
    Estimate b = of(baseHits, baseN, Estimate.LEVEL / 2);
    return new Estimate(a.value() - b.value(), a.low() - b.high(), a.high() - b.low());
  }

  private static double edge(double inside, double outside, long hits, long n, double level) {
    double in = inside;
    double out = outside;
    for (int i = 0; i < STEPS; i++) {
      double middle = (in + out) / 2;
      if (excluded(middle, hits, n, level)) {
        out = middle;
      } else {
        in = middle;
      }
    }
    return out;
  }

  private static boolean excluded(double p, long hits, long n, double level) {
    SplitCheck check = new SplitCheck();
    check.assigned(p, hits, n - hits);
    return check.mismatch(level);
  }
}
