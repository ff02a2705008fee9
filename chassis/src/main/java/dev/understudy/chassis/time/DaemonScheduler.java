package dev.understudy.chassis.time;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;

/** One daemon thread that survives whatever its tasks throw. */
final class DaemonScheduler implements Scheduler {
  private static final Logger log = Logger.getLogger(DaemonScheduler.class.getName());
  private final ScheduledThreadPoolExecutor executor;
  private final AtomicLong failures = new AtomicLong();

  DaemonScheduler(String name) {
    executor =
        new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().name(name).factory());
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public Cancellable every(Duration period, String name, Runnable task) {
    if (period.isZero() || period.isNegative()) {
      throw new IllegalArgumentException("period: " + period + " (expected: > 0)");
    }
    long nanos = period.toNanos();
    try {
      return cancelling(
          executor.scheduleWithFixedDelay(guarded(name, task), nanos, nanos, TimeUnit.NANOSECONDS));
    } catch (RejectedExecutionException closed) {
      return () -> {};
    }
  }

  @Override
  public Cancellable after(Duration delay, String name, Runnable task) {
    try {
      return cancelling(
          executor.schedule(guarded(name, task), delay.toNanos(), TimeUnit.NANOSECONDS));
    } catch (RejectedExecutionException closed) {
      return () -> {};
    }
  }

  @Override
  public long failures() {
    return failures.get();
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }

  private static Cancellable cancelling(Future<?> future) {
    return () -> future.cancel(false);
  }

  private Runnable guarded(String name, Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Exception | LinkageError | AssertionError | StackOverflowError e) {
        failures.incrementAndGet();
        log.log(Level.WARNING, "Scheduled task failed: " + name, e);
      }
    };
  }
}
