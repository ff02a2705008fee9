package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The data of a tensor in raw form (row-major, little-endian, as in {@code raw_input_contents}),
 * however the message carries it: a raw entry is handed out as it lies, typed contents are
 * converted. INT8, INT16, UINT8 and UINT16 take the low bytes of their typed values, BOOL becomes
 * one byte, BYTES elements get their length before them. Typed values in a field that does not
 * belong to the datatype do not count. Stateless.
 *
 * <p>The raw form of typed contents is at most eight times as large as the contents in the message.
 */
public final class TensorData {
  private TensorData() {}

  /**
   * Size of the raw form in bytes.
   *
   * @throws TensorException when the message has no data for the tensor, or typed data of an
   *     unknown datatype
   */
  public static long size(InferMessage message, int index) {
    TensorView tensor = message.tensor(index);
    if (tensor.rawIndex() >= 0) {
      return message.rawSize(tensor.rawIndex());
    }
    return TypedContents.rawSize(tensor, typedDatatype(message, tensor));
  }

  /**
   * The raw form: a read-only slice of the message when it carries the data raw, otherwise a new
   * buffer on the heap. Little-endian, position 0.
   *
   * @throws TensorException when there is no data, typed data of an unknown datatype, or more than
   *     2 GiB
   */
  public static ByteBuffer of(InferMessage message, int index) {
    TensorView tensor = message.tensor(index);
    if (tensor.rawIndex() >= 0) {
      return message.raw(tensor.rawIndex());
    }
    Datatype type = typedDatatype(message, tensor);
    long size = TypedContents.rawSize(tensor, type);
    if (size > Integer.MAX_VALUE - 8) {
      throw new TensorException(
          "tensor '" + tensor.name() + "' has " + size + " bytes, over 2 GiB");
    }
    ByteBuffer target = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
    TypedContents.write(tensor, type, target);
    return target.flip();
  }

  /**
   * Writes the raw form at the target's position and advances it; the target's byte order does not
   * matter and is kept.
   *
   * @throws TensorException as {@link #size}
   * @throws IllegalArgumentException when the target has too little room; nothing is written
   */
  public static void copy(InferMessage message, int index, ByteBuffer target) {
    long size = size(message, index);
    if (size > target.remaining()) {
      throw new IllegalArgumentException(
          "target has " + target.remaining() + " bytes left, " + size + " needed");
    }
    TensorView tensor = message.tensor(index);
    if (tensor.rawIndex() >= 0) {
      target.put(message.raw(tensor.rawIndex()));
      return;
    }
    ByteBuffer littleEndian = target.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    TypedContents.write(tensor, typedDatatype(message, tensor), littleEndian);
    target.position(littleEndian.position());
  }

  private static Datatype typedDatatype(InferMessage message, TensorView tensor) {
    if (!tensor.hasContents()) {
      throw new TensorException(
          message instanceof InferRequestView
              ? Texts.noData(tensor.name(), message.modelName())
              : "no data for output tensor '" + tensor.name() + "' in the response");
    }
    Datatype type = tensor.datatype();
    if (type == null) {
      throw new TensorException(
          "tensor '" + tensor.name() + "' has unknown data-type '" + tensor.datatypeName() + "'");
    }
    return type;
  }
}
