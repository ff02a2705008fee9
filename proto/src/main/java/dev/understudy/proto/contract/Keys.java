package dev.understudy.proto.contract;

import dev.understudy.proto.tensor.BFloat16;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.Half;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Numbers of one datatype as signed integers in the same order, called keys.
 *
 * <p>The bits of a float are in the order of the numbers but for the sign: where it is set, all
 * other bits count backwards and are flipped. The bits of an unsigned integer are in order once
 * their first bit is flipped. So a range check of any datatype is two integer comparisons, and one
 * loop serves all datatypes of a size. NaN lies beyond infinity, on both sides. -0 has a key of its
 * own just below 0: a lower bound of 0 therefore begins at -0, and {@link #canonical} makes the two
 * one where values are compared for equality.
 */
final class Keys {
  /** A number that the datatype cannot hold. No double becomes this key: odd, and near 2^63. */
  static final long NONE = Long.MAX_VALUE - 2;

  static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final double TWO_63 = 0x1p63;

  final Datatype type;
  final int size;
  final boolean isFloat;

  /** The bits that are flipped where the sign is set; 0 for integers. */
  final long mask;

  /** The bits that are flipped always; 0 but for unsigned integers. */
  final long flip;

  private final long infinity;

  Keys(Datatype type) {
    this.type = type;
    this.size = type.byteSize();
    switch (type) {
      case FP16, BF16, FP32, FP64 -> isFloat = true;
      default -> isFloat = false;
    }
    int bits = 8 * size;
    mask = isFloat ? (1L << (bits - 1)) - 1 : 0;
    boolean unsigned =
        switch (type) {
          case BOOL, UINT8, UINT16, UINT32, UINT64 -> true;
          default -> false;
        };
    flip = unsigned ? -1L << (bits - 1) : 0;
    infinity = isFloat ? nearest(Double.POSITIVE_INFINITY) : Long.MAX_VALUE;
  }

  /** The key of the element that begins at an index. */
  long at(byte[] data, int index) {
    long bits;
    switch (size) {
      case 1 -> bits = type == Datatype.BOOL ? (data[index] == 0 ? 0 : 1) : data[index];
      case 2 -> bits = (short) SHORT.get(data, index);
      case 4 -> bits = (int) INT.get(data, index);
      default -> bits = (long) LONG.get(data, index);
    }
    return swap(bits);
  }

  /** Writes the element of a key. */
  void put(byte[] data, int index, long key) {
    long bits = key ^ flip;
    bits ^= bits >> 63 & mask;
    switch (size) {
      case 1 -> data[index] = (byte) bits;
      case 2 -> SHORT.set(data, index, (short) bits);
      case 4 -> INT.set(data, index, (int) bits);
      default -> LONG.set(data, index, bits);
    }
  }

  private long swap(long bits) {
    return (bits ^ (bits >> 63 & mask)) ^ flip;
  }

  boolean isNan(long key) {
    return isFloat && (key > infinity || key < ~infinity);
  }

  /** The key of +infinity, or above every key of an integer. */
  long infinity() {
    return infinity;
  }

  /** The same key, but 0 for -0. */
  long canonical(long key) {
    return isFloat && key == -1 ? 0 : key;
  }

  /** The key from which on numbers are at least a bound; {@link #NONE} when none is. */
  long low(double bound) {
    if (isFloat) {
      long key = nearest(bound);
      return key == 0 ? -1 : key;
    }
    return ofInteger(Math.ceil(bound), false, true);
  }

  /** The key up to which numbers are at most a bound; {@link #NONE} when none is. */
  long high(double bound) {
    if (isFloat) {
      return canonical(nearest(bound));
    }
    return ofInteger(Math.floor(bound), true, false);
  }

  /** The canonical key of a number, or {@link #NONE} when the datatype cannot hold it. */
  long exact(double value) {
    if (isFloat) {
      return canonical(nearest(value));
    }
    return value == Math.rint(value) ? ofInteger(value, true, true) : NONE;
  }

  private long nearest(double value) {
    return switch (type) {
      case FP16 -> swap(Half.fromFloat((float) value));
      case BF16 -> swap(BFloat16.fromFloat((float) value));
      case FP32 -> swap(Float.floatToRawIntBits((float) value));
      default -> swap(Double.doubleToRawLongBits(value));
    };
  }

  /** A whole number; one that is too small or too large is cut, or none where cutting is barred. */
  private long ofInteger(double whole, boolean noneBelow, boolean noneAbove) {
    boolean unsigned = flip != 0;
    int bits = type == Datatype.BOOL ? 1 : 8 * size;
    double least = unsigned ? 0 : -Math.scalb(1.0, bits - 1);
    double beyond = Math.scalb(1.0, unsigned ? bits : bits - 1);
    if (whole < least) {
      return noneBelow ? NONE : swap(unsigned ? 0 : -1L << (bits - 1));
    }
    if (whole >= beyond) {
      return noneAbove ? NONE : largest(unsigned, bits);
    }
    long number = whole < TWO_63 ? (long) whole : (long) (whole - TWO_63) ^ Long.MIN_VALUE;
    int unused = 64 - 8 * size;
    return swap(number << unused >> unused);
  }

  private long largest(boolean unsigned, int bits) {
    if (type == Datatype.BOOL) {
      return swap(1);
    }
    return unsigned ? swap(-1) : swap(-1L >>> (65 - bits));
  }

  /** The number as texts show it. */
  String shown(long key) {
    long bits = key ^ flip;
    bits ^= bits >> 63 & mask;
    return switch (type) {
      case FP16 -> plain(Half.toFloat((short) bits));
      case BF16 -> plain(BFloat16.toFloat((short) bits));
      case FP32 -> plain(Float.intBitsToFloat((int) bits));
      case FP64 -> shown(Double.longBitsToDouble(bits));
      case UINT8, UINT16, UINT32 -> Long.toString(bits & ((1L << (8 * size)) - 1));
      case UINT64 -> Long.toUnsignedString(bits);
      default -> Long.toString(bits);
    };
  }

  /** The number itself; 64-bit integers lose what a double cannot hold. */
  double value(long key) {
    long bits = key ^ flip;
    bits ^= bits >> 63 & mask;
    return switch (type) {
      case FP16 -> Half.toFloat((short) bits);
      case BF16 -> BFloat16.toFloat((short) bits);
      case FP32 -> Float.intBitsToFloat((int) bits);
      case FP64 -> Double.longBitsToDouble(bits);
      case UINT8, UINT16, UINT32 -> bits & ((1L << (8 * size)) - 1);
      case UINT64 -> bits >= 0 ? bits : ((bits >>> 1) | (bits & 1)) * 2.0;
      default -> bits;
    };
  }

  private static String plain(float value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9f
        ? Long.toString((long) value)
        : Float.toString(value);
  }

  /** A number of the contract as texts show it. */
  static String shown(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  /** The keys of a datatype, or null for BYTES. */
  static @Nullable Keys of(Datatype type) {
    return type == Datatype.BYTES ? null : new Keys(type);
  }
}
