package dev.understudy.router.upstream;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How many calls of a failing arm the champion may be asked to rescue: each call of the arm earns a
 * share of a rescue, up to a burst that is also there at the start. A champion is thus never asked
 * for much more than it was sized for, however badly the arm fails. Any thread; never waits.
 */
public final class FailoverAllowance {
  private static final long ONE = 10_000;

  private final long cap;
  private final AtomicLong saved;
  private final AtomicLong refused = new AtomicLong();

  /** With so many rescues to begin with, which is also the most that can be saved. */
  public FailoverAllowance(int burst) {
    this.cap = burst * ONE;
    this.saved = new AtomicLong(cap);
  }

  /** One call of the arm has been made. */
  public void earn(int shareBp) {
    saved.updateAndGet(now -> Math.min(cap, now + shareBp));
  }

  /** Takes one rescue, if there is one. */
  public boolean take() {
    long before = saved.getAndUpdate(now -> now >= ONE ? now - ONE : now);
    if (before >= ONE) {
      return true;
    }
    refused.incrementAndGet();
    return false;
  }

  /** How many rescues were not allowed. */
  public long refused() {
    return refused.get();
  }
}
