package dev.understudy.router.stack;

import java.time.Duration;

/**
 * Defaults for what a table may leave open.
 *
 * @param tryTimeout the longest time for one attempt
 * @param failoverBp share of a failing arm's calls that the champion may be asked to rescue
 * @param reserveNanos what an attempt leaves of the caller's time
 */
record LifeSettings(Duration tryTimeout, int failoverBp, long reserveNanos) {}
