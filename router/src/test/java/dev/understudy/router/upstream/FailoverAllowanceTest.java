package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class FailoverAllowanceTest {
  @Test
  void rescuesAreTheBurstAndTheShareOfRecentCalls() {
    FailoverAllowance allowance = new FailoverAllowance(10);
    int rescued = 0;
    for (int call = 0; call < 1000; call++) {
      allowance.earn(500);
      rescued += allowance.take() ? 1 : 0;
    }
    // The first call's earning is lost: the allowance is full at the start.
    assertEquals(10 + 49, rescued);
    assertEquals(1000 - rescued, allowance.refused());
  }

  @Test
  void whatIsNotUsedIsSavedOnlyUpToTheBurst() {
    FailoverAllowance allowance = new FailoverAllowance(2);
    for (int call = 0; call < 100_000; call++) {
      allowance.earn(10_000);
    }
    assertTrue(allowance.take());
    assertTrue(allowance.take());
    assertFalse(allowance.take());
  }
}
