package dev.understudy.router.upstream;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How many calls may be sent a second time: each call earns a share of one, up to a bound, and
 * besides so many a second are always allowed, because a share of very few calls is none. What a
 * backend in trouble gets on top of its calls is thereby a share of them, and no multiple: retries
 * do not become a storm. After the retry budgets of Finagle ({@code
 * com.twitter.finagle.service.RetryBudget}) with its minimum as a generic cell rate. Any thread;
 * lock-free.
 */
public final class RetryBudget {
  private static final long ONE = 10_000;

  private final int shareBp;
  private final long mostSaved;
  private final long periodNanos;
  private final long toleranceNanos;
  private final AtomicLong saved = new AtomicLong();
  private final AtomicLong nextFreeNanos;
  private final AtomicLong refused = new AtomicLong();

  /**
   * A budget with nothing saved.
   *
   * @param shareBp what each call earns, in 1/10000
   * @param most what can be saved, 0 or more
   * @param perSecond what is allowed besides, 0 or more; a second's worth may come at once
   * @param nowNanos on the clock that all later times are on
   */
  public RetryBudget(int shareBp, int most, int perSecond, long nowNanos) {
    if (shareBp < 0 || most < 0 || perSecond < 0) {
      throw new IllegalArgumentException(
          "shareBp, most, perSecond: "
              + shareBp
              + ", "
              + most
              + ", "
              + perSecond
              + " (expected: >= 0)");
    }
    this.shareBp = shareBp;
    this.mostSaved = most * ONE;
    this.periodNanos = perSecond == 0 ? 0 : 1_000_000_000L / perSecond;
    this.toleranceNanos = periodNanos * Math.max(0, perSecond - 1);
    this.nextFreeNanos = new AtomicLong(nowNanos);
  }

  /** A first attempt has been made. */
  public void earn() {
    if (saved.get() < mostSaved) {
      saved.getAndUpdate(now -> Math.min(mostSaved, now + shareBp));
    }
  }

  /** Takes one second attempt, if there is one. */
  public boolean take(long nowNanos) {
    long before = saved.getAndUpdate(now -> now >= ONE ? now - ONE : now);
    if (before >= ONE || (periodNanos > 0 && takeFree(nowNanos))) {
      return true;
    }
    refused.incrementAndGet();
    return false;
  }

  /** Gives back what was taken for a second attempt that was not made. */
  public void giveBack() {
    saved.getAndUpdate(now -> Math.min(mostSaved, now + ONE));
  }

  private boolean takeFree(long nowNanos) {
    while (true) {
      long free = nextFreeNanos.get();
      if (free - nowNanos > toleranceNanos) {
        return false;
      }
      long from = free - nowNanos > 0 ? free : nowNanos;
      if (nextFreeNanos.compareAndSet(free, from + periodNanos)) {
        return true;
      }
    }
  }

  /** How many second attempts were not allowed. */
  public long refused() {
    return refused.get();
  }
}
