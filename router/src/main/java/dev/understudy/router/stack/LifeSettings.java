package dev.understudy.router.stack;

import dev.understudy.router.table.ModelPlan;
import java.time.Duration;

/**
 * Defaults for what a table may leave open.
 *
 * @param tryTimeout the longest time for one attempt
 * @param failoverBp share of a failing arm's calls that the champion may be asked to rescue
 * @param reserveNanos what an attempt leaves of the caller's time
 */
record LifeSettings(Duration tryTimeout, int failoverBp, long reserveNanos) {
  private static final long MOST_TRY_MILLIS = 3_600_000;

  /** What an attempt may take of the time that is left: the router has to answer in the rest. */
  long usableNanos(long remaining) {
    return remaining == Long.MAX_VALUE
        ? remaining
        : remaining - Math.min(reserveNanos, Math.max(0, remaining / 10));
  }

  /** The longest attempt for a model. */
  long tryNanos(ModelPlan plan) {
    long millis = plan.route().getTryTimeoutMs();
    return millis <= 0 ? tryTimeout.toNanos() : Math.min(millis, MOST_TRY_MILLIS) * 1_000_000;
  }
}
