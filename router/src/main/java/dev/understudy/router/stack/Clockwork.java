package dev.understudy.router.stack;

import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import java.time.Duration;
import java.util.function.LongConsumer;

/**
 * Runs a task at every full second of the wall clock, with the second that has just ended.
 *
 * <p>Runs are a second of the monotonic clock apart at most, whatever the wall clock does. Where it
 * is set back, seconds are said again; where it is set forward, some are never said. So a block's
 * identity is its sequence, and its second is only what the clock said.
 */
final class Clockwork {
  /** A timer that fires so little before the second is full has meant that second. */
  private static final long EARLY_MILLIS = 20;

  private final Scheduler scheduler;
  private final TimeSource time;
  private final LongConsumer task;

  Clockwork(Scheduler scheduler, TimeSource time, LongConsumer task) {
    this.scheduler = scheduler;
    this.time = time;
    this.task = task;
  }

  void start() {
    long now = time.wallMillis();
    long next = second(now) + 1;
    scheduler.after(
        Duration.ofMillis(next * 1000 - now),
        "second",
        () -> {
          try {
            task.accept(second(time.wallMillis()) - 1);
          } finally {
            start();
          }
        });
  }

  private static long second(long wallMillis) {
    return Math.floorDiv(wallMillis + EARLY_MILLIS, 1000);
  }
}
