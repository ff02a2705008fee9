package dev.understudy.router.admission;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Refusals;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One kind of quota: who it counts, what, and where.
 *
 * @param limiter the buckets
 * @param total null when each principal has a bucket of its own, otherwise the model whose callers
 *     share one
 * @param inBytes whether bytes are counted, otherwise requests
 * @param where where it holds, as texts say it: {@code " for model 'fraud'"}, or empty
 * @param place the same for machines: {@code "/model:fraud"}, or empty
 */
record Bound(
    RateLimiter limiter, @Nullable String total, boolean inBytes, String where, String place) {

  /** Nanoseconds to wait, as {@link RateLimiter#take}. */
  long take(String principal, long bytes, long nowNanos) {
    return limiter.take(key(principal), units(bytes), nowNanos);
  }

  /** What {@link #take} would answer. */
  long peek(String principal, long bytes, long nowNanos) {
    return limiter.peek(key(principal), units(bytes), nowNanos);
  }

  void giveBack(String principal, long bytes, long takenNanos, long nowNanos) {
    limiter.giveBack(key(principal), units(bytes), takenNanos, nowNanos);
  }

  /** What the caller is told whose take had to wait so long. */
  Fault refusal(String principal, long bytes, long waitNanos) {
    String key = key(principal);
    Quota quota = limiter.quota(key);
    double perSecond = quota == null ? 0 : quota.perSecond();
    long burst = quota == null ? 0 : quota.burst();
    String who = total == null ? "principal '" + principal + "'" : "model '" + total + "'";
    String subject = total == null ? "principal:" + principal + place : "model:" + total;
    return waitNanos == RateLimiter.NEVER
        ? Refusals.overBurst(who, subject, where, bytes, burst)
        : Refusals.overQuota(
            who,
            subject,
            where,
            perSecond,
            inBytes ? "bytes" : "requests",
            Duration.ofMillis((waitNanos + 999_999) / 1_000_000));
  }

  /** What is left of the quota, from 0 to 1; 1 without one. */
  double left(String principal, long nowNanos) {
    String key = key(principal);
    Quota quota = limiter.quota(key);
    return quota == null
        ? 1
        : 1 - (double) limiter.untilFullNanos(key, nowNanos) / quota.capacityNanos();
  }

  /** The key of the bucket that a principal's calls are taken from. */
  String key(String principal) {
    return total == null ? principal : "";
  }

  private long units(long bytes) {
    return inBytes ? Math.max(1, bytes) : 1;
  }
}
