package dev.understudy.evidence.fold;

/**
 * The exact 95 % interval for a share of independent trials, for one look (Clopper and Pearson,
 * <i>Biometrika</i> 26(4), 1934): every p under which neither so few nor so many hits have a chance
 * below 2.5 %.
 */
record BinomialInterval(double low, double high) {
  private static final double TAIL = 0.025;
  private static final int STEPS = 50;

  /**
   * The interval.
   *
   * @param hits 0 to n
   * @param n from 1
   */
  static BinomialInterval of(int hits, int n) {
    double[] logFactorial = new double[n + 1];
    for (int i = 2; i <= n; i++) {
      logFactorial[i] = logFactorial[i - 1] + StrictMath.log(i);
    }
    double low = hits == 0 ? 0 : edge(p -> tail(hits, n, n, p, logFactorial) < TAIL);
    double high = hits == n ? 1 : edge(p -> tail(0, hits, n, p, logFactorial) >= TAIL);
    return new BinomialInterval(low, high);
  }

  private interface Below {
    boolean holds(double p);
  }

  /** Where something that holds for small p begins to fail. */
  private static double edge(Below below) {
    double low = 0;
    double high = 1;
    for (int i = 0; i < STEPS; i++) {
      double middle = (low + high) / 2;
      if (below.holds(middle)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /** The chance of {@code from} to {@code to} hits. */
  private static double tail(int from, int to, int n, double p, double[] logFactorial) {
    double sum = 0;
    for (int k = from; k <= to; k++) {
      sum +=
          StrictMath.exp(
              logFactorial[n]
                  - logFactorial[k]
                  - logFactorial[n - k]
                  + k * StrictMath.log(p)
                  + (n - k) * StrictMath.log1p(-p));
    }
    return sum;
  }
}
