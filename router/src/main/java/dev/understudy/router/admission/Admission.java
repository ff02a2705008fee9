package dev.understudy.router.admission;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

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
    Fault refusal = overQuota(principal, rate.take(principal.name(), nowNanos));
    if (refusal != null) {
      throw refusal;
    }
  }

  private @Nullable Fault overQuota(Principal principal, long waitNanos) {
    Quota quota = waitNanos == 0 ? null : rate.quota(principal.name());
    return quota == null
        ? null
        : Refusals.overQuota(
            principal.name(),
            quota.perSecond(),
            Duration.ofMillis((waitNanos + 999_999) / 1_000_000));
  }

  /** Says what a call of so many bytes would meet, and takes nothing. */
  public void explain(
      Principal principal, long deadlineNanos, int size, long nowNanos, Explanation into) {
    Fault refusal = overQuota(principal, rate.peek(principal.name(), nowNanos));
    if (refusal == null && deadlineNanos != Long.MAX_VALUE && deadlineNanos - nowNanos <= 0) {
      refusal = Refusals.tooLate();
    }
    if (refusal == null && calls.used() >= calls.limit()) {
      refusal = Refusals.tooManyCalls((int) Math.min(Integer.MAX_VALUE, calls.limit()));
    }
    if (refusal == null && bytes.used() + size > bytes.limit()) {
      refusal = Refusals.tooManyBytes(bytes.limit());
    }
    if (refusal != null) {
      into.refuses("limits", refusal);
      return;
    }
    Quota quota = rate.quota(principal.name());
    into.passes(
            "limits",
            (quota == null
                    ? "no quota"
                    : "within its quota of " + quota.perSecond() + " requests per second")
                + "; "
                + calls.used()
                + " of "
                + calls.limit()
                + " calls and "
                + bytes.used()
                + " of "
                + bytes.limit()
                + " bytes are in flight")
        .fact("calls_in_flight", calls.used())
        .fact("bytes_in_flight", bytes.used());
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
