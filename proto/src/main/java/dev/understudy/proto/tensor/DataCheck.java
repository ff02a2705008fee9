package dev.understudy.proto.tensor;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * Does an input bring data, and exactly as much as its datatype and shape say? Needs no signature.
 * Stateless; builds strings only when something is wrong.
 */
public final class DataCheck {
  private DataCheck() {}

  /**
   * Checks that the input has exactly one source of data: raw, typed or shared memory.
   *
   * @return Triton's text, or null when all is well
   */
  public static @Nullable String presence(InferRequestView request, int index, String model) {
    TensorView input = request.input(index);
    if (input.rawIndex() >= 0 || input.inSharedMemory()) {
      return null;
    }
    if (!input.hasContents()) {
      return Texts.noData(input.name(), model);
    }
    return request.rawCount() == 0 ? null : Texts.typedAndRaw(input.name(), model);
  }

  /**
   * Checks the data's size against the input's own datatype and shape; for BYTES, its elements.
   * Data in shared memory is not looked at, only its {@code shared_memory_byte_size} is compared
   * when given.
   *
   * @return Triton's text, or null when all is well or the datatype is unknown
   */
  public static @Nullable String size(InferRequestView request, int index, String model) {
    TensorView input = request.input(index);
    Datatype type = input.datatype();
    if (type == null) {
      return null;
    }
    return type == Datatype.BYTES
        ? bytesElements(request, input, model)
        : byteSize(request, input, type, model);
  }

  private static @Nullable String byteSize(
      InferRequestView request, TensorView input, Datatype type, String model) {
    long got;
    if (input.inSharedMemory()) {
      ParameterValue given = input.parameters().get("shared_memory_byte_size");
      if (given instanceof ParameterValue.Int64 signed) {
        got = signed.value();
      } else if (given instanceof ParameterValue.UInt64 unsigned) {
        got = unsigned.value();
      } else {
        return null;
      }
    } else if (input.rawIndex() >= 0) {
      got = request.rawSize(input.rawIndex());
    } else {
      got = TypedContents.rawSize(input, type);
    }
    long count = input.elementCount();
    if (count >= 0 && count <= Long.MAX_VALUE / type.byteSize() && count * type.byteSize() == got) {
      return null;
    }
    BigInteger expected = exactCount(input).multiply(BigInteger.valueOf(type.byteSize()));
    return Texts.byteSize(input.name(), model, expected, got);
  }

  private static @Nullable String bytesElements(
      InferRequestView request, TensorView input, String model) {
    if (input.inSharedMemory()) {
      return null;
    }
    long expected = input.elementCount();
    if (input.rawIndex() >= 0 && expected >= 0) {
      return BytesTensor.violation(request.raw(input.rawIndex()), expected, input, model);
    }
    long got = TypedContents.count(input, Datatype.BYTES);
    if (got == expected) {
      return null;
    }
    return expected >= 0 && got > expected
        ? Texts.tooManyStrings(input.name(), model, expected)
        : Texts.tooFewStrings(input.name(), model, exactCount(input), got);
  }

  private static BigInteger exactCount(TensorView input) {
    BigInteger count = BigInteger.ONE;
    for (int i = 0; i < input.rank(); i++) {
      count = count.multiply(BigInteger.valueOf(input.dim(i)));
    }
    return count;
  }
}
