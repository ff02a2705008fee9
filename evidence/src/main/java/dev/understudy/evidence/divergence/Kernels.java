package dev.understudy.evidence.divergence;

/**
 * The loops that see every element of a tensor.
 *
 * <p>A model that answers a megabyte per call must not make comparing cost more than moving the
 * bytes. So the loops are written for the compiler's auto-vectoriser, without an incubator module,
 * and are deterministic on every machine all the same:
 *
 * <ul>
 *   <li>A tensor is read in {@linkplain Chunk chunks} of {@value Chunk#LENGTH} elements, copied out
 *       of its bytes at once and widened to double. A chunk stays in the first-level cache, and
 *       every following loop runs over plain arrays from index 0: what the vectoriser likes best.
 *   <li>A sum of doubles in index order may not be reordered, hence not vectorised. Sums are kept
 *       in as many <i>lanes</i> as a chunk has elements: {@code lanes[j] += f(a[j], b[j])}. The
 *       order of every addition is fixed by the program, never by the width of the machine's
 *       registers, and at the end the lanes are folded in index order. A row that fits one chunk is
 *       thereby summed in index order.
 *   <li>A maximum does not depend on the order; {@link Math#max} keeps a NaN, so NaN and infinity
 *       are found by looking at the result once per row. Rows that hold one leave for {@link
 *       CarefulRow}.
 *   <li>A ratio needs a division, the slowest operation here, for each element. But the worst ratio
 *       is wanted: a chunk is divided only when some element exceeds the worst ratio so far, told
 *       by a multiplication ({@link #exceeds}). On most data that is a handful of chunks.
 *   <li>{@code + - * /}, comparison, square root and conversions are exact by IEEE 754 and thus the
 *       same everywhere; logarithms are taken with {@link StrictMath}, elsewhere.
 * </ul>
 */
final class Kernels {
  private Kernels() {}

  static void widen(float[] from, double[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = from[j];
    }
  }

  static void widenHalves(short[] from, float[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = Float.float16ToFloat(from[j]);
    }
  }

  static void widenBrains(short[] from, float[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = Float.intBitsToFloat(from[j] << 16);
    }
  }

  static void clear(double[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] = 0;
    }
  }

  /** {@code lanes += a}. */
  static void add(double[] a, double[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] += a[j];
    }
  }

  /** {@code lanes += |a - b|}. */
  static void addDistance(double[] a, double[] b, double[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] += Math.abs(a[j] - b[j]);
    }
  }

  /** {@code lanes += a b}. */
  static void addProduct(double[] a, double[] b, double[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] += a[j] * b[j];
    }
  }

  /** The lanes' sum in index order. */
  static double fold(double[] lanes, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      sum += lanes[j];
    }
    return sum;
  }

  /** The greatest element, NaN if there is one. */
  static double max(double[] a, int n) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < n; j++) {
      max = Math.max(max, a[j]);
    }
    return max;
  }

  /** The least element, NaN if there is one. */
  static double min(double[] a, int n) {
    double min = Double.POSITIVE_INFINITY;
    for (int j = 0; j < n; j++) {
      min = Math.min(min, a[j]);
    }
    return min;
  }

  /** The greatest {@code |a - b|}; NaN when some element is NaN or both are the same infinity. */
  static double maxDistance(double[] a, double[] b, int n) {
    double max = 0;
    for (int j = 0; j < n; j++) {
      max = Math.max(max, Math.abs(a[j] - b[j]));
    }
    return max;
  }

  /** Whether some {@code |a - b| > absolute + relative |a|}; for finite elements. */
  static boolean exceeds(double[] a, double[] b, double absolute, double relative, int n) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < n; j++) {
      max = Math.max(max, Math.abs(a[j] - b[j]) - (absolute + relative * Math.abs(a[j])));
    }
    return max > 0;
  }

  /** The index of the first element that equals a value that is there. */
  static int indexOf(double[] a, double value) {
    int j = 0;
    while (a[j] != value) {
      j++;
    }
    return j;
  }
}
