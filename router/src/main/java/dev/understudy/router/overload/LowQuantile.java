package dev.understudy.router.overload;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A tenth of the recent values lie below this, kept in one word. Each value moves the estimate by a
 * fixed ratio, up by a little or down by nine times that, so that it rests where one value in ten
 * is below (stochastic approximation of a quantile, Robbins and Monro 1951; on ratios, because
 * times spread over orders of magnitude). What was long ago fades by itself. An estimate that is
 * too high comes down in {@code log(ratio) / 0.045} values, one that is too low goes up in nine
 * times as many.
 *
 * <p>Any thread; a value that meets another at the same moment is left out. Nothing is allocated.
 */
final class LowQuantile {
  /** Before so many values nothing is said. */
  static final int ENOUGH = 20;

  private static final double UP = 1.005;
  private static final double DOWN = 0.955;
  private static final int COUNT_BITS = 5;
  private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;

  /** The estimate above, the number of values (which stops at {@link #ENOUGH}) in the low bits. */
  private final AtomicLong word = new AtomicLong();

  /** One value, 0 or more. */
  void add(long value) {
    long seen = word.get();
    long count = seen & COUNT_MASK;
    long estimate = seen >>> COUNT_BITS;
    long capped = Math.clamp(value, 1, Long.MAX_VALUE >>> (COUNT_BITS + 1));
    long next;
    if (count < ENOUGH) {
      // The least of the first few is near enough to begin with.
      next = count == 0 ? capped : Math.min(estimate, capped);
      count++;
    } else {
      next = capped < estimate ? (long) (estimate * DOWN) : (long) Math.ceil(estimate * UP);
      next = Math.clamp(next, 1, Long.MAX_VALUE >>> (COUNT_BITS + 1));
    }
    var _ = word.compareAndSet(seen, (next << COUNT_BITS) | count);
  }

  /** The estimate, or 0 when there are not enough values. */
  long get() {
    long seen = word.get();
    return (seen & COUNT_MASK) < ENOUGH ? 0 : seen >>> COUNT_BITS;
  }
}
