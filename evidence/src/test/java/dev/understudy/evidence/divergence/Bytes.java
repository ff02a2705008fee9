package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Tensors written by hand. */
final class Bytes {
  private Bytes() {}

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
