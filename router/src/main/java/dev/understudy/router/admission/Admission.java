package dev.understudy.router.admission;

import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import java.time.Duration;

/**
 * What a call must pass before its message is taken, cheapest test first. Nothing here waits: a
 * call over a limit is refused, with the time after which it may come again. Any thread.
 */
public final class Admission {
  private final RateLimiter rate;
  private final Budget calls;
  private final Budget bytes;

  /**
   * Makes the gate.
   *
   * @param calls concurrent calls
   * @param bytes bytes of messages in flight
   */
  public Admission(RateLimiter rate, Budget calls, Budget bytes) {
    this.rate = rate;
    this.calls = calls;
    this.bytes = bytes;
  }

  /**
   * From headers: is there still time, and a place? A place must be given back with {@link
   * #leave()}.
   *
   * @throws dev.understudy.chassis.error.Fault when there is not
   */
  public void enter(long deadlineNanos, long nowNanos) {
    if (deadlineNanos != Long.MAX_VALUE && deadlineNanos - nowNanos <= 0) {
      throw Refusals.tooLate();
    }
    if (!calls.take(1)) {
      throw Refusals.tooManyCalls((int) Math.min(Integer.MAX_VALUE, calls.limit()));
    }
  }

  /** Gives the place back. */
  public void leave() {
    calls.giveBack(1);
  }

  /**
   * Takes one request from the principal's quota.
   *
   * @throws dev.understudy.chassis.error.Fault when it is used up
   */
  public void takeRequest(Principal principal, long nowNanos) {
    long waitNanos = rate.take(principal.name(), nowNanos);
    Quota quota = waitNanos == 0 ? null : rate.quota(principal.name());
    if (quota != null) {
      throw Refusals.overQuota(
          principal.name(),
          quota.perSecond(),
          Duration.ofMillis((waitNanos + 999_999) / 1_000_000));
    }
  }

  /**
   * Takes a message's bytes from the budget, to be given back with {@link #giveBack(long)}.
   *
   * @throws dev.understudy.chassis.error.Fault when they do not fit
   */
  public void takeBytes(long size) {
    if (!bytes.take(size)) {
      throw Refusals.tooManyBytes(bytes.limit());
    }
  }

  /** Gives bytes back. */
  public void giveBack(long size) {
    bytes.giveBack(size);
  }

  /** Concurrent calls. */
  public Budget calls() {
    return calls;
  }

  /** Bytes in flight. */
  public Budget bytes() {
    return bytes;
  }
}
