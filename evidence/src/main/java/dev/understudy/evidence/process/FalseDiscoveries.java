package dev.understudy.evidence.process;

import java.util.Arrays;

/**
 * Which of many hypotheses may be called false when all were searched: the e-BH procedure.
 *
 * <p><b>What is promised.</b> Of the hypotheses that are called false, the expected share that is
 * true is at most {@code alpha} (the false discovery rate), under any dependence between them.
 *
 * <p><b>Formula.</b> With K hypotheses and e-values sorted downward {@code e_1 >= e_2 >= ...}: call
 * the first k* false, where k* is the largest k with {@code e_k >= K / (alpha k)}.
 *
 * <p><b>Source.</b> Wang and Ramdas, <i>False discovery rate control with e-values</i>, JRSS-B
 * 84(3) 2022, arXiv 2009.02824.
 *
 * <p><b>Looking often.</b> The procedure is stated for one set of e-values, so for one look. An
 * e-process that is stopped at any stopping time is an e-value: the promise holds at the look at
 * which somebody acts, if that moment was chosen from what had been seen, with the number of
 * hypotheses known before. It does not hold over all looks together: whoever collects every name
 * that ever appeared in the list collects more than a share of alpha of wrong ones.
 */
public final class FalseDiscoveries {
  private FalseDiscoveries() {}

  /**
   * Which hypotheses are called false.
   *
   * @param logE natural logarithms of e-values, in any order; not NaN
   * @param hypotheses how many were searched, at least as many as there are e-values; those without
   *     an e-value have seen nothing
   * @param alpha greater than 0 and less than 1
   * @return as many as {@code logE}, in its order
   */
  public static boolean[] of(double[] logE, int hypotheses, double alpha) {
    LogMath.openUnit("alpha", alpha);
    if (hypotheses < logE.length) {
      throw new IllegalArgumentException(
          "hypotheses: " + hypotheses + " (expected: at least " + logE.length + ")");
    }
    double[] ascending = logE.clone();
    Arrays.sort(ascending);
    double least = Double.POSITIVE_INFINITY;
    for (int k = 1; k <= ascending.length; k++) {
      double e = ascending[ascending.length - k];
      if (Double.isNaN(e)) {
        throw new IllegalArgumentException("logE: NaN (expected: a number)");
      }
      if (e >= StrictMath.log((double) hypotheses / k) - StrictMath.log(alpha)) {
        least = e;
      }
    }
    boolean[] called = new boolean[logE.length];
    for (int i = 0; i < logE.length; i++) {
      called[i] = logE[i] >= least;
    }
    return called;
  }
}
