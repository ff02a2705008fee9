package dev.understudy.evidence.divergence;

import org.jspecify.annotations.Nullable;

/**
 * The measures on two rows of numbers of equal length. Sums run in index order with {@link
 * StrictMath}.
 *
 * <p>Sources: Lin, <i>Divergence measures based on the Shannon entropy</i>, IEEE Trans. Inf. Theory
 * 37(1), 1991, for Jensen-Shannon; Hellinger's distance as {@code 1 - sum sqrt(p q)}.
 */
final class Rows {
  /** Half-precision probabilities of many classes may sum to a little less or more than 1. */
  private static final double SUM_ERROR = 0.01;

  private static final double NEGATIVE_ERROR = 1e-6;
  private static final double LN_2 = 0.6931471805599453;

  private Rows() {}

  /** Why a row cannot be read as its kind; null when it can. */
  static @Nullable String problem(Divergence.Kind kind, double[] row) {
    if (kind == Divergence.Kind.EXACT) {
      return null;
    }
    double sum = 0;
    boolean finite = true;
    boolean allZero = true;
    for (double value : row) {
      if (Double.isNaN(value)) {
        return "NaN";
      }
      finite &= Double.isFinite(value);
      allZero &= value == 0;
      sum += value;
    }
    if (kind == Divergence.Kind.EMBEDDING) {
      if (!finite) {
        return "infinite element of a vector";
      }
      return allZero ? "vector of length 0" : null;
    }
    if (!kind.isProbabilities()) {
      return null;
    }
    for (double value : row) {
      if (!(value >= -NEGATIVE_ERROR && value <= 1 + SUM_ERROR)) {
        return "probability " + value;
      }
    }
    return row.length == 1 || StrictMath.abs(sum - 1) <= SUM_ERROR
        ? null
        : "probabilities that sum to " + sum;
  }

  static double totalVariation(double[] a, double[] b) {
    double[] p = distribution(a);
    double[] q = distribution(b);
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      sum += StrictMath.abs(p[i] - q[i]);
    }
    return sum / 2;
  }

  static double jensenShannon(double[] a, double[] b) {
    double[] p = distribution(a);
    double[] q = distribution(b);
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      double middle = (p[i] + q[i]) / 2;
      sum += part(p[i], middle) + part(q[i], middle);
    }
    return sum / (2 * LN_2);
  }

  static double squaredHellinger(double[] a, double[] b) {
    double[] p = distribution(a);
    double[] q = distribution(b);
    double overlap = 0;
    for (int i = 0; i < p.length; i++) {
      overlap += StrictMath.sqrt(p[i] * q[i]);
    }
    return 1 - overlap;
  }

  /** The likeliest class, the first among equals; for one column 1 from one half upwards. */
  static int topOne(double[] row) {
    if (row.length == 1) {
      return row[0] >= 0.5 ? 1 : 0;
    }
    int top = 0;
    for (int i = 1; i < row.length; i++) {
      if (row[i] > row[top]) {
        top = i;
      }
    }
    return top;
  }

  /** The greatest difference in tolerances. */
  static double worstRatio(double[] a, double[] b, Divergence.Tolerance tolerance) {
    double worst = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] == b[i]) {
        continue;
      }
      if (Double.isInfinite(a[i]) || Double.isInfinite(b[i])) {
        return Double.POSITIVE_INFINITY;
      }
      double allowed = tolerance.atol() + tolerance.rtol() * StrictMath.abs(a[i]);
      worst = StrictMath.max(worst, StrictMath.abs(a[i] - b[i]) / allowed);
    }
    return worst;
  }

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
    return (1 - dot / StrictMath.sqrt(squaresA * squaresB)) / 2;
  }

  /** Nonnegative and summing to 1; a single column becomes "no" and "yes". */
  private static double[] distribution(double[] row) {
    if (row.length == 1) {
      double yes = StrictMath.clamp(row[0], 0.0, 1.0);
      return new double[] {1 - yes, yes};
    }
    double[] p = new double[row.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = StrictMath.max(0, row[i]);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private static double part(double p, double middle) {
    return p == 0 ? 0 : p * StrictMath.log(p / middle);
  }

  private static double largest(double[] row) {
    double largest = 0;
    for (double value : row) {
      largest = StrictMath.max(largest, StrictMath.abs(value));
    }
    return largest;
  }
}
