package dev.understudy.router.admission;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RateLimiterTest {
  private static final long SECOND = 1_000_000_000;

  private static RateLimiter limiter(Quota standard, int maxBuckets) {
    return new RateLimiter(standard, Map.of(), maxBuckets, -10 * SECOND);
  }

  private static int admitted(RateLimiter limiter, String who, int tries, long now) {
    int admitted = 0;
    for (int i = 0; i < tries; i++) {
      admitted += limiter.take(who, 1, now) == 0 ? 1 : 0;
    }
    return admitted;
  }

  @Test
  void aBurstIsAdmittedAndThenTheRate() {
    RateLimiter limiter = limiter(new Quota(10, 5), 100);
    assertEquals(5, admitted(limiter, "a", 20, 0));
    assertEquals(SECOND / 10, limiter.take("a", 1, 0));
    assertEquals(1, admitted(limiter, "a", 20, SECOND / 10));
    assertEquals(5, admitted(limiter, "a", 20, 100 * SECOND));
  }

  @Test
  void aWholeBurstFitsWhateverTheRate() {
    for (double rate : new double[] {1e-3, 0.3, 3, 7, 1000.0 / 7, 1e6, 1e9}) {
      assertEquals(5, admitted(limiter(new Quota(rate, 5), 10), "a", 20, 0), "rate " + rate);
    }
    long bytes = 64L << 20;
    RateLimiter limiter = limiter(new Quota(1e6, bytes), 10);
    assertEquals(0, limiter.take("a", bytes, 0));
    assertTrue(limiter.take("a", 1, 0) > 0);
  }

  @Test
  void manyUnitsWaitAsLongAsTheyNeed() {
    RateLimiter limiter = limiter(new Quota(1000, 5000), 100);
    assertEquals(0, limiter.take("a", 4000, 0));
    assertEquals(2 * SECOND, limiter.take("a", 3000, 0));
    assertEquals(0, limiter.take("a", 1000, 0), "what was refused has taken nothing");
    assertEquals(0, limiter.take("a", 3000, 3 * SECOND));
  }

  @Test
  void whatIsLargerThanTheBurstNeverFits() {
    RateLimiter limiter = limiter(new Quota(1000, 5000), 100);
    assertEquals(RateLimiter.NEVER, limiter.take("a", 5001, 0));
    assertEquals(0, limiter.take("a", 5000, 0));
  }

  @Test
  void noIntervalAdmitsMoreThanBurstAndRate() {
    SplittableRandom random = new SplittableRandom(7);
    RateLimiter limiter = limiter(new Quota(100, 20), 100);
    long now = -5 * SECOND;
    long start = now;
    int admitted = 0;
    for (int i = 0; i < 100_000; i++) {
      now += random.nextLong(0, 4_000_000);
      admitted += limiter.take("a", 1, now) == 0 ? 1 : 0;
      assertTrue(admitted <= 20 + (now - start) / 1e9 * 100 + 1);
    }
    assertTrue(admitted > (now - start) / 1e9 * 100 - 1, "and a hungry caller gets all of it");
  }

  @Test
  void principalsDoNotShareAndMayDiffer() {
    RateLimiter limiter = new RateLimiter(null, Map.of("b", new Quota(1, 1)), 100, 0);
    assertEquals(1000, admitted(limiter, "a", 1000, 0));
    assertEquals(1, admitted(limiter, "b", 1000, 0));
    assertEquals(0, limiter.size());
  }

  @Test
  void aFloodOfNamesRefillsNobodysQuota() {
    RateLimiter limiter = limiter(new Quota(1, 3), 10);
    assertEquals(3, admitted(limiter, "victim", 10, 0));
    for (int i = 0; i < 1000; i++) {
      limiter.take("flood-" + i, 1, 0);
      assertTrue(limiter.size() <= 10);
    }
    assertEquals(0, admitted(limiter, "victim", 10, 0));
    assertEquals(991, limiter.sharedTakes());
    // Once their buckets are full again, the others make place one by one.
    for (int i = 0; i < 10; i++) {
      assertEquals(0, limiter.take("new-" + i, 1, 100 * SECOND));
    }
    assertEquals(991, limiter.sharedTakes());
    assertEquals(10, limiter.size());
  }

  @Test
  void principalsWithAQuotaOfTheirOwnNeverShare() {
    RateLimiter limiter = new RateLimiter(new Quota(1, 1), Map.of("vip", new Quota(1, 50)), 2, 0);
    for (int i = 0; i < 100; i++) {
      limiter.take("flood-" + i, 1, 0);
    }
    assertEquals(50, admitted(limiter, "vip", 100, 0));
  }

  /** The law of eviction, against a model that forgets nobody. */
  @Test
  void forgettingNeverAdmitsWhatAMemoryOfEverybodyWouldNot() {
    for (int seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Quota quota = new Quota(random.nextDouble(0.5, 200), random.nextLong(1, 50));
      RateLimiter limiter = limiter(quota, random.nextInt(1, 40));
      Map<String, Long> fullAt = new HashMap<>();
      Map<String, Integer> sharing = new HashMap<>();
      int agreed = 0;
      long now = random.nextLong();
      for (int i = 0; i < 20_000; i++) {
        now += random.nextLong(0, 20_000_000);
        String who = "p" + (int) (100 * Math.pow(random.nextDouble(), 3));
        long units = Math.min(quota.burst(), random.nextLong(1, 4));
        long from = Math.max(0, fullAt.getOrDefault(who, now) - now);
        boolean would = from + quota.costNanos(units) <= quota.capacityNanos();
        long sharedBefore = limiter.sharedTakes();
        boolean did = limiter.take(who, units, now) == 0;
        if (limiter.sharedTakes() > sharedBefore) {
          sharing.merge(who, 1, Integer::sum);
          continue;
        }
        if (did) {
          assertTrue(would, "seed " + seed + ", step " + i + ": admitted more than its quota");
          fullAt.put(who, now + from + quota.costNanos(units));
        }
        agreed += did == would ? 1 : 0;
      }
      assertEquals(
          20_000 - sharing.values().stream().mapToInt(n -> n).sum(),
          agreed,
          "and nobody with a bucket of its own gets less");
    }
  }

  /** The law of refunds, against a model in which the refunded takes never happened. */
  @Test
  void refundsNeverLeaveMoreThanIfTheCallsHadNeverCome() {
    record Taken(long units, long at) {}
    for (int seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Quota quota = new Quota(random.nextDouble(1, 100), random.nextLong(3, 50));
      RateLimiter limiter = limiter(quota, 10);
      List<Taken> open = new ArrayList<>();
      long debt = 0; // of a bucket that only the takes that are kept have touched
      long now = 0;
      for (int i = 0; i < 500; i++) {
        long step = random.nextLong(0, (long) (1.5 * quota.costNanos(1)));
        now += step;
        debt = Math.max(0, debt - step);
        long units = random.nextLong(1, 3);
        switch (random.nextInt(3)) {
          case 0 -> {
            if (limiter.take("a", units, now) == 0) {
              debt += quota.costNanos(units);
            }
          }
          case 1 -> {
            if (limiter.take("a", units, now) == 0) {
              open.add(new Taken(units, now));
            }
          }
          default -> {
            if (!open.isEmpty()) {
              Taken taken = open.remove(random.nextInt(open.size()));
              limiter.giveBack("a", taken.units(), taken.at(), now);
            }
          }
        }
        assertTrue(
            limiter.untilFullNanos("a", now) >= debt,
            "seed " + seed + ", step " + i + ": refilled");
      }
    }
  }

  @Test
  void aRefundAtOnceIsWhole() {
    RateLimiter limiter = limiter(new Quota(0.01, 5), 10);
    for (int i = 0; i < 1000; i++) {
      assertEquals(0, limiter.take("a", 5, i));
      limiter.giveBack("a", 5, i, i);
    }
    assertEquals(5, admitted(limiter, "a", 10, 1000));
  }

  @Test
  void whatAnotherBucketGaveIsNotGivenBackToThisOne() {
    RateLimiter limiter = limiter(new Quota(1, 3), 1);
    assertEquals(0, limiter.take("first", 1, 0));
    assertEquals(0, limiter.take("late", 1, 0)); // from the shared one
    assertEquals(0, limiter.take("late", 3, 2 * SECOND)); // from its own
    limiter.giveBack("late", 1, 0, 2 * SECOND);
    assertEquals(SECOND, limiter.take("late", 1, 2 * SECOND));
  }

  @Test
  void aHundredThousandPrincipalsEachGetTheirsBesideOneThatFloods() {
    RateLimiter limiter = limiter(new Quota(1, 2), 100_000);
    int flooded = 0;
    for (int i = 0; i < 99_999; i++) {
      String who = "p" + i;
      assertEquals(0, limiter.take(who, 1, 0), who);
      flooded += admitted(limiter, "flood", 3, 0);
    }
    assertEquals(2, flooded);
    assertEquals(100_000, limiter.size());
    assertEquals(0, limiter.sharedTakes());
    assertEquals(0, limiter.take("one more", 1, 0));
    assertEquals(1, limiter.sharedTakes());
  }

  @Test
  void concurrentTakesNeverExceedTheBurst() throws InterruptedException {
    RateLimiter limiter = limiter(new Quota(1e-3, 1000), 10);
    AtomicInteger admitted = new AtomicInteger();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      threads[t] =
          Thread.ofPlatform().start(() -> admitted.addAndGet(admitted(limiter, "a", 1000, 0)));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(1000, admitted.get());
  }

  @Test
  void concurrentNewcomersNeverRefillAQuota() throws InterruptedException {
    // A bucket of one take is full again after 10 ns, so that they come and go all the time; the
    // one under test is asked for more than its rate.
    RateLimiter limiter = new RateLimiter(new Quota(1e8, 10), Map.of(), 4, 0);
    AtomicInteger admitted = new AtomicInteger();
    AtomicLong clock = new AtomicLong();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; t++) {
      int offset = t;
      threads[t] =
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 0; i < 50_000; i++) {
                  admitted.addAndGet(admitted(limiter, "a", 1, clock.incrementAndGet()));
                  limiter.take("other-" + offset + "-" + i, 1, clock.incrementAndGet());
                }
              });
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertTrue(limiter.size() <= 4);
    assertTrue(admitted.get() <= 10 + clock.get() / 10 + 1, admitted + " of " + clock);
  }

  @Test
  void quotasThatCannotBeKeptAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Quota(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Quota(Double.NaN, 1));
    assertThrows(IllegalArgumentException.class, () -> new Quota(1, 0));
    assertEquals(
        "burst: 2000000000 (expected: at most 1500000)",
        assertThrows(IllegalArgumentException.class, () -> new Quota(1e-3, 2_000_000_000))
            .getMessage());
  }

  @Test
  void peekSaysWhatTakeWouldAnswerAndTakesNothing() {
    RateLimiter limiter = new RateLimiter(new Quota(10, 3), Map.of(), 10, 0);
    SplittableRandom random = new SplittableRandom(5);
    long now = 0;
    int refused = 0;
    assertEquals(0, limiter.peek("p", 1, now));
    assertEquals(0, limiter.size());
    for (int i = 0; i < 1_000; i++) {
      now += random.nextLong(150_000_000);
      long told = limiter.peek("p", 1, now);
      assertEquals(told, limiter.peek("p", 1, now));
      assertEquals(told, limiter.take("p", 1, now));
      refused += told > 0 ? 1 : 0;
    }
    assertTrue(refused > 50 && refused < 950, "refused " + refused);
  }
}
