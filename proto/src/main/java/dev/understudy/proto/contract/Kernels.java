package dev.understudy.proto.contract;

/**
 * The loops that see every element of a request: does any of {@code n} elements lie outside of its
 * bounds? No branches, no exit before the end, plain arrays from index 0, so that the compiler
 * makes vectors of them: 256 floats in some 60 ns. An element lies within its bounds when neither
 * maximum with the lower nor minimum with the upper changes it.
 *
 * <p>Each returns 0 when all lie within. Elements are read little-endian, wherever they begin.
 */
final class Kernels {
  private Kernels() {}

  static int bytes(byte[] data, int from, int n, int flip, int[] low, int[] high) {
    int bad = 0;
    for (int j = 0; j < n; j++) {
      int key = data[from + j] ^ flip;
      bad |= (Math.max(key, low[j]) ^ key) | (Math.min(key, high[j]) ^ key);
    }
    return bad;
  }

  static int shorts(byte[] data, int from, int n, int mask, int flip, int[] low, int[] high) {
    int bad = 0;
    for (int j = 0; j < n; j++) {
      int bits = (short) Keys.SHORT.get(data, from + 2 * j);
      int key = (bits ^ (bits >> 31 & mask)) ^ flip;
      bad |= (Math.max(key, low[j]) ^ key) | (Math.min(key, high[j]) ^ key);
    }
    return bad;
  }

  static int ints(byte[] data, int from, int n, int mask, int flip, int[] low, int[] high) {
    int bad = 0;
    for (int j = 0; j < n; j++) {
      int bits = (int) Keys.INT.get(data, from + 4 * j);
      int key = (bits ^ (bits >> 31 & mask)) ^ flip;
      bad |= (Math.max(key, low[j]) ^ key) | (Math.min(key, high[j]) ^ key);
    }
    return bad;
  }

  static long longs(byte[] data, int from, int n, long mask, long flip, long[] low, long[] high) {
    long bad = 0;
    for (int j = 0; j < n; j++) {
      long bits = (long) Keys.LONG.get(data, from + 8 * j);
      long key = (bits ^ (bits >> 63 & mask)) ^ flip;
      bad |= (Math.max(key, low[j]) ^ key) | (Math.min(key, high[j]) ^ key);
    }
    return bad;
  }
}
