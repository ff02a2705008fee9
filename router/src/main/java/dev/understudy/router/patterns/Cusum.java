package dev.understudy.router.patterns;

/**
 * Page's cumulative sum for a rate (Page, 1954): evidence that hits have become more frequent than
 * {@code usual}, the best that any stretch up to now offers. A hit adds ln(p1/p0), a miss
 * ln((1-p1)/(1-p0)), and the sum never falls below 0. Where hits are independent and no more
 * frequent than p0, the alarm at {@value #ALARM} comes on average not before e^{@value #ALARM}, a
 * billion, of observations (Lorden, 1971); at lower rates far later. Stateless.
 */
final class Cusum {
  /** The sum at which a caller becomes suspicious: ln 1e9. */
  static final double ALARM = 20.72;

  private static final double MISS = Math.log(0.5);

  private Cusum() {}

  /**
   * The sum after one more observation.
   *
   * @param usual the rate of the model's callers, 0 to 1; p0 is twice that, at least 0.1, and p1
   *     lies halfway between p0 and 1. Where p0 would be above 0.9 hits are the rule, and no rate
   *     of them is evidence
   */
  static double next(double sum, boolean hit, double usual) {
    double p0 = Math.max(2 * usual, 0.1);
    if (p0 > 0.9) {
      return 0;
    }
    // (1 - p1) / (1 - p0) is a half by the choice of p1.
    double step = hit ? Math.log((1 + p0) / (2 * p0)) : MISS;
    return Math.clamp(sum + step, 0, 2 * ALARM);
  }
}
