package dev.understudy.router.overload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.router.call.Criticality;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class GradientLimitTest {
  private static final ClassShares SHARES = new ClassShares(0.7, 0.9);
  private static final long MILLI = 1_000_000;

  private final AtomicLong clock = new AtomicLong(5);

  private GradientLimit limit(int minimum, int start, int maximum) {
    return new GradientLimit(
        new GradientSettings(
            minimum, start, maximum, 2, Duration.ofMillis(100), Duration.ofSeconds(30)),
        SHARES,
        clock::get);
  }

  private static QueueSimulation overloaded(long seed) {
    return new QueueSimulation(16, 10, 100, seed);
  }

  private static GradientLimit limiting(QueueSimulation simulation) {
    GradientLimit limit =
        new GradientLimit(GradientSettings.DEFAULT, SHARES, () -> simulation.nowNanos);
    simulation.limitedBy(limit);
    return limit;
  }

  @Test
  void atFiveTimesTheLoadGoodputHoldsAndCriticalCallsAreServed() {
    for (int seed = 0; seed < 10; seed++) {
      QueueSimulation simulation = overloaded(seed);
      GradientLimit limit = limiting(simulation);
      double capacity = simulation.capacity();
      Map<Criticality, Double> rates =
          Map.of(
              Criticality.SHEDDABLE, 2.5 * capacity,
              Criticality.DEFAULT, 2.4 * capacity,
              Criticality.CRITICAL, 0.1 * capacity);
      simulation.run(60, rates);
      double goodput = simulation.good() / 60.0 / capacity;
      double critical =
          (double) simulation.good.getOrDefault(Criticality.CRITICAL, 0)
              / simulation.offered.getOrDefault(Criticality.CRITICAL, 0);
      String told = "seed " + seed + ": " + goodput + " " + critical + " " + limit.limit();
      assertTrue(goodput > 0.9, told);
      assertTrue(critical > 0.99, told);
    }
  }

  @Test
  void withoutALimitTheSameLoadCollapses() {
    QueueSimulation simulation = overloaded(1);
    simulation.run(60, Map.of(Criticality.DEFAULT, 5 * simulation.capacity()));
    assertTrue(simulation.good() / 60.0 < 0.1 * simulation.capacity(), "" + simulation.good());
  }

  @Test
  void inALongOverloadTheLimitDoesNotDriftAway() {
    QueueSimulation simulation = overloaded(3);
    GradientLimit limit = limiting(simulation);
    Map<Criticality, Double> rates = Map.of(Criticality.CRITICAL, 5 * simulation.capacity());
    simulation.run(10, rates);
    for (int minute = 0; minute < 10; minute++) {
      simulation.run(60, rates);
      assertTrue(limit.limit() >= 4 && limit.limit() < 80, "limit " + limit.limit());
    }
  }

  @Test
  void aBackendWithRoomIsNeverDisturbed() {
    for (double load : new double[] {0.05, 0.3, 0.6, 0.8}) {
      QueueSimulation simulation = overloaded(7);
      limiting(simulation);
      simulation.run(600, Map.of(Criticality.DEFAULT, load * simulation.capacity()));
      assertEquals(0, simulation.refused, "at a load of " + load);
    }
  }

  @Test
  void aBackendThatHasBecomeThreeTimesSlowerIsBelievedWithinSeconds() {
    QueueSimulation simulation = new QueueSimulation(64, 10, 1000, 5);
    limiting(simulation);
    double rate = 0.25 * simulation.capacity();
    simulation.run(60, Map.of(Criticality.CRITICAL, rate));
    simulation.serviceNanos *= 3;
    simulation.run(10, Map.of(Criticality.CRITICAL, rate));
    simulation.forget();
    simulation.run(60, Map.of(Criticality.CRITICAL, rate));
    assertTrue(simulation.refused < 0.02 * rate * 60, simulation.refused + " of " + rate * 60);
  }

  @Test
  void whatAClassMayNotFillIsKeptForThoseAboveIt() {
    GradientLimit limit = limit(4, 10, 10);
    assertEquals(7, acquired(limit, Criticality.SHEDDABLE));
    assertEquals(2, acquired(limit, Criticality.DEFAULT));
    assertEquals(1, acquired(limit, Criticality.CRITICAL));
    assertEquals(10, limit.inFlight());
    assertEquals(3, limit.refused());
    limit.released(ConcurrencyLimit.NO_TIME, false);
    assertFalse(limit.tryAcquire(Criticality.DEFAULT));
    assertTrue(limit.tryAcquire(Criticality.CRITICAL));
  }

  private static int acquired(GradientLimit limit, Criticality criticality) {
    int acquired = 0;
    while (limit.tryAcquire(criticality)) {
      acquired++;
    }
    return acquired;
  }

  /** Ten calls at once, all ended alike after a time. */
  private void calls(GradientLimit limit, int count, long millis, boolean dropped) {
    int taken = 0;
    for (int i = 0; i < count; i++) {
      taken += limit.tryAcquire(Criticality.CRITICAL) ? 1 : 0;
    }
    clock.addAndGet(millis * MILLI);
    for (int i = 0; i < taken; i++) {
      limit.released(millis * MILLI, dropped);
    }
  }

  @Test
  void aDroppedCallTakesATenthOffOncePerWindow() {
    GradientLimit limit = limit(4, 100, 1000);
    for (int i = 0; i < 50; i++) {
      assertTrue(limit.tryAcquire(Criticality.CRITICAL));
    }
    clock.addAndGet(101 * MILLI);
    for (int i = 0; i < 50; i++) {
      limit.released(ConcurrencyLimit.NO_TIME, true);
    }
    assertEquals(90, limit.limit());
  }

  @Test
  void aCallerOfLittlePatienceSaysNothingAboutTheBackend() {
    GradientLimit limit = limit(4, 100, 1000);
    for (int i = 0; i < 20; i++) {
      calls(limit, 10, 50, false);
    }
    int before = limit.limit();
    for (int i = 0; i < 100; i++) {
      calls(limit, 10, 2, true);
    }
    assertEquals(before, limit.limit());
    calls(limit, 10, 200, true);
    assertTrue(limit.limit() < before, "one that waited long does");
  }

  @Test
  void aLimitThatIsNotNeededDoesNotGrow() {
    GradientLimit limit = limit(4, 100, 1000);
    for (int i = 0; i < 100; i++) {
      calls(limit, 20, 10, false);
    }
    assertEquals(100, limit.limit());
    for (int i = 0; i < 100; i++) {
      calls(limit, limit.limit(), 10, false);
    }
    assertTrue(limit.limit() > 150, "limit " + limit.limit());
  }

  @Test
  void threadsNeverHaveMoreInFlightThanTheLimit() throws InterruptedException {
    GradientLimit limit = limit(8, 8, 8);
    AtomicInteger inside = new AtomicInteger();
    AtomicBoolean tooMany = new AtomicBoolean();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      threads[t] =
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 0; i < 50_000; i++) {
                  clock.addAndGet(10_000);
                  int had = 0;
                  while (had < 4 && limit.tryAcquire(Criticality.CRITICAL)) {
                    had++;
                    if (inside.incrementAndGet() > 8) {
                      tooMany.set(true);
                    }
                  }
                  for (; had > 0; had--) {
                    inside.decrementAndGet();
                    limit.released(100_000, i % 97 == 0);
                  }
                }
              });
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertFalse(tooMany.get());
    assertEquals(0, limit.inFlight());
  }

  @Test
  void settingsThatMakeNoSenseAreRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new GradientSettings(0, 1, 1, 2, Duration.ofMillis(100), Duration.ofSeconds(1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new GradientSettings(5, 4, 10, 2, Duration.ofMillis(100), Duration.ofSeconds(1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new GradientSettings(1, 4, 10, 1, Duration.ofMillis(100), Duration.ofSeconds(1)));
    assertThrows(IllegalArgumentException.class, () -> new ClassShares(0.9, 0.7));
    assertThrows(IllegalArgumentException.class, () -> new ClassShares(0, 0.7));
  }
}
