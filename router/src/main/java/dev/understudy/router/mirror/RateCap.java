package dev.understudy.router.mirror;

import java.util.concurrent.atomic.AtomicLong;

/**
 * At most so many per second, by the generic cell rate algorithm (a token bucket told in times):
 * what is kept is when the bucket will be full again. A tenth of a second's worth may come at once,
 * and always one. Any thread, without a lock.
 */
final class RateCap {
  private static final double BURST_SECONDS = 0.1;

  // On the monotonic clock, whose origin is arbitrary: nothing is told before the first take.
  private final AtomicLong fullNanos = new AtomicLong(Long.MIN_VALUE);

  /**
   * Takes one, if it is due.
   *
   * @param perSecond more than 0; may change from one time to the next
   */
  boolean take(double perSecond, long nowNanos) {
    long each = (long) Math.max(1, Math.min(1e9 / perSecond, 1e15));
    long burst = (long) (Math.max(1, perSecond * BURST_SECONDS) * each);
    while (true) {
      long full = fullNanos.get();
      long from = full == Long.MIN_VALUE || full - nowNanos < 0 ? nowNanos : full;
      long next = from + each;
      if (next - nowNanos > burst) {
        return false;
      }
      if (fullNanos.compareAndSet(full, next)) {
        return true;
      }
    }
  }
}
