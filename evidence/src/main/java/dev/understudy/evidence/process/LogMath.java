package dev.understudy.evidence.process;

/**
 * Sums of exponentials and checked arguments. Everything here uses {@link StrictMath} and sums in
 * index order, so that the same evidence gives the same bits on any machine.
 */
final class LogMath {
  private LogMath() {}

  /** {@code ln(mean(exp(values)))}, without overflow; negative infinity when every value is. */
  static double logMeanExp(double[] values) {
    double max = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      max = StrictMath.max(max, value);
    }
    if (max == Double.NEGATIVE_INFINITY) {
      return max;
    }
    double sum = 0;
    for (double value : values) {
      sum += StrictMath.exp(value - max);
    }
    return max + StrictMath.log(sum / values.length);
  }

  /** {@code ln(1 + exp(x))} without overflow. */
  static double logOnePlusExp(double x) {
    return x > 0 ? x + StrictMath.log1p(StrictMath.exp(-x)) : StrictMath.log1p(StrictMath.exp(x));
  }

  /** Whether an e-value of this logarithm is at least {@code 1 / level}. */
  static boolean reaches(double logE, double level) {
    return logE >= -StrictMath.log(openUnit("level", level));
  }

  /**
   * {@code count} points from {@code first} to {@code last}, equally far apart in their logarithm.
   */
  static double[] logSpaced(double first, double last, int count) {
    double[] points = new double[count];
    double from = StrictMath.log(first);
    double to = StrictMath.log(last);
    for (int k = 0; k < count; k++) {
      points[k] = StrictMath.exp(from + (to - from) * k / (count - 1));
    }
    return points;
  }

  static double probability(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: 0 to 1)");
    }
    return value;
  }

  static double openUnit(String name, double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: > 0 and < 1)");
    }
    return value;
  }

  static double margin(double value) {
    if (!(value > -1 && value < 1)) {
      throw new IllegalArgumentException("margin: " + value + " (expected: > -1 and < 1)");
    }
    return value;
  }

  static double positive(String name, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: > 0 and finite)");
    }
    return value;
  }

  static long count(String name, long value) {
    if (value < 0) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: >= 0)");
    }
    return value;
  }
}
