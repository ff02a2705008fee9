package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class TryTimerTest {
  private static final EventLoopGroup GROUP =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  private final EventExecutor loop = GROUP.next();

  @AfterAll
  static void stop() {
    GROUP.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  private static final class Attempt extends TryTimer.Limited {
    private final long setAt = System.nanoTime();
    private final CountDownLatch ended;
    private long endedAfter = -1;
    private Runnable also = () -> {};

    Attempt(CountDownLatch ended) {
      this.ended = ended;
    }

    @Override
    void tooLate() {
      endedAfter = System.nanoTime() - setAt;
      also.run();
      ended.countDown();
    }
  }

  @Test
  void noLimitFiresEarlyAndEveryOneFires() throws Exception {
    TryTimer timer = new TryTimer(loop);
    Random random = new Random(7);
    int count = 500;
    CountDownLatch ended = new CountDownLatch(count);
    List<Attempt> attempts = new ArrayList<>();
    List<Long> limits = new ArrayList<>();
    loop.submit(
            () -> {
              for (int i = 0; i < count; i++) {
                Attempt attempt = new Attempt(ended);
                long nanos = 1 + random.nextLong(300_000_000);
                attempts.add(attempt);
                limits.add(nanos);
                timer.set(attempt, nanos);
              }
            })
        .get();
    assertTrue(ended.await(30, TimeUnit.SECONDS));
    for (int i = 0; i < count; i++) {
      assertTrue(
          attempts.get(i).endedAfter >= limits.get(i),
          attempts.get(i).endedAfter + " of " + limits.get(i));
    }
    assertEquals(0, loop.submit(timer::size).get());
  }

  @Test
  void aLiftedLimitNeverFiresAndALongerOneSurvivesARound() throws Exception {
    TryTimer timer = new TryTimer(loop);
    CountDownLatch ended = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    Attempt lifted = new Attempt(never);
    Attempt later = new Attempt(new CountDownLatch(1));
    Attempt soon = new Attempt(ended);
    loop.submit(
            () -> {
              timer.set(lifted, 5_000_000);
              timer.set(later, 3_600_000_000_000L);
              timer.set(soon, 60_000_000);
              timer.lift(lifted);
              timer.lift(lifted);
            })
        .get();
    assertTrue(ended.await(30, TimeUnit.SECONDS));
    assertEquals(1, never.getCount());
    assertEquals(-1, later.endedAfter);
    assertEquals(1, loop.submit(timer::size).get(), "the long one is still set");
  }

  @Test
  void whoeverFiresMayLiftItsNeighboursAndSetNewLimits() throws Exception {
    TryTimer timer = new TryTimer(loop);
    CountDownLatch ended = new CountDownLatch(2);
    CountDownLatch never = new CountDownLatch(1);
    loop.submit(
            () -> {
              Attempt first = new Attempt(ended);
              Attempt neighbour = new Attempt(never);
              Attempt second = new Attempt(ended);
              first.also =
                  () -> {
                    timer.lift(neighbour);
                    timer.set(second, 1_000_000);
                  };
              timer.set(first, 10_000_000);
              timer.set(neighbour, 10_000_000);
            })
        .get();
    assertTrue(ended.await(30, TimeUnit.SECONDS));
    assertEquals(1, never.getCount());
    assertEquals(0, loop.submit(timer::size).get());
  }

  @Test
  void aLimitOfMillisecondsIsToldInFewDigits() {
    assertEquals("5000m", Attempts.timeout(5_000_000_000L));
    assertEquals("1m", Attempts.timeout(1));
    assertEquals("100000S", Attempts.timeout(100_000_000L * 1_000_000));
  }

  /** The name that is hidden by this test's own attempts. */
  private static final class Attempts {
    static String timeout(long nanos) {
      return dev.understudy.router.upstream.Attempt.timeout(nanos);
    }
  }
}
