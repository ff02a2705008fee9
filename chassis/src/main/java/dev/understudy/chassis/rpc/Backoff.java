package dev.understudy.chassis.rpc;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * Waits that grow: the n-th lasts {@code min(max, initial * 2^n)}, of which a random share of up to
 * half is taken off, so that peers that lost the same server do not return together.
 *
 * @param initial the first wait, more than zero
 * @param max the longest wait, at least the first
 */
public record Backoff(Duration initial, Duration max) {
  /** From 100 ms to 5 s. */
  public static final Backoff DEFAULT = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));

  /** Checks the bounds. */
  public Backoff {
    if (initial.isZero() || initial.isNegative() || max.compareTo(initial) < 0) {
      throw new IllegalArgumentException(
          "backoff: " + initial + " to " + max + " (expected: 0 < initial <= max)");
    }
  }

  /**
   * The wait before another attempt.
   *
   * @param failures how many attempts have failed in a row before, 0 or more
   */
  public Duration delay(int failures, RandomGenerator random) {
    double grown = (double) initial.toNanos() * Math.pow(2, Math.min(failures, 62));
    double full = Math.min((double) max.toNanos(), grown);
    return Duration.ofNanos((long) (full * (1 - random.nextDouble() / 2)));
  }
}
