package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Looks for NaN and infinity in the bytes of floating-point tensors. */
final class NotFinite {
  private static final int HALF_EXPONENT = 0x7c00;
  private static final int BFLOAT_EXPONENT = 0x7f80;

  private NotFinite() {}

  /** Whether any whole element is not a finite number; false for other datatypes. */
  static boolean anyIn(TensorValue tensor) {
    ByteBuffer data = tensor.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    return switch (tensor.getDatatype()) {
      case "FP16" -> anyShort(data, HALF_EXPONENT);
      case "BF16" -> anyShort(data, BFLOAT_EXPONENT);
      case "FP32" -> {
        while (data.remaining() >= Float.BYTES) {
          if (!Float.isFinite(data.getFloat())) {
            yield true;
          }
        }
        yield false;
      }
      case "FP64" -> {
        while (data.remaining() >= Double.BYTES) {
          if (!Double.isFinite(data.getDouble())) {
            yield true;
          }
        }
        yield false;
      }
      default -> false;
    };
  }

  private static boolean anyShort(ByteBuffer data, int exponent) {
    while (data.remaining() >= Short.BYTES) {
      if ((data.getShort() & exponent) == exponent) {
        return true;
      }
    }
    return false;
  }
}
