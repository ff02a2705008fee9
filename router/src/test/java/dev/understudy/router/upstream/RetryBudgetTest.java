package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RetryBudgetTest {
  private static final long SECOND = 1_000_000_000L;

  private static int taken(RetryBudget budget, int tries, long now) {
    int taken = 0;
    for (int i = 0; i < tries; i++) {
      taken += budget.take(now) ? 1 : 0;
    }
    return taken;
  }

  @Test
  void aShareOfTheCallsMayBeRepeated() {
    RetryBudget budget = new RetryBudget(2000, 100, 0, 0);
    assertFalse(budget.take(0));
    for (int i = 0; i < 50; i++) {
      budget.earn();
    }
    assertEquals(10, taken(budget, 50, 0));
    assertEquals(41, budget.refused());
  }

  @Test
  void noMoreIsSavedThanTheBound() {
    RetryBudget budget = new RetryBudget(10_000, 7, 0, 0);
    for (int i = 0; i < 1000; i++) {
      budget.earn();
    }
    assertEquals(7, taken(budget, 1000, 0));
  }

  @Test
  void someASecondAreAlwaysAllowed() {
    RetryBudget budget = new RetryBudget(0, 0, 10, 0);
    assertEquals(10, taken(budget, 100, 0), "a second's worth at once");
    assertEquals(0, taken(budget, 100, SECOND / 10 - 1));
    assertEquals(1, taken(budget, 100, SECOND / 10));
    assertEquals(10, taken(budget, 100, 10 * SECOND), "and no more after a rest");
  }

  @Test
  void whatIsTakenIsAlwaysBounded() {
    Random random = new Random(3);
    for (int round = 0; round < 200; round++) {
      int bp = random.nextInt(10_001);
      int most = random.nextInt(50);
      int perSecond = random.nextInt(20);
      RetryBudget budget = new RetryBudget(bp, most, perSecond, 0);
      long now = 0;
      int earned = 0;
      int taken = 0;
      for (int i = 0; i < 2_000; i++) {
        now += random.nextLong(SECOND / 100);
        if (random.nextBoolean()) {
          budget.earn();
          earned++;
        }
        taken += budget.take(now) ? 1 : 0;
      }
      double bound = earned * (bp / 1e4) + perSecond * (now / 1e9 + 1) + 1;
      assertTrue(taken <= bound, taken + " of " + bound);
    }
  }

  @Test
  void nothingBelowZero() {
    assertThrows(IllegalArgumentException.class, () -> new RetryBudget(-1, 0, 0, 0));
  }

  @Test
  void whatIsGivenBackCanBeTakenAgainAndNoMoreIsSaved() {
    RetryBudget budget = new RetryBudget(10_000, 1, 0, 0);
    budget.earn();
    assertTrue(budget.take(0));
    assertFalse(budget.take(0));
    budget.giveBack();
    budget.giveBack();
    assertTrue(budget.take(0));
    assertFalse(budget.take(0));
  }
}
