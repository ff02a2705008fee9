package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HeadroomTest {
  private static final long TENTH = 100_000_000L;

  private final Headroom headroom = new Headroom(4, 8);

  @Test
  void aFewAreAlwaysTaken() {
    assertTrue(headroom.has(7));
    assertFalse(headroom.has(8));
  }

  @Test
  void theBoundIsAMultipleOfTheUsual() {
    for (int i = 0; i < 600; i++) {
      headroom.sample(10, i * TENTH);
    }
    assertTrue(headroom.has(39));
    assertFalse(headroom.has(40));
  }

  @Test
  void aWaveOfRescuesHardlyMovesIt() {
    for (int i = 0; i < 600; i++) {
      headroom.sample(10, i * TENTH);
    }
    for (int i = 600; i < 650; i++) {
      headroom.sample(40, i * TENTH);
    }
    assertFalse(headroom.has(60), "five seconds of it");
  }

  @Test
  void whatIsUsualChangesWithTime() {
    headroom.sample(100, 0);
    for (int i = 1; i < 6000; i++) {
      headroom.sample(1, i * TENTH);
    }
    assertFalse(headroom.has(8), "ten minutes later");
  }
}
