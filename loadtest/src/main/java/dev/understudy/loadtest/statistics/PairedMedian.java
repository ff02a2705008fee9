package dev.understudy.loadtest.statistics;

import java.util.Arrays;

/**
 * The median of paired measurements with a 95 % confidence interval that assumes no distribution:
 * the order statistics whose ranks the binomial distribution gives (the interval of the sign test).
 *
 * @param pairs how many
 * @param median of the sample
 * @param lower bound; NaN with fewer than six pairs, from which no such interval can be had
 * @param upper bound; NaN likewise
 */
public record PairedMedian(int pairs, double median, double lower, double upper) {
  private static final double TAIL = .025;

  /**
   * Of these measurements, in any order.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static PairedMedian of(double... measurements) {
    int n = measurements.length;
    if (n == 0) {
      throw new IllegalArgumentException("pairs: 0 (expected: >= 1)");
    }
    double[] sorted = measurements.clone();
    Arrays.sort(sorted);
    double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    int rank = lowerRank(n);
    return rank == 0
        ? new PairedMedian(n, median, Double.NaN, Double.NaN)
        : new PairedMedian(n, median, sorted[rank - 1], sorted[n - rank]);
  }

  /** Whether there were pairs enough for an interval. */
  public boolean bounded() {
    return !Double.isNaN(lower);
  }

  /** The largest rank k with P(Binomial(n, 1/2) &lt; k) ≤ 2.5 %; 0 if there is none. */
  static int lowerRank(int n) {
    double logHalf = n * Math.log(.5);
    double logChoose = 0;
    double below = 0;
    int rank = 0;
    while (rank < n) {
      below += Math.exp(logChoose + logHalf);
      if (below > TAIL) {
        return rank;
      }
      logChoose += Math.log((double) (n - rank) / (rank + 1));
      rank++;
    }
    return rank;
  }
}
