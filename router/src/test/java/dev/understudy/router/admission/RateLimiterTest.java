package dev.understudy.router.admission;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RateLimiterTest {
  private static final long SECOND = 1_000_000_000;

  private static int admitted(RateLimiter limiter, String who, int tries, long now) {
    int admitted = 0;
    for (int i = 0; i < tries; i++) {
      admitted += limiter.take(who, now) == 0 ? 1 : 0;
    }
    return admitted;
  }

  @Test
  void aBurstIsAdmittedAndThenTheRate() {
    RateLimiter limiter = new RateLimiter(new Quota(10, 5), Map.of(), 100);
    assertEquals(5, admitted(limiter, "a", 20, 0));
    assertEquals(SECOND / 10, limiter.take("a", 0));
    assertEquals(1, admitted(limiter, "a", 20, SECOND / 10));
    assertEquals(5, admitted(limiter, "a", 20, 100 * SECOND));
  }

  @Test
  void noIntervalAdmitsMoreThanBurstAndRate() {
    SplittableRandom random = new SplittableRandom(7);
    RateLimiter limiter = new RateLimiter(new Quota(100, 20), Map.of(), 100);
    long now = -5 * SECOND;
    long start = now;
    int admitted = 0;
    for (int i = 0; i < 100_000; i++) {
      now += random.nextLong(0, 4_000_000);
      admitted += limiter.take("a", now) == 0 ? 1 : 0;
      assertTrue(admitted <= 20 + (now - start) / 1e9 * 100 + 1);
    }
    assertTrue(admitted > (now - start) / 1e9 * 100 - 1, "and a hungry caller gets all of it");
  }

  @Test
  void principalsDoNotShareAndMayDiffer() {
    RateLimiter limiter = new RateLimiter(null, Map.of("b", new Quota(1, 1)), 100);
    assertEquals(1000, admitted(limiter, "a", 1000, 0));
    assertEquals(1, admitted(limiter, "b", 1000, 0));
  }

  @Test
  void aFloodOfNamesRefillsNobodysQuota() {
    RateLimiter limiter = new RateLimiter(new Quota(1, 3), Map.of(), 10);
    assertEquals(3, admitted(limiter, "victim", 10, 0));
    for (int i = 0; i < 1000; i++) {
      limiter.take("flood-" + i, 0);
    }
    assertEquals(0, admitted(limiter, "victim", 10, 0));
    assertTrue(limiter.size() <= 10);
    // Once their buckets are full again, the others are forgotten.
    limiter.take("new", 100 * SECOND);
    assertEquals(1, limiter.size());
  }

  @Test
  void concurrentTakesNeverExceedTheBurst() throws InterruptedException {
    RateLimiter limiter = new RateLimiter(new Quota(1e-3, 1000), Map.of(), 10);
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
  void peekSaysWhatTakeWouldAnswerAndTakesNothing() {
    RateLimiter limiter = new RateLimiter(new Quota(10, 3), Map.of(), 10);
    SplittableRandom random = new SplittableRandom(5);
    long now = 0;
    int refused = 0;
    assertEquals(0, limiter.peek("p", now));
    assertEquals(0, limiter.size());
    for (int i = 0; i < 1_000; i++) {
      now += random.nextLong(150_000_000);
      long told = limiter.peek("p", now);
      assertEquals(told, limiter.peek("p", now));
      assertEquals(told, limiter.take("p", now));
      refused += told > 0 ? 1 : 0;
    }
    assertTrue(refused > 50 && refused < 950, "refused " + refused);
  }
}
