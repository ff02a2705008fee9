package dev.understudy.proto.tensor;

/** IEEE 754 binary16 (FP16) to and from {@code float}. Stateless. */
public final class Half {
  private Half() {}

  /** Exact; the payload of a NaN is kept. */
  public static float toFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = half >>> 10 & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) {
      // Zero or subnormal: fraction times 2^-24 is exact in a float.
      float magnitude = fraction * 0x1p-24f;
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(magnitude));
    }
    int wide = exponent == 0x1f ? 0xff : exponent + (127 - 15);
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }

  /**
   * Rounds to the nearest half, ties to even; beyond the range to infinity (from 65520 on). A NaN
   * stays a NaN and becomes quiet.
   */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fff_ffff;
    if (magnitude > 0x7f80_0000) {
      return (short) (sign | 0x7e00 | (magnitude >>> 13 & 0x3ff));
    }
    if (magnitude >= 0x4780_0000) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x3880_0000) {
      // Below the smallest normal half. Adding 0.5 leaves multiples of 2^-24 as the last bits of
      // the sum: the addition itself rounds to nearest even.
      float shifted = Float.intBitsToFloat(magnitude) + 0.5f;
      return (short) (sign | (Float.floatToRawIntBits(shifted) - 0x3f00_0000));
    }
    // The carry of rounding may reach the exponent, up to infinity: that is the right result.
    int rounded = magnitude - ((127 - 15) << 23) + 0xfff + (magnitude >>> 13 & 1);
    return (short) (sign | rounded >>> 13);
  }
}
