package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One output as received: datatype, shape and little-endian bytes, read in place. The first
 * dimension is the batch: a tensor of shape [N, …] has N rows, a scalar has one.
 *
 * <p>Bytes come from outside: a tensor whose bytes do not fit its shape is not refused but carries
 * a {@link #problem()}, since such an answer is evidence too.
 *
 * <p>Not thread-safe.
 */
public final class Tensor {
  private static final int LENGTH_BYTES = 4;
  private static final long MAX = Integer.MAX_VALUE;

  private final @Nullable Element element;
  private final long[] shape;
  private final ByteBuffer data;
  private final int[] offsets;
  private final int rows;
  private final int width;
  private final @Nullable String problem;
  private @Nullable FloatBuffer floats;
  private @Nullable IntBuffer ints;
  private @Nullable DoubleBuffer doubles;
  private @Nullable ShortBuffer shorts;

  private Tensor(
      @Nullable Element element,
      long[] shape,
      ByteBuffer data,
      int[] offsets,
      int rows,
      int width,
      @Nullable String problem) {
    this.element = element;
    this.shape = shape;
    this.data = data;
    this.offsets = offsets;
    this.rows = rows;
    this.width = width;
    this.problem = problem;
  }

  /**
   * Looks at an output.
   *
   * @param datatype name in the Open Inference Protocol, for instance {@code FP32}
   * @param shape dimensions, batch first
   * @param data the bytes between position and limit; not copied, position unchanged; must not
   *     change while this tensor is in use
   */
  public static Tensor of(String datatype, long[] shape, ByteBuffer data) {
    ByteBuffer bytes = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    long[] dimensions = shape.clone();
    Element element = Element.ofName(datatype);
    if (element == null) {
      return broken(null, dimensions, bytes, "unknown datatype: " + datatype);
    }
    long elements = 1;
    for (long dimension : dimensions) {
      if (dimension < 0) {
        return broken(element, dimensions, bytes, "negative dimension: " + dimension);
      }
      // More elements than any buffer has bytes; kept there so that the product cannot overflow.
      elements = Math.min(elements * Math.min(dimension, MAX), MAX);
    }
    int[] offsets = {};
    if (element == Element.BYTES) {
      if (elements > bytes.limit() / LENGTH_BYTES) {
        return broken(element, dimensions, bytes, size(elements, bytes));
      }
      offsets = new int[(int) elements + 1];
      if (!findElements(bytes, offsets)) {
        return broken(element, dimensions, bytes, size(elements, bytes));
      }
    } else if (elements * element.bytes != bytes.limit()) {
      return broken(element, dimensions, bytes, size(elements, bytes));
    }
    if (elements == 0) {
      return new Tensor(element, dimensions, bytes, offsets, 0, 0, null);
    }
    int rows = dimensions.length == 0 ? 1 : (int) dimensions[0];
    return new Tensor(element, dimensions, bytes, offsets, rows, (int) (elements / rows), null);
  }

  private static Tensor broken(
      @Nullable Element element, long[] shape, ByteBuffer bytes, String problem) {
    return new Tensor(element, shape, bytes, new int[0], 0, 0, problem);
  }

  private static String size(long elements, ByteBuffer bytes) {
    return bytes.limit() + " bytes do not hold " + elements + " elements";
  }

  /** Fills in where each element's length stands, and where the last ends. */
  private static boolean findElements(ByteBuffer bytes, int[] offsets) {
    int at = 0;
    for (int i = 0; i < offsets.length - 1; i++) {
      offsets[i] = at;
      if (bytes.limit() - at < LENGTH_BYTES) {
        return false;
      }
      int length = bytes.getInt(at);
      if (length < 0 || length > bytes.limit() - at - LENGTH_BYTES) {
        return false;
      }
      at += LENGTH_BYTES + length;
    }
    offsets[offsets.length - 1] = at;
    return at == bytes.limit();
  }

  /** Number of rows; 0 when there is a problem, or no element. */
  public int rows() {
    return rows;
  }

  /** Number of elements of a row. */
  public int width() {
    return width;
  }

  /** Why the bytes cannot be read as the shape and datatype say; null when they can. */
  public @Nullable String problem() {
    return problem;
  }

  /**
   * A score of a row, by which a decision is taken.
   *
   * @param row 0 or more
   * @param column within the row, 0 or more
   * @return the number; NaN where there is none: no such row or column, BYTES, or a tensor with a
   *     problem
   */
  public double score(int row, int column) {
    return row < rows && column < width && isNumeric()
        ? element().value(data, row * width + column)
        : Double.NaN;
  }

  /** Whether both have the same dimensions. */
  public boolean sameShape(Tensor other) {
    return Arrays.equals(shape, other.shape);
  }

  /** Whether some element is NaN or infinite. */
  boolean anyNotFinite() {
    if (problem != null || !element().isFloat()) {
      return false;
    }
    for (int i = 0; i < rows * width; i++) {
      if (!Double.isFinite(element().value(data, i))) {
        return true;
      }
    }
    return false;
  }

  boolean isNumeric() {
    return element != Element.BYTES;
  }

  int elements() {
    return rows * width;
  }

  int sizeInBytes() {
    return data.limit();
  }

  /** Dimensions, 0 for a scalar. */
  int rank() {
    return shape.length;
  }

  long dimension(int index) {
    return shape[index];
  }

  ByteBuffer data() {
    return data;
  }

  FloatBuffer floats() {
    if (floats == null) {
      floats = data.asFloatBuffer();
    }
    return floats;
  }

  IntBuffer ints() {
    if (ints == null) {
      ints = data.asIntBuffer();
    }
    return ints;
  }

  DoubleBuffer doubles() {
    if (doubles == null) {
      doubles = data.asDoubleBuffer();
    }
    return doubles;
  }

  ShortBuffer shorts() {
    if (shorts == null) {
      shorts = data.asShortBuffer();
    }
    return shorts;
  }

  /** The bytes of one BYTES element. */
  ByteBuffer text(int index) {
    int start = offsets[index] + LENGTH_BYTES;
    return data.slice(start, offsets[index + 1] - start);
  }

  /** The row's numbers. */
  double[] row(int row) {
    double[] values = new double[width];
    Element kind = element();
    for (int i = 0; i < width; i++) {
      values[i] = kind.value(data, row * width + i);
    }
    return values;
  }

  /**
   * Whether an element is the same here and there: bytes and integers exactly, floats as numbers;
   * NaN equals nothing.
   */
  boolean same(Tensor other, int index) {
    Element mine = element();
    Element theirs = other.element();
    if (mine == Element.BYTES || theirs == Element.BYTES) {
      return mine == theirs
          && data.slice(offsets[index], offsets[index + 1] - offsets[index])
              .equals(
                  other.data.slice(
                      other.offsets[index], other.offsets[index + 1] - other.offsets[index]));
    }
    if (mine == theirs && !mine.isFloat()) {
      return mine.bits(data, index) == theirs.bits(other.data, index);
    }
    return mine.value(data, index) == theirs.value(other.data, index);
  }

  boolean isNan(int index) {
    return element().isFloat() && Double.isNaN(element().value(data, index));
  }

  /** Whether a row holds neither NaN nor infinity. */
  boolean finite(int row) {
    if (element().isFloat()) {
      for (int i = row * width; i < (row + 1) * width; i++) {
        if (!Double.isFinite(element().value(data, i))) {
          return false;
        }
      }
    }
    return true;
  }

  /** An element as something that has {@code equals}: text, integer or number. */
  Object item(int index) {
    if (element == Element.BYTES) {
      return text(index);
    }
    return element().isFloat()
        ? (Object) element().value(data, index)
        : element().bits(data, index);
  }

  /** Units in the last place between two floats of one kind; 0 where that means nothing. */
  long ulps(Tensor other, int index) {
    return element == other.element
        ? element().ulps(element().bits(data, index), element().bits(other.data, index))
        : 0;
  }

  Element element() {
    if (element == null) {
      throw new IllegalStateException("a tensor with a problem has no elements: " + problem);
    }
    return element;
  }
}
