package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Looks for NaN and infinity, eight bytes at a time. An element is not finite when all bits of its
 * exponent are set; adding one to the exponent's last place then carries into the sign's place,
 * which the mask has cleared, so that the lanes of a long cannot disturb each other. Stateless.
 */
public final class Finite {
  private Finite() {}

  /**
   * The index of the first element that is NaN or infinite, or -1. Datatypes other than FP16, BF16,
   * FP32 and FP64 have no such values: -1.
   *
   * @param raw little-endian elements from position to limit; whole elements only
   * @throws IllegalArgumentException when the buffer is not little-endian or ends within an element
   */
  public static int firstNonFinite(ByteBuffer raw, Datatype type) {
    return switch (type) {
      case FP16 -> scan(raw, 2, 0x7c00_7c00_7c00_7c00L, 0x0400_0400_0400_0400L);
      case BF16 -> scan(raw, 2, 0x7f80_7f80_7f80_7f80L, 0x0080_0080_0080_0080L);
      case FP32 -> scan(raw, 4, 0x7f80_0000_7f80_0000L, 0x0080_0000_0080_0000L);
      case FP64 -> scan(raw, 8, 0x7ff0_0000_0000_0000L, 0x0010_0000_0000_0000L);
      default -> -1;
    };
  }

  private static int scan(ByteBuffer raw, int size, long exponent, long one) {
    if (raw.order() != ByteOrder.LITTLE_ENDIAN || raw.remaining() % size != 0) {
      throw new IllegalArgumentException(
          "expected whole little-endian elements of "
              + size
              + " bytes, got "
              + raw.remaining()
              + " bytes, "
              + raw.order());
    }
    // In each lane the sign's place: the one just above the exponent.
    long carry = exponent + one;
    int start = raw.position();
    int limit = raw.limit();
    int at = start;
    for (; limit - at >= 8; at += 8) {
      long hits = ((raw.getLong(at) & exponent) + one) & carry;
      if (hits != 0) {
        return (at - start + Long.numberOfTrailingZeros(hits) / 8) / size;
      }
    }
    long tail = 0;
    for (int i = at; i < limit; i++) {
      tail |= (raw.get(i) & 0xffL) << (8 * (i - at));
    }
    long hits = ((tail & exponent) + one) & carry;
    return hits == 0 ? -1 : (at - start + Long.numberOfTrailingZeros(hits) / 8) / size;
  }
}
