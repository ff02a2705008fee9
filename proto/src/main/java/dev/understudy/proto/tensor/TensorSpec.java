package dev.understudy.proto.tensor;

import java.util.Arrays;

/**
 * What a model expects of one input or gives as one output. Dimensions exclude the batch dimension
 * when the model batches ({@link Signature#maxBatchSize()} above 0); -1 means any size. Immutable.
 */
public final class TensorSpec {
  private final String name;
  private final byte[] nameUtf8;
  private final Datatype datatype;
  private final long[] dims;
  private final boolean optional;

  /**
   * Creates a spec.
   *
   * @param dims each -1 (any size) or 0 and above
   * @param optional whether a request may leave the input out; has no meaning for outputs
   * @throws IllegalArgumentException when a dimension is below -1 or there are more than 254
   */
  public TensorSpec(String name, Datatype datatype, long[] dims, boolean optional) {
    if (dims.length >= TensorView.MAX_RANK) {
      throw new IllegalArgumentException(
          "tensor '" + name + "' has " + dims.length + " dimensions, expected at most 254");
    }
    for (long dim : dims) {
      if (dim < -1) {
        throw new IllegalArgumentException(
            "tensor '" + name + "' has dimension " + dim + ", expected -1 or more");
      }
    }
    this.name = name;
    this.nameUtf8 = WireReader.utf8(name);
    this.datatype = datatype;
    this.dims = dims.clone();
    this.optional = optional;
  }

  /** The tensor's name. */
  public String name() {
    return name;
  }

  /** The element type. */
  public Datatype datatype() {
    return datatype;
  }

  /** The dimensions without the batch dimension; a new array. */
  public long[] dims() {
    return dims.clone();
  }

  /** How many dimensions, without the batch dimension. */
  public int rank() {
    return dims.length;
  }

  /** One dimension, not counting the batch dimension; -1 means any size. */
  public long dim(int index) {
    return dims[index];
  }

  /** Whether a request may leave this input out. */
  public boolean optional() {
    return optional;
  }

  byte[] nameUtf8() {
    return nameUtf8;
  }

  /** Equal when all four parts are equal. */
  @Override
  public boolean equals(Object other) {
    return other instanceof TensorSpec that
        && name.equals(that.name)
        && datatype == that.datatype
        && optional == that.optional
        && Arrays.equals(dims, that.dims);
  }

  @Override
  public int hashCode() {
    return name.hashCode() * 31 + Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return name + " " + datatype + Arrays.toString(dims) + (optional ? " optional" : "");
  }
}
