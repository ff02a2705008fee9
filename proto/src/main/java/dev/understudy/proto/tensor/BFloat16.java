package dev.understudy.proto.tensor;

/**
 * The bfloat16 format (BF16), the upper half of a binary32, to and from {@code float}. Stateless.
 */
public final class BFloat16 {
  private BFloat16() {}

  /** Exact; the payload of a NaN is kept. */
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Rounds to nearest, ties to even. A NaN stays a NaN and becomes quiet. (Triton's Python client
   * truncates instead; both read back within one unit in the last place.)
   */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }
}
