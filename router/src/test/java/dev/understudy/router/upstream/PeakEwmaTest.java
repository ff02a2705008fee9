package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PeakEwmaTest {
  private static final long TAU = 10_000_000_000L;
  private static final long MS = 1_000_000;
  private static final long TICK = 1 << 16;

  private final PeakEwma cost = new PeakEwma(TAU, 0);

  private static void near(double expected, double actual) {
    assertEquals(expected, actual, Math.abs(expected) * 1e-4);
  }

  @Test
  void aRiseIsFollowedAtOnceAndAFallSlowly() {
    cost.observe(2 * MS, 0);
    cost.observe(50 * MS, 1);
    near(50 * MS, cost.costNanos(1));
    long later = TAU / TICK * TICK;
    cost.observe(2 * MS, later);
    double w = Math.exp(-(double) later / TAU);
    near(50 * MS * w + 2 * MS * (1 - w), cost.costNanos(later));
  }

  @Test
  void whoIsNotAskedLooksBetterWithTime() {
    cost.observe(100 * MS, 0);
    long at = 5 * TAU / TICK * TICK;
    near(100 * MS * Math.exp(-(double) at / TAU), cost.costNanos(at));
    assertEquals(0, cost.costNanos(1000 * TAU), 1e-30);
  }

  @Test
  void quickFailuresNeverLowerTheCost() {
    cost.observe(20 * MS, 0);
    for (int i = 1; i <= 100; i++) {
      cost.observeAtLeast(0, i * TAU);
    }
    near(20 * MS, cost.costNanos(100 * TAU));
    cost.observeAtLeast(30 * MS, 100 * TAU);
    near(30 * MS, cost.costNanos(100 * TAU));
  }

  @Test
  void theCostStaysWithinWhatWasObserved() {
    Random random = new Random(7);
    long now = 0;
    long worst = 0;
    double before = 0;
    for (int i = 0; i < 100_000; i++) {
      now += random.nextLong(TAU / 100);
      long nanos = random.nextLong(1, 200 * MS);
      worst = Math.max(worst, nanos);
      before = cost.costNanos(now);
      cost.observe(nanos, now);
      double after = cost.costNanos(now);
      assertTrue(after <= worst * 1.0001, "above all that was observed");
      assertTrue(after >= Math.min(before, (double) nanos) * 0.9999, "below both");
    }
  }

  @Test
  void anUnknownBackendGetsOneCallAndThenWaitsForItsAnswer() {
    assertEquals(0, cost.load(0, 0), 0);
    assertTrue(cost.load(1, 0) > 1e11);
    cost.observe(MS, 0);
    near(4.0 * MS, cost.load(3, 0));
  }

  @Test
  void timeThatGoesBackIsNoTime() {
    cost.observe(10 * MS, 1000 * TICK);
    cost.observe(1 * MS, 10 * TICK);
    near(10 * MS, cost.costNanos(1000 * TICK));
  }

  @Test
  void aTimeConstantOfNothingIsRefused() {
    assertEquals(
        "tauNanos: 5 (expected: >= 1000000)",
        assertThrows(IllegalArgumentException.class, () -> new PeakEwma(5, 0)).getMessage());
  }

  private record Done(long at, int who, long took) {}

  /** Poisson arrivals at three servers, the better of two at random. */
  private static int[] simulate(long slowNanos, long seed) {
    Random random = new Random(seed);
    PeakEwma[] costs = new PeakEwma[3];
    int[] inFlight = new int[3];
    int[] served = new int[3];
    for (int i = 0; i < 3; i++) {
      costs[i] = new PeakEwma(TAU, 0);
    }
    PriorityQueue<Done> running = new PriorityQueue<>((a, b) -> Long.compare(a.at, b.at));
    long now = 0;
    for (int call = 0; call < 20_000; call++) {
      now += (long) (-Math.log(1 - random.nextDouble()) * MS);
      while (!running.isEmpty() && running.peek().at <= now) {
        Done done = running.remove();
        inFlight[done.who]--;
        costs[done.who].observe(done.took, done.at);
      }
      int a = random.nextInt(3);
      int b = (a + 1 + random.nextInt(2)) % 3;
      int who = costs[a].load(inFlight[a], now) <= costs[b].load(inFlight[b], now) ? a : b;
      long mean = who == 0 ? slowNanos : 2 * MS;
      long took = (long) (mean * (0.5 + random.nextDouble()));
      inFlight[who]++;
      served[who]++;
      running.add(new Done(now + took, who, took));
    }
    return served;
  }

  @Test
  void aBackendTenTimesAsSlowGetsFarLessThanItsThird() {
    for (int seed = 1; seed <= 5; seed++) {
      int[] served = simulate(20 * MS, seed);
      assertTrue(served[0] > 0, "never tried again");
      assertTrue(served[0] < 20_000 * 0.08, "slow one of three got " + served[0]);
    }
  }

  @Test
  void equalBackendsShareAlike() {
    int[] served = simulate(2 * MS, 3);
    for (int who : served) {
      assertEquals(20_000 / 3.0, who, 20_000 * 0.06);
    }
  }
}
