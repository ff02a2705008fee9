package dev.understudy.evidence.divergence;

import java.nio.ByteBuffer;

/**
 * Room for a part of a tensor as doubles, used again and again. Floats of 32 bits and less, and
 * integers of 32 bits and less, are held exactly.
 */
final class Chunk {
  /** Elements of a chunk: two of them and the lanes of a sum stay in the first-level cache. */
  static final int LENGTH = 512;

  /** From so many elements on a bulk copy is cheaper than reading one by one. */
  private static final int BULK = 32;

  final double[] values = new double[LENGTH];
  private final float[] floats = new float[LENGTH];
  private final short[] shorts = new short[LENGTH];

  /** Reads {@code count} elements, at most {@link #LENGTH}, from index {@code from} on. */
  void load(Tensor tensor, int from, int count) {
    switch (tensor.element()) {
      case FP32 -> floats(tensor, from, count);
      case FP64 -> doubles(tensor, from, count);
      case FP16 -> halves(tensor, from, count);
      case BF16 -> brains(tensor, from, count);
      default -> {
        Element element = tensor.element();
        ByteBuffer data = tensor.data();
        for (int j = 0; j < count; j++) {
          values[j] = element.value(data, from + j);
        }
      }
    }
  }

  private void floats(Tensor tensor, int from, int count) {
    if (count < BULK) {
      ByteBuffer data = tensor.data();
      int at = from * Float.BYTES;
      for (int j = 0; j < count; j++) {
        values[j] = data.getFloat(at + j * Float.BYTES);
      }
      return;
    }
    tensor.floats().get(from, floats, 0, count);
    Kernels.widen(floats, values, count);
  }

  private void doubles(Tensor tensor, int from, int count) {
    if (count < BULK) {
      ByteBuffer data = tensor.data();
      int at = from * Double.BYTES;
      for (int j = 0; j < count; j++) {
        values[j] = data.getDouble(at + j * Double.BYTES);
      }
      return;
    }
    tensor.doubles().get(from, values, 0, count);
  }

  private void halves(Tensor tensor, int from, int count) {
    tensor.shorts().get(from, shorts, 0, count);
    Kernels.widenHalves(shorts, floats, count);
    Kernels.widen(floats, values, count);
  }

  private void brains(Tensor tensor, int from, int count) {
    tensor.shorts().get(from, shorts, 0, count);
    Kernels.widenBrains(shorts, floats, count);
    Kernels.widen(floats, values, count);
  }
}
