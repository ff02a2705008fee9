package dev.understudy.router.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class FailedAttemptsTest {
  private static final long SECOND = 1_000_000_000L;

  private final Random random = new Random(11);

  private FailedAttempts sketch(double perSecond, int burst) {
    return new FailedAttempts(perSecond, burst, random.nextLong(), random.nextLong(), -5 * SECOND);
  }

  @Test
  void anAddressMayFailAsOftenAsTheBurstSaysAndThenOnceAnInterval() {
    FailedAttempts attempts = sketch(0.5, 3);
    for (int i = 0; i < 3; i++) {
      assertEquals(0, attempts.waitNanos(1, 0));
      attempts.failed(1, 0);
    }
    assertEquals(2 * SECOND, attempts.waitNanos(1, 0));
    assertEquals(1, attempts.waitNanos(1, 2 * SECOND - 1));
    assertEquals(0, attempts.waitNanos(1, 2 * SECOND));
    attempts.failed(1, 2 * SECOND);
    assertEquals(2 * SECOND, attempts.waitNanos(1, 2 * SECOND));
    assertEquals(0, attempts.waitNanos(2, 0));
  }

  @Test
  void aRestIsWorthTheBurstAndNoMore() {
    FailedAttempts attempts = sketch(1, 2);
    attempts.failed(1, 0);
    long later = 1_000 * SECOND;
    attempts.failed(1, later);
    assertEquals(0, attempts.waitNanos(1, later));
    attempts.failed(1, later);
    assertEquals(SECOND, attempts.waitNanos(1, later));
  }

  @Test
  void whoGoesOnFailingIsNotBlockedForLonger() {
    FailedAttempts attempts = sketch(1, 2);
    for (int i = 0; i < 1_000; i++) {
      attempts.failed(1, 0);
    }
    assertEquals(SECOND, attempts.waitNanos(1, 0));
  }

  @Test
  void attackersBlockFewOthers() {
    FailedAttempts attempts = sketch(1, 1);
    for (int attacker = 0; attacker < 100; attacker++) {
      attempts.failed(random.nextLong(), 0);
    }
    int blocked = 0;
    for (int i = 0; i < 100_000; i++) {
      blocked += attempts.waitNanos(random.nextLong(), 0) > 0 ? 1 : 0;
    }
    // (100 / 16,384)² of 100,000 is 3.7; 30 would be beyond all chance.
    assertTrue(blocked < 30, "blocked: " + blocked);
  }
}
