package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class BFloat16Test {
  private static double reference(int bits) {
    int exponent = bits >> 7 & 255;
    int fraction = bits & 127;
    double magnitude;
    if (exponent == 255) {
      magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else if (exponent == 0) {
      magnitude = fraction * Math.pow(2, -133);
    } else {
      magnitude = (1 + fraction / 128.0) * Math.pow(2, exponent - 127);
    }
    return (bits & 0x8000) == 0 ? magnitude : -magnitude;
  }

  @Test
  void everyPatternHasItsDefinedValueAndComesBack() {
    for (int bits = 0; bits < 65536; bits++) {
      float value = BFloat16.toFloat((short) bits);
      assertEquals((float) reference(bits), value, "pattern " + bits);
      int back = Float.isNaN(value) ? bits | 0x40 : bits;
      assertEquals((short) back, BFloat16.fromFloat(value), "pattern " + bits);
    }
    assertEquals((short) 0x3f80, BFloat16.fromFloat(1));
  }

  @Test
  void betweenNeighboursTheNearerWinsAndTiesGoToTheEvenOne() {
    for (int bits = 0; bits < 0x7f80; bits++) {
      int even = (bits & 1) == 0 ? bits : bits + 1;
      float middle = Float.intBitsToFloat(bits << 16 | 0x8000);
      assertEquals((short) even, BFloat16.fromFloat(middle), "tie above " + bits);
      assertEquals((short) (even | 0x8000), BFloat16.fromFloat(-middle), "tie above -" + bits);
      assertEquals((short) bits, BFloat16.fromFloat(Math.nextDown(middle)), "below tie " + bits);
      assertEquals((short) (bits + 1), BFloat16.fromFloat(Math.nextUp(middle)), "above " + bits);
    }
  }
}
