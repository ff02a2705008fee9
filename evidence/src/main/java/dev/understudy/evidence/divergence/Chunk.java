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
      case FP32, FP16, BF16 -> wide(tensor, from, count);
      case FP64 -> doubles(tensor, from, count);
      default -> {
        Element element = tensor.element();
        ByteBuffer data = tensor.data();
        for (int j = 0; j < count; j++) {
          values[j] = element.value(data, from + j);
        }
      }
    }
  }

  /** The same of FP32, FP16 or BF16, as floats. */
  float[] floats(Tensor tensor, int from, int count) {
    switch (tensor.element()) {
      case FP16 -> {
        tensor.shorts().get(from, shorts, 0, count);
        Kernels.widenHalves(shorts, floats, count);
      }
      case BF16 -> {
        tensor.shorts().get(from, shorts, 0, count);
        Kernels.widenBrains(shorts, floats, count);
      }
      default -> tensor.floats().get(from, floats, 0, count);
    }
    return floats;
  }

  /** The bits of the same, as those of FP32, in the given room. */
  int[] bits(Tensor tensor, int from, int count, int[] room) {
    if (tensor.element() == Element.FP32) {
      tensor.ints().get(from, room, 0, count);
    } else {
      Kernels.bits(floats(tensor, from, count), room, count);
    }
    return room;
  }

  private void wide(Tensor tensor, int from, int count) {
    if (count >= BULK || tensor.element() != Element.FP32) {
      Kernels.widen(floats(tensor, from, count), values, count);
      return;
    }
    ByteBuffer data = tensor.data();
    int at = from * Float.BYTES;
    for (int j = 0; j < count; j++) {
      values[j] = data.getFloat(at + j * Float.BYTES);
    }
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
}
