package dev.understudy.router.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RecentQuantileTest {
  private final RecentQuantile quantile = new RecentQuantile();

  @Test
  void ofTooFewNothingIsKnown() {
    for (int i = 0; i < 19; i++) {
      quantile.record(1_000_000);
    }
    quantile.look();
    assertEquals(Long.MAX_VALUE, quantile.nanos());
  }

  @Test
  void itIsTheNinetyFifthPercentileToWithinAnEighth() {
    Random random = new Random(5);
    for (int round = 0; round < 50; round++) {
      RecentQuantile one = new RecentQuantile();
      long[] all = new long[2_000];
      double spread = random.nextDouble(0.1, 3);
      for (int i = 0; i < all.length; i++) {
        all[i] = (long) Math.exp(14 + spread * random.nextGaussian());
        one.record(all[i]);
      }
      one.look();
      Arrays.sort(all);
      long exact = all[(int) Math.ceil(all.length * 0.95) - 1];
      assertTrue(one.nanos() > exact && one.nanos() <= exact * 1.126, one.nanos() + " " + exact);
    }
  }

  @Test
  void thePastFades() {
    for (int i = 0; i < 1_000; i++) {
      quantile.record(500_000_000);
    }
    for (int look = 0; look < 12; look++) {
      for (int i = 0; i < 100; i++) {
        quantile.record(1_000_000);
      }
      quantile.look();
    }
    assertTrue(quantile.nanos() < 1_200_000, "" + quantile.nanos());
  }

  @Test
  void anyLatencyHasItsPlace() {
    for (long nanos : new long[] {0, 1, 7, 8, 9, Long.MAX_VALUE / 4}) {
      RecentQuantile one = new RecentQuantile();
      for (int i = 0; i < 20; i++) {
        one.record(nanos);
      }
      one.look();
      assertTrue(one.nanos() > nanos, "" + nanos);
    }
  }
}
