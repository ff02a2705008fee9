package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class HalfTest {
  /** The definition of binary16, in arithmetic rather than bits. */
  private static double reference(int bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double magnitude;
    if (exponent == 31) {
      magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else if (exponent == 0) {
      magnitude = fraction * Math.pow(2, -24);
    } else {
      magnitude = (1 + fraction / 1024.0) * Math.pow(2, exponent - 15);
    }
    return (bits & 0x8000) == 0 ? magnitude : -magnitude;
  }

  @Test
  void everyPatternHasItsDefinedValue() {
    for (int bits = 0; bits < 65536; bits++) {
      assertEquals((float) reference(bits), Half.toFloat((short) bits), "pattern " + bits);
    }
  }

  @Test
  void everyPatternComesBack() {
    for (int bits = 0; bits < 65536; bits++) {
      float value = Half.toFloat((short) bits);
      short back = Half.fromFloat(value);
      if (Float.isNaN(value)) {
        assertEquals((short) (bits | 0x200), back, "NaN " + bits);
      } else {
        assertEquals((short) bits, back, "pattern " + bits);
      }
    }
  }

  @Test
  void betweenNeighboursTheNearerWinsAndTiesGoToTheEvenOne() {
    for (int bits = 0; bits < 0x7c00; bits++) {
      double low = reference(bits);
      // The step past the largest half is where infinity would be if the exponents went on.
      double high = bits == 0x7bff ? 65536 : reference(bits + 1);
      float middle = (float) ((low + high) / 2);
      int even = (bits & 1) == 0 ? bits : bits + 1;
      assertEquals((short) even, Half.fromFloat(middle), "tie above " + bits);
      assertEquals((short) (even | 0x8000), Half.fromFloat(-middle), "negative tie above " + bits);
      assertEquals((short) bits, Half.fromFloat(Math.nextDown(middle)), "below tie " + bits);
      assertEquals((short) (bits + 1), Half.fromFloat(Math.nextUp(middle)), "above tie " + bits);
    }
  }

  @Test
  void roundingIsMonotone() {
    Random random = new Random(7);
    for (int i = 0; i < 200_000; i++) {
      float a = Float.intBitsToFloat(random.nextInt());
      float b = Float.intBitsToFloat(random.nextInt());
      if (a <= b) {
        assertTrue(Half.toFloat(Half.fromFloat(a)) <= Half.toFloat(Half.fromFloat(b)));
      }
    }
    assertEquals((short) 0x7c00, Half.fromFloat(Float.MAX_VALUE));
    assertEquals((short) 0x8000, Half.fromFloat(-Float.MIN_VALUE));
  }
}
