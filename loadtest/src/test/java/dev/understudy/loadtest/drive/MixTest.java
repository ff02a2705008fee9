package dev.understudy.loadtest.drive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class MixTest {

  @Test
  void callsAreSpreadByWeight() {
    Mix mix =
        new Mix(
            List.of(
                new Mix.Kind("often", 3, List.of(new byte[] {1})),
                new Mix.Kind("seldom", 1, List.of(new byte[] {2}, new byte[] {3}))),
            Mix.zipf(4, 1),
            5);
    int[] messages = new int[4];
    int[] principals = new int[4];
    int n = 100_000;
    for (int i = 0; i < n; i++) {
      byte[] message = mix.next();
      assertEquals(message[0] == 1 ? 0 : 1, mix.kind());
      messages[message[0]]++;
      principals[mix.principal()]++;
    }
    assertEquals(.75, messages[1] / (double) n, .01);
    assertEquals(.125, messages[2] / (double) n, .01);
    double whole = 1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0;
    for (int i = 0; i < 4; i++) {
      assertEquals(1 / (double) (i + 1) / whole, principals[i] / (double) n, .01);
    }
  }

  @Test
  void zipfOfExponentZeroIsEven() {
    assertArrayEquals(new double[] {1, 1, 1}, Mix.zipf(3, 0));
  }

  @Test
  void tooManyBytesAreRefused() {
    byte[] large = new byte[1 << 20];
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new Mix(
                    List.of(new Mix.Kind("m", 1, Collections.nCopies(257, large))),
                    new double[] {1},
                    1));
    assertEquals(
        "requests: 269484032 bytes (expected: up to 268435456 in all)", refused.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Mix.Kind("m", 0, List.of(large)));
    assertThrows(IllegalArgumentException.class, () -> new Mix.Kind("m", 1, List.of()));
  }
}
