package dev.understudy.chassis.testing;

import dev.understudy.chassis.time.TimeSource;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A clock that stands still until a test moves it. Both readings advance together. Any thread may
 * read; one thread at a time may advance.
 */
public final class ManualTime implements TimeSource {
  /** The instant at which every manual clock starts: 2026-01-01T00:00:00Z. */
  public static final long START_MILLIS = 1_767_225_600_000L;

  private final AtomicLong nanos = new AtomicLong();
  private final List<ManualScheduler> schedulers = new CopyOnWriteArrayList<>();

  /** A clock at {@link #START_MILLIS}. */
  public ManualTime() {}

  @Override
  public long nanoTime() {
    return nanos.get();
  }

  @Override
  public long wallMillis() {
    return START_MILLIS + nanos.get() / 1_000_000;
  }

  /**
   * Moves the clock, stopping at each instant at which a {@link ManualScheduler} of this clock has
   * a task, and runs that task on the calling thread.
   *
   * @param step zero or more; zero runs what is due now
   */
  public void advance(Duration step) {
    if (step.isNegative()) {
      throw new IllegalArgumentException("step: " + step + " (expected: >= 0)");
    }
    long end = nanos.get() + step.toNanos();
    while (true) {
      ManualScheduler first = null;
      long firstDue = Long.MAX_VALUE;
      for (ManualScheduler scheduler : schedulers) {
        long due = scheduler.nextDueNanos();
        if (due < firstDue) {
          first = scheduler;
          firstDue = due;
        }
      }
      if (first == null || firstDue > end) {
        break;
      }
      nanos.set(Math.max(nanos.get(), firstDue));
      first.runOneDue();
    }
    nanos.set(end);
  }

  void attach(ManualScheduler scheduler) {
    schedulers.add(scheduler);
  }
}
