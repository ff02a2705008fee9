package dev.understudy.evidence.divergence;

/**
 * Measures on two whole rows of doubles that hold what the fast loops do not: NaN, infinity, or
 * numbers whose squares leave the range.
 */
final class CarefulRow {
  private CarefulRow() {}

  static boolean anyNan(double[] row) {
    for (double value : row) {
      if (Double.isNaN(value)) {
        return true;
      }
    }
    return false;
  }

  static boolean allFinite(double[] row) {
    for (double value : row) {
      if (!Double.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  /** Finite, and not of length 0. */
  static boolean isDirection(double[] row) {
    return allFinite(row) && largest(row) > 0;
  }

  /** The greatest difference in tolerances; equal infinities do not differ. No NaN. */
  static double worstRatio(double[] a, double[] b, Tolerance tolerance) {
    double worst = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] == b[i]) {
        continue;
      }
      if (Double.isInfinite(a[i]) || Double.isInfinite(b[i])) {
        return Double.POSITIVE_INFINITY;
      }
      worst = Math.max(worst, Math.abs(a[i] - b[i]) / tolerance.allowed(a[i]));
    }
    return worst;
  }

  /** Scaled by the greatest elements, so that squares stay in range. Two directions. */
  static double halfOneMinusCosine(double[] a, double[] b) {
    double scaleA = largest(a);
    double scaleB = largest(b);
    double dot = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      double x = a[i] / scaleA;
      double y = b[i] / scaleB;
      dot += x * y;
      squaresA += x * x;
      squaresB += y * y;
    }
    return (1 - dot / Math.sqrt(squaresA * squaresB)) / 2;
  }

  /** The greatest element's index, the first among equals. No NaN. */
  static int top(double[] row) {
    int top = 0;
    for (int i = 1; i < row.length; i++) {
      if (row[i] > row[top]) {
        top = i;
      }
    }
    return top;
  }

  private static double largest(double[] row) {
    double largest = 0;
    for (double value : row) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
