package dev.understudy.router.mirror;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class RateCapTest {
  private static final long SECOND = 1_000_000_000L;

  private static int taken(RateCap cap, double perSecond, long fromNanos, int offers, long every) {
    int taken = 0;
    for (int i = 0; i < offers; i++) {
      taken += cap.take(perSecond, fromNanos + i * every) ? 1 : 0;
    }
    return taken;
  }

  @Test
  void overTimeTheRateHoldsAndOneTenthOfASecondMayComeAtOnce() {
    RateCap cap = new RateCap();
    assertEquals(10, taken(cap, 100, 0, 1000, 0), "at once");
    assertEquals(1000, taken(cap, 100, SECOND, 100_000, 100_000) - 9, 1, "in ten seconds");
  }

  @Test
  void aSlowRateLetsOneThroughAtATime() {
    RateCap cap = new RateCap();
    assertTrue(cap.take(0.5, 0));
    assertFalse(cap.take(0.5, SECOND));
    assertTrue(cap.take(0.5, 2 * SECOND));
  }

  @Test
  void aRestSavesNoMoreThanTheBurst() {
    RateCap cap = new RateCap();
    assertTrue(cap.take(20, 0));
    assertEquals(2, taken(cap, 20, 3600 * SECOND, 50, 0));
  }

  @Test
  void theClocksOriginDoesNotMatter() {
    RateCap cap = new RateCap();
    assertEquals(10, taken(cap, 100, -5 * SECOND, 50, 0));
    assertEquals(10, taken(cap, 100, 5 * SECOND, 50, 0));
  }
}
