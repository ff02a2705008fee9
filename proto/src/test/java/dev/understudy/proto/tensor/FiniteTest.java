package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FiniteTest {
  private static double element(ByteBuffer raw, Datatype type, int index) {
    int at = raw.position() + index * type.byteSize();
    return switch (type) {
      case FP16 -> Half.toFloat(raw.getShort(at));
      case BF16 -> BFloat16.toFloat(raw.getShort(at));
      case FP32 -> raw.getFloat(at);
      default -> raw.getDouble(at);
    };
  }

  private static int reference(ByteBuffer raw, Datatype type) {
    for (int i = 0; i < raw.remaining() / type.byteSize(); i++) {
      if (!Double.isFinite(element(raw, type, i))) {
        return i;
      }
    }
    return -1;
  }

  @Test
  void findsWhatTheElementwiseSearchFinds() {
    Random random = new Random(11);
    for (Datatype type :
        new Datatype[] {Datatype.FP16, Datatype.BF16, Datatype.FP32, Datatype.FP64}) {
      int found = 0;
      for (int run = 0; run < 20_000; run++) {
        int elements = random.nextInt(20);
        ByteBuffer raw =
            ByteBuffer.allocateDirect(3 + elements * type.byteSize())
                .order(ByteOrder.LITTLE_ENDIAN);
        while (raw.hasRemaining()) {
          // Extreme exponents often: all ones beside almost all ones.
          byte[] bytes = {
            (byte) random.nextInt(), (byte) 0xff, 0x7f, (byte) 0x80, (byte) 0xf0, 0x7c
          };
          raw.put(bytes[random.nextInt(random.nextInt(8) == 0 ? bytes.length : 1)]);
        }
        raw.position(3);
        int expected = reference(raw, type);
        found += expected >= 0 ? 1 : 0;
        assertEquals(expected, Finite.firstNonFinite(raw, type), () -> type + " " + elements);
        assertEquals(3, raw.position());
      }
      assertEquals(true, found > 100 && found < 19_900, type + " found " + found);
    }
  }

  @Test
  void everyHalfPatternIsJudgedRight() {
    for (Datatype type : new Datatype[] {Datatype.FP16, Datatype.BF16}) {
      for (int bits = 0; bits < 65536; bits++) {
        for (int count = 1; count <= 5; count++) {
          ByteBuffer raw = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
          raw.putShort(2 * (count - 1), (short) bits);
          boolean finite = Double.isFinite(element(raw, type, count - 1));
          assertEquals(finite ? -1 : count - 1, Finite.firstNonFinite(raw, type));
        }
      }
    }
  }

  @Test
  void otherTypesAreAlwaysFiniteAndHalfElementsAreRefused() {
    ByteBuffer ones = ByteBuffer.wrap(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, -1});
    assertEquals(-1, Finite.firstNonFinite(ones, Datatype.INT64));
    ones.order(ByteOrder.LITTLE_ENDIAN);
    assertThrows(IllegalArgumentException.class, () -> Finite.firstNonFinite(ones, Datatype.FP32));
    assertThrows(
        IllegalArgumentException.class,
        () -> Finite.firstNonFinite(ByteBuffer.allocate(4), Datatype.FP32));
  }
}
