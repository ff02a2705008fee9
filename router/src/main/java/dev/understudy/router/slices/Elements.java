package dev.understudy.router.slices;

import dev.understudy.proto.tensor.BFloat16;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Half;
import java.nio.ByteBuffer;

/** Numbers out of raw little-endian tensors. Stateless. */
final class Elements {
  private Elements() {}

  /** Whether elements of the type are numbers of a fixed size. */
  static boolean numeric(Datatype type) {
    return type != Datatype.BYTES;
  }

  /** One element as a double; 64-bit integers lose what a double cannot hold. */
  static double at(ByteBuffer raw, Datatype type, long index) {
    int at = Math.toIntExact(index * type.byteSize());
    return switch (type) {
      case BOOL -> raw.get(at) != 0 ? 1 : 0;
      case UINT8 -> raw.get(at) & 0xff;
      case UINT16 -> raw.getShort(at) & 0xffff;
      case UINT32 -> raw.getInt(at) & 0xffff_ffffL;
      case UINT64 -> unsigned(raw.getLong(at));
      case INT8 -> raw.get(at);
      case INT16 -> raw.getShort(at);
      case INT32 -> raw.getInt(at);
      case INT64 -> raw.getLong(at);
      case FP16 -> Half.toFloat(raw.getShort(at));
      case BF16 -> BFloat16.toFloat(raw.getShort(at));
      case FP32 -> raw.getFloat(at);
      case FP64 -> raw.getDouble(at);
      case BYTES -> Double.NaN;
    };
  }

  private static double unsigned(long bits) {
    return bits >= 0 ? bits : ((bits >>> 1) | (bits & 1)) * 2.0;
  }
}
