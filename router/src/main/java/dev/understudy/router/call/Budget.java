package dev.understudy.router.call;

import java.util.concurrent.atomic.AtomicLong;

/** A bound on something in flight. Safe for use by any thread; never waits. */
public final class Budget {
  private final long limit;
  private final AtomicLong used = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();

  /** A budget of that many units, 1 or more. */
  public Budget(long limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit: " + limit + " (expected: >= 1)");
    }
    this.limit = limit;
  }

  /** Takes units if they all fit; each success must be given back once. */
  public boolean take(long units) {
    return take(units, limit);
  }

  /** Takes units if they fit below a ceiling of the caller's class, at most the limit. */
  public boolean take(long units, long ceiling) {
    if (used.addAndGet(units) <= ceiling) {
      return true;
    }
    used.addAndGet(-units);
    refused.incrementAndGet();
    return false;
  }

  /** Gives units back. */
  public void giveBack(long units) {
    used.addAndGet(-units);
  }

  /** The bound. */
  public long limit() {
    return limit;
  }

  /** Units in flight. */
  public long used() {
    return used.get();
  }

  /** How often something did not fit. */
  public long refused() {
    return refused.get();
  }
}
