package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The raw form of a BYTES tensor: for each element a little-endian uint32 length, then that many
 * bytes. Stateless; buffers keep their position and order.
 */
public final class BytesTensor {
  private BytesTensor() {}

  /**
   * Checks that the buffer holds exactly the expected number of elements, in one pass without
   * allocation.
   *
   * @param raw the tensor, from position to limit
   * @param expected how many elements its shape says, 0 or more
   * @param input the input's name, for the text
   * @param model the model's name, for the text
   * @return Triton's text, or null when all is well
   */
  public static @Nullable String violation(
      ByteBuffer raw, long expected, String input, String model) {
    return violation(raw, expected, () -> input, model);
  }

  static @Nullable String violation(ByteBuffer raw, long expected, TensorView input, String model) {
    return violation(raw, expected, input::name, model);
  }

  private static @Nullable String violation(
      ByteBuffer raw, long expected, Supplier<String> input, String model) {
    int at = raw.position();
    int limit = raw.limit();
    for (long count = 0; at < limit; count++) {
      if (count == expected) {
        return Texts.tooManyStrings(input.get(), model, expected);
      }
      if (limit - at < 4) {
        return Texts.incompleteLength(input.get(), model, limit - at);
      }
      long length = lengthAt(raw, at);
      at += 4;
      if (length > limit - at) {
        return Texts.incompleteString(input.get(), model, length, limit - at);
      }
      at += (int) length;
      if (at == limit && count + 1 < expected) {
        return Texts.tooFewStrings(input.get(), model, expected, count + 1);
      }
    }
    return raw.hasRemaining() || expected == 0
        ? null
        : Texts.tooFewStrings(input.get(), model, expected, 0);
  }

  /**
   * The elements, each copied, in order.
   *
   * @throws TensorException when a length runs past the end
   */
  public static List<byte[]> decode(ByteBuffer raw) {
    List<byte[]> elements = new ArrayList<>();
    int at = raw.position();
    while (at < raw.limit()) {
      long length = raw.limit() - at < 4 ? Long.MAX_VALUE : lengthAt(raw, at);
      if (length > raw.limit() - at - 4L) {
        throw new TensorException(
            "BYTES element " + elements.size() + " runs past the end of the tensor");
      }
      byte[] element = new byte[(int) length];
      raw.get(at + 4, element);
      elements.add(element);
      at += 4 + element.length;
    }
    return elements;
  }

  /**
   * The raw form of the elements; a new little-endian buffer on the heap, position 0.
   *
   * @throws IllegalArgumentException when it would exceed 2 GiB
   */
  public static ByteBuffer encode(List<byte[]> elements) {
    long size = 0;
    for (byte[] element : elements) {
      size += 4L + element.length;
    }
    if (size > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("BYTES tensor of " + size + " bytes, over 2 GiB");
    }
    ByteBuffer raw = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
    for (byte[] element : elements) {
      raw.putInt(element.length).put(element);
    }
    return raw.flip();
  }

  private static long lengthAt(ByteBuffer raw, int at) {
    int bits = raw.getInt(at);
    int length = raw.order() == ByteOrder.LITTLE_ENDIAN ? bits : Integer.reverseBytes(bits);
    return Integer.toUnsignedLong(length);
  }
}
