package dev.understudy.evidence.process;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;

/**
 * Confidence interval for one latency quantile of one arm, valid at every look; for display, not
 * for decisions.
 *
 * <p><b>What is claimed.</b> The interval misses the p-quantile at any look ever with a chance of
 * at most {@code level}, if latencies are independent with one distribution. Stalls break that.
 *
 * <p><b>Formula.</b> For {@code S = (number at or below x) - p n}: the two-sided beta-binomial
 * mixture with g = p, h = 1-p, tuned to n = 2000; ranks whose mixture stays below {@code 2/level}
 * are kept, and turned into bucket edges outward.
 *
 * <p><b>Source.</b> Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 2021, arXiv 1810.08240; Howard
 * and Ramdas, Bernoulli 28(3) 2022, arXiv 1906.09712.
 *
 * @param lowerNanos lower end; 0 where nothing is excluded
 * @param upperNanos upper end, exclusive; {@link Long#MAX_VALUE} where nothing is excluded
 */
public record QuantileInterval(long lowerNanos, long upperNanos) {
  private static final double TUNED_TO = 2000;
  private static final double TUNED_LEVEL = 0.05;

  /**
   * The interval from all latencies of the arm so far.
   *
   * @param p quantile, in (0, 1)
   * @param level in (0, 1)
   */
  public static QuantileInterval of(SparseHistogram latencies, double p, double level) {
    LogMath.openUnit("p", p);
    LogMath.openUnit("level", level);
    long n = latencies.total();
    if (n == 0) {
      return new QuantileInterval(0, Long.MAX_VALUE);
    }
    double limit = StrictMath.log(2 / level);
    long centre = StrictMath.clamp(StrictMath.round(p * (double) n), 0, n);
    long low = edge(centre, 0, p, n, limit);
    long high = edge(centre, n, p, n, limit);
    // At least `low` latencies lie at or below the quantile, and at most `high`.
    long lower = low == 0 ? 0 : LatencyGrid.lowerNanos(bucketOfRank(latencies, low));
    long upper =
        high == n ? Long.MAX_VALUE : LatencyGrid.upperNanos(bucketOfRank(latencies, high + 1));
    return new QuantileInterval(lower, upper);
  }

  /** The last count between {@code inside} and {@code outside} that is not excluded. */
  private static long edge(long inside, long outside, double p, long n, double limit) {
    if (logMixture((double) outside - p * (double) n, p, n) < limit) {
      return outside;
    }
    long in = inside;
    long out = outside;
    while (StrictMath.abs(out - in) > 1) {
      long middle = in + (out - in) / 2;
      if (logMixture((double) middle - p * (double) n, p, n) < limit) {
        in = middle;
      } else {
        out = middle;
      }
    }
    return in;
  }

  static double logMixture(double s, double p, long n) {
    double g = p;
    double h = 1 - p;
    double x = 2 * StrictMath.log(1 / TUNED_LEVEL);
    double rho = g * h * TUNED_TO / (x + StrictMath.log1p(x));
    double r = StrictMath.max(rho - g * h, 0.001 * g * h);
    double v = g * h * (double) n;
    return -(v + h * s) / h * StrictMath.log(g)
        - (v - g * s) / g * StrictMath.log(h)
        + StrictGamma.logBeta((r + v - g * s) / g, (r + v + h * s) / h)
        - StrictGamma.logBeta(r / g, r / h);
  }

  private static int bucketOfRank(SparseHistogram latencies, long rank) {
    long cumulative = 0;
    int i = -1;
    do {
      i++;
      cumulative += latencies.countAt(i);
    } while (cumulative < rank);
    return latencies.indexAt(i);
  }
}
