package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Tensors written by hand. */
final class Bytes {
  /** Every datatype but BYTES. */
  static final List<String> NUMBERS =
      List.of(
          "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
          "BF16", "FP32", "FP64");

  private Bytes() {}

  /** One row of whole numbers. */
  static Tensor numbers(String datatype, int... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      switch (datatype) {
        case "BOOL", "UINT8", "INT8" -> data.put((byte) value);
        case "UINT16", "INT16" -> data.putShort((short) value);
        case "UINT32", "INT32" -> data.putInt(value);
        case "UINT64", "INT64" -> data.putLong(value);
        case "FP16" -> data.putShort(Float.floatToFloat16(value));
        case "BF16" -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
        case "FP32" -> data.putFloat(value);
        default -> data.putDouble(value);
      }
    }
    return Tensor.of(datatype, new long[] {1, values.length}, data.flip());
  }

  static Tensor fp32(long[] shape, double... values) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      data.putFloat((float) value);
    }
    return Tensor.of("FP32", shape, data.flip());
  }

  static Tensor row(double... values) {
    return fp32(new long[] {1, values.length}, values);
  }

  static Tensor fp64(double... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      data.putDouble(value);
    }
    return Tensor.of("FP64", new long[] {1, values.length}, data.flip());
  }

  static Tensor half(String datatype, double... values) {
    ByteBuffer data = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      data.putShort(
          datatype.equals("FP16")
              ? Float.floatToFloat16((float) value)
              : (short) (Float.floatToRawIntBits((float) value) >>> 16));
    }
    return Tensor.of(datatype, new long[] {1, values.length}, data.flip());
  }

  static Tensor int64(long... values) {
    ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      data.putLong(value);
    }
    return Tensor.of("INT64", new long[] {values.length}, data.flip());
  }

  static Tensor strings(String... values) {
    ByteBuffer data = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
    for (String value : values) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      data.putInt(bytes.length).put(bytes);
    }
    return Tensor.of("BYTES", new long[] {values.length}, data.flip());
  }
}
