package dev.understudy.router.stack;

import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import java.time.Duration;
import java.util.function.LongConsumer;

/** Runs a task at every full second of the wall clock, with the second that has just ended. */
final class Clockwork {
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
    long next = Math.floorDiv(now, 1000) + 1;
    // Should the wall clock be set back meanwhile, a second is cut twice: a block's identity is its
    // sequence, not its second.
    scheduler.after(
        Duration.ofMillis(next * 1000 - now),
        "second",
        () -> {
          try {
            task.accept(Math.floorDiv(time.wallMillis(), 1000) - 1);
          } finally {
            start();
          }
        });
  }
}
