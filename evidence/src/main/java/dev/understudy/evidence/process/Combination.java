package dev.understudy.evidence.process;

import java.util.List;

/**
 * Several e-values in one: their weighted mean is an e-value under any dependence between them
 * (arXiv 2009.02824, Vovk and Wang).
 */
public final class Combination {
  private static final double WEIGHT_ERROR = 1e-9;

  /**
   * One member of the mean.
   *
   * @param weight share of the mean, 0 or more
   * @param logE natural logarithm of an e-value; not NaN
   */
  public record Part(double weight, double logE) {
    public Part {
      LogMath.probability("weight", weight);
      if (Double.isNaN(logE)) {
        throw new IllegalArgumentException("logE: NaN (expected: a number)");
      }
    }
  }

  private Combination() {}

  /**
   * Natural logarithm of the weighted mean, summed in the order of the list.
   *
   * @param parts at least one, weights summing to 1 within 1e-9
   */
  public static double logWeightedMean(List<Part> parts) {
    double weights = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (Part part : parts) {
      weights += part.weight();
      if (part.weight() > 0) {
        max = StrictMath.max(max, part.logE());
      }
    }
    if (!(StrictMath.abs(weights - 1) <= WEIGHT_ERROR)) {
      throw new IllegalArgumentException("sum of weights: " + weights + " (expected: 1)");
    }
    if (Double.isInfinite(max)) {
      return max;
    }
    double sum = 0;
    for (Part part : parts) {
      if (part.weight() > 0) {
        sum += part.weight() * StrictMath.exp(part.logE() - max);
      }
    }
    return max + StrictMath.log(sum);
  }
}
