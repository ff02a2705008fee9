package dev.understudy.evidence.divergence;

import java.util.Arrays;

/**
 * Distances of two long rows of FP32, FP16 or BF16, each in one pass. Sums are taken in float lanes
 * that are added to double ones every {@value #FLUSH_CHUNKS} chunks: their relative error is at
 * most {@code 64 * 2^-24}, 4e-6, far below the grid of 1/1024.
 *
 * <p>What a method cannot tell it says with a number that is no answer; the caller then looks
 * slowly. Pure, and the same bits on any machine. Not thread-safe: it owns the room in which it
 * computes.
 */
public final class FloatRows {
  private static final int LANES = Chunk.LENGTH;
  private static final int FLUSH_CHUNKS = 64;
  // Products of floats in this range, summed, lose nothing that matters to underflow or overflow.
  private static final double LEAST_SQUARES = 1e-20;
  private static final double MOST_SQUARES = 1e30;
  private static final int INFINITY_BITS = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

  private final Chunk a = new Chunk();
  private final Chunk b = new Chunk();
  private final float[] lanesA = new float[LANES];
  private final float[] lanesB = new float[LANES];
  private final float[] lanesAb = new float[LANES];
  private final double[] totalA = new double[LANES];
  private final double[] totalB = new double[LANES];
  private final double[] totalAb = new double[LANES];
  private final int[] bits = new int[LANES];

  /** With its own room. */
  public FloatRows() {}

  /** Whether two tensors of one shape have long rows of floats. */
  static boolean fits(Tensor champion, Tensor copy) {
    return champion.width() > LANES && isFloat(champion.element()) && isFloat(copy.element());
  }

  private static boolean isFloat(Element element) {
    return element == Element.FP32 || element == Element.FP16 || element == Element.BF16;
  }

  private void clear() {
    Arrays.fill(lanesA, 0);
    Arrays.fill(lanesB, 0);
    Arrays.fill(lanesAb, 0);
    Arrays.fill(totalA, 0);
    Arrays.fill(totalB, 0);
    Arrays.fill(totalAb, 0);
  }

  private void flush() {
    Kernels.flush(lanesA, totalA);
    Kernels.flush(lanesB, totalB);
    Kernels.flush(lanesAb, totalAb);
  }

  /**
   * Total variation of two rows of probabilities: half of L1.
   *
   * @return 0 to 1; NaN when a row does not sum to 1 within 0.01. Signs are not looked at.
   */
  public double totalVariation(Tensor champion, Tensor copy, int row) {
    clear();
    int width = champion.width();
    int chunks = 0;
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      float[] x = a.floats(champion, row * width + from, n);
      float[] y = b.floats(copy, row * width + from, n);
      Kernels.addWithDistance(x, y, lanesA, lanesB, lanesAb, n);
      if (++chunks % FLUSH_CHUNKS == 0) {
        flush();
      }
    }
    flush();
    return sumsToOne(totalA) && sumsToOne(totalB) ? Kernels.fold(totalAb, LANES) / 2 : Double.NaN;
  }

  private static boolean sumsToOne(double[] total) {
    return Math.abs(Kernels.fold(total, LANES) - 1) <= Comparer.SUM_ERROR;
  }

  /**
   * {@code (1 - cosine) / 2} of two rows.
   *
   * @return 0 to 1 but for rounding; NaN when a row is 0, not finite, or of extreme length
   */
  public double halfOneMinusCosine(Tensor champion, Tensor copy, int row) {
    clear();
    int width = champion.width();
    int chunks = 0;
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      float[] x = a.floats(champion, row * width + from, n);
      float[] y = b.floats(copy, row * width + from, n);
      Kernels.addProducts(x, y, lanesA, lanesB, lanesAb, n);
      if (++chunks % FLUSH_CHUNKS == 0) {
        flush();
      }
    }
    flush();
    double squaresA = Kernels.fold(totalA, LANES);
    double squaresB = Kernels.fold(totalB, LANES);
    return inRange(squaresA) && inRange(squaresB)
        ? (1 - Kernels.fold(totalAb, LANES) / Math.sqrt(squaresA * squaresB)) / 2
        : Double.NaN;
  }

  private static boolean inRange(double squares) {
    return squares >= LEAST_SQUARES && squares <= MOST_SQUARES;
  }

  /** The greatest absolute difference, L-infinity; NaN or infinity when some element is. */
  public double maxDistance(Tensor champion, Tensor copy, int row) {
    Arrays.fill(lanesAb, 0);
    int width = champion.width();
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      float[] x = a.floats(champion, row * width + from, n);
      float[] y = b.floats(copy, row * width + from, n);
      Kernels.maxDistance(x, y, lanesAb, n);
    }
    return Kernels.fold(lanesAb);
  }

  /**
   * The greatest {@code |a - b| / (absolute + relative |a|)} of two rows of finite numbers.
   *
   * @param absolute 0 or more; with both 0, a difference is very many times the tolerance
   * @param relative 0 or more
   */
  double maxRatio(Tensor champion, Tensor copy, int row, double absolute, double relative) {
    Arrays.fill(lanesAb, 0);
    // Keeps 0 / 0 out.
    float floor = Math.max((float) absolute, Float.MIN_NORMAL);
    int width = champion.width();
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      float[] x = a.floats(champion, row * width + from, n);
      float[] y = b.floats(copy, row * width + from, n);
      Kernels.maxRatio(x, y, floor, (float) relative, lanesAb, n);
    }
    return Kernels.fold(lanesAb);
  }

  /**
   * The likeliest class, the first of equals.
   *
   * @return its index; -1 when an element is negative, or NaN
   */
  public int topProbability(Tensor tensor, int row) {
    int[] lanes = new int[LANES];
    Arrays.fill(lanes, Integer.MIN_VALUE);
    int width = tensor.width();
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      Kernels.maxUnsigned(a.bits(tensor, row * width + from, n, bits), lanes, n);
    }
    int top = max(lanes);
    return top < 0 && (top ^ Integer.MIN_VALUE) <= INFINITY_BITS
        ? first(tensor, row, lanes, top)
        : -1;
  }

  /**
   * The greatest element, the first of equals.
   *
   * @return its index; -1 when that is 0 of either sign, or NaN
   */
  int top(Tensor tensor, int row) {
    int[] lanes = new int[LANES];
    Arrays.fill(lanes, Integer.MIN_VALUE);
    int width = tensor.width();
    for (int from = 0; from < width; from += LANES) {
      int n = Math.min(LANES, width - from);
      Kernels.maxOrdered(a.bits(tensor, row * width + from, n, bits), lanes, n);
    }
    int top = max(lanes);
    // The ordered bits of +0 and -0 are 0 and -1.
    return top == 0 || top == -1 || top > INFINITY_BITS ? -1 : first(tensor, row, lanes, top);
  }

  private static int max(int[] lanes) {
    int max = Integer.MIN_VALUE;
    for (int lane : lanes) {
      max = Math.max(max, lane);
    }
    return max;
  }

  /** The least index at which the element of a greatest lane stands. */
  private static int first(Tensor tensor, int row, int[] lanes, int top) {
    int width = tensor.width();
    int first = width;
    for (int j = 0; j < LANES; j++) {
      if (lanes[j] != top) {
        continue;
      }
      double greatest = Double.NEGATIVE_INFINITY;
      int at = first;
      for (int i = j; i < width; i += LANES) {
        double value = tensor.score(row, i);
        if (value > greatest) {
          greatest = value;
          at = i;
        }
      }
      first = Math.min(first, at);
    }
    return first;
  }
}
