package dev.understudy.evidence.divergence;

/**
 * The loops that see every element of a tensor.
 *
 * <p>A model that answers a megabyte per call must not make comparing cost much more than moving
 * the bytes. So the loops are written for the compiler's auto-vectoriser, without an incubator
 * module, and give the same bits on every machine all the same:
 *
 * <ul>
 *   <li>A tensor is read in {@linkplain Chunk chunks} of {@value Chunk#LENGTH} elements, copied out
 *       of its bytes at once. A chunk stays in the first-level cache, and every following loop runs
 *       over plain arrays from index 0: what the vectoriser likes best.
 *   <li>A sum of floating-point numbers in index order may not be reordered, hence not vectorised.
 *       Sums are kept in as many <i>lanes</i> as a chunk has elements: {@code lanes[j] += f(a[j],
 *       b[j])}. The order of every addition is fixed by the program, never by the width of the
 *       machine's registers, and at the end the lanes are folded in index order. A row that fits
 *       one chunk is thereby summed in index order.
 *   <li>A maximum does not depend on the order, but the compiler does not vectorise a reduction to
 *       one number well: maxima are kept in lanes too. {@link Math#max} keeps a NaN, and a sum
 *       keeps NaN and infinity, so both are found by one look at the result. Rows that hold one
 *       leave for {@link CarefulRow}.
 *   <li>The place of a maximum needs no second look at everything: a maximum found in lane j is at
 *       an index that is j beyond a multiple of the chunk's length.
 *   <li>A float's bits, read as an integer, are in the order of the numbers but for the sign. The
 *       maximum of integers is cheaper than that of floats, which must look for NaN and the sign of
 *       zero.
 *   <li>{@code + - * /}, comparison, square root and conversions are exact by IEEE 754 and thus the
 *       same everywhere; logarithms are taken with {@link StrictMath}, elsewhere.
 * </ul>
 *
 * <p>Short rows, and elements that a float does not hold, are widened to double. Long rows of
 * floats stay floats ({@link FloatRows}): twice as many fit a register.
 */
final class Kernels {
  private Kernels() {}

  // ---- Conversions.

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

  static void bits(float[] from, int[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = Float.floatToRawIntBits(from[j]);
    }
  }

  // ---- Doubles: short rows.

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

  /** The index of the first element that equals a value that is there. */
  static int indexOf(double[] a, double value) {
    int j = 0;
    while (a[j] != value) {
      j++;
    }
    return j;
  }

  // ---- Floats: long rows.

  /** {@code lanesA += a, lanesB += b, lanesAb += |a - b|}. */
  static void addWithDistance(
      float[] a, float[] b, float[] lanesA, float[] lanesB, float[] lanesAb, int n) {
    for (int j = 0; j < n; j++) {
      float x = a[j];
      float y = b[j];
      lanesA[j] += x;
      lanesB[j] += y;
      lanesAb[j] += Math.abs(x - y);
    }
  }

  /** {@code lanesA += a a, lanesB += b b, lanesAb += a b}. */
  static void addProducts(
      float[] a, float[] b, float[] lanesA, float[] lanesB, float[] lanesAb, int n) {
    for (int j = 0; j < n; j++) {
      float x = a[j];
      float y = b[j];
      lanesA[j] += x * x;
      lanesB[j] += y * y;
      lanesAb[j] += x * y;
    }
  }

  /** {@code total += lanes, lanes = 0}: before a float forgets what is added to it. */
  static void flush(float[] lanes, double[] total) {
    for (int j = 0; j < lanes.length; j++) {
      total[j] += lanes[j];
      lanes[j] = 0;
    }
  }

  /** {@code lanes = max(lanes, |a - b|)}; NaN stays. */
  static void maxDistance(float[] a, float[] b, float[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] = Math.max(lanes[j], Math.abs(a[j] - b[j]));
    }
  }

  /**
   * {@code lanes = max(lanes, |a - b| / (absolute + relative |a|))} for finite elements and
   * absolute > 0.
   */
  static void maxRatio(float[] a, float[] b, float absolute, float relative, float[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      float x = a[j];
      float ratio = Math.abs(x - b[j]) / (absolute + relative * Math.abs(x));
      lanes[j] = Math.max(lanes[j], ratio);
    }
  }

  /** The greatest lane; NaN stays. */
  static float fold(float[] lanes) {
    float max = lanes[0];
    for (float lane : lanes) {
      max = Math.max(max, lane);
    }
    return max;
  }

  /**
   * {@code lanes = max(lanes, bits with the sign flipped)}: in the order of nonnegative floats;
   * negative ones, and -0, come after all others as 0 and more.
   */
  static void maxUnsigned(int[] bits, int[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      lanes[j] = Math.max(lanes[j], bits[j] ^ Integer.MIN_VALUE);
    }
  }

  /** {@code lanes = max(lanes, ordered bits)}: integers in the order of all floats. */
  static void maxOrdered(int[] bits, int[] lanes, int n) {
    for (int j = 0; j < n; j++) {
      int of = bits[j];
      lanes[j] = Math.max(lanes[j], of ^ (of >> 31 & Integer.MAX_VALUE));
    }
  }
}
