package dev.understudy.chassis.time;

import java.time.Duration;

/**
 * Runs short tasks later. Tasks of one scheduler never overlap, so they must not block. A task that
 * throws is logged and counted, and its schedule goes on. Safe for use by any thread, tasks
 * included.
 */
public interface Scheduler extends AutoCloseable {
  /**
   * Runs a task again and again, first after one period, then one period after each run has ended.
   *
   * @param period more than zero
   * @param name names the task in the log
   */
  Cancellable every(Duration period, String name, Runnable task);

  /**
   * Runs a task once.
   *
   * @param delay zero or more
   * @param name names the task in the log
   */
  Cancellable after(Duration delay, String name, Runnable task);

  /** How many runs have ended in an exception. */
  long failures();

  /** Calls everything off. Tasks offered afterwards are ignored. */
  @Override
  void close();

  /** A scheduler with one daemon thread of the given name. */
  static Scheduler daemon(String name) {
    return new DaemonScheduler(name);
  }
}
