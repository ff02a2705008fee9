package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A datatype of the Open Inference Protocol: how one element is read from little-endian bytes. */
enum Element {
  BOOL(1),
  UINT8(1),
  UINT16(2),
  UINT32(4),
  UINT64(8),
  INT8(1),
  INT16(2),
  INT32(4),
  INT64(8),
  FP16(2),
  BF16(2),
  FP32(4),
  FP64(8),
  /** Four bytes of length, then so many bytes. */
  BYTES(-1);

  final int bytes;

  Element(int bytes) {
    this.bytes = bytes;
  }

  static @Nullable Element ofName(String name) {
    for (Element element : values()) {
      if (element.name().equals(name)) {
        return element;
      }
    }
    return null;
  }

  boolean isFloat() {
    return this == FP16 || this == BF16 || this == FP32 || this == FP64;
  }

  /** The bits of a number, sign-extended for signed kinds. */
  long bits(ByteBuffer data, int index) {
    int at = index * bytes;
    return switch (this) {
      case BOOL -> data.get(at) == 0 ? 0 : 1;
      case UINT8 -> data.get(at) & 0xff;
      case INT8 -> data.get(at);
      case UINT16 -> data.getShort(at) & 0xffff;
      case INT16, FP16, BF16 -> data.getShort(at);
      case UINT32 -> data.getInt(at) & 0xffffffffL;
      case INT32, FP32 -> data.getInt(at);
      case UINT64, INT64, FP64 -> data.getLong(at);
      case BYTES -> throw new IllegalStateException("BYTES has no bits");
    };
  }

  /** A number's value; 64-bit integers lose what a double cannot hold. */
  double value(ByteBuffer data, int index) {
    long bits = bits(data, index);
    return switch (this) {
      case FP16 -> Float.float16ToFloat((short) bits);
      case BF16 -> Float.intBitsToFloat((int) bits << 16);
      case FP32 -> Float.intBitsToFloat((int) bits);
      case FP64 -> Double.longBitsToDouble(bits);
      case UINT64 -> (double) (bits >>> 1) * 2 + (double) (bits & 1);
      default -> (double) bits;
    };
  }

  /** Numbers of this kind between two of them, in units in the last place; 0 for integers. */
  long ulps(long bitsA, long bitsB) {
    if (!isFloat()) {
      return 0;
    }
    long a = ordered(bitsA);
    long b = ordered(bitsB);
    long distance = a - b;
    boolean overflow = ((a ^ b) & (a ^ distance)) < 0;
    return overflow || distance == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(distance);
  }

  /** Maps the bits of negative numbers below those of positive ones, -0 onto 0. */
  private long ordered(long bits) {
    if (bits >= 0) {
      return bits;
    }
    return this == FP64 ? Long.MIN_VALUE - bits : -(1L << (8 * bytes - 1)) - bits;
  }
}
