package dev.understudy.router.admission;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A token bucket per principal, kept as one number: the time at which the bucket will be full again
 * (the generic cell rate algorithm, ITU-T I.371). A take is one compare-and-set and never waits.
 *
 * <p>The number of buckets is bounded. Only a bucket that is full may be forgotten, because a
 * forgotten bucket and a full one are the same; eviction therefore cannot refill a quota. When all
 * buckets are in use, principals beyond the bound share one.
 *
 * <p>Safe for use by any thread.
 */
public final class RateLimiter {
  private final @Nullable Quota standard;
  private final Map<String, Quota> special;
  private final int maxBuckets;
  private final ConcurrentHashMap<String, AtomicLong> fullAt = new ConcurrentHashMap<>();
  private final AtomicLong overflow = new AtomicLong(Long.MIN_VALUE);

  /**
   * Makes a limiter.
   *
   * @param standard for everybody; null for no limit
   * @param special for principals by name
   * @param maxBuckets how many principals are remembered, 1 or more
   */
  public RateLimiter(@Nullable Quota standard, Map<String, Quota> special, int maxBuckets) {
    this.standard = standard;
    this.special = Map.copyOf(special);
    this.maxBuckets = maxBuckets;
  }

  /** The quota of a principal, or null without one. */
  public @Nullable Quota quota(String principal) {
    return special.getOrDefault(principal, standard);
  }

  /**
   * Takes one token.
   *
   * @param nowNanos the monotonic clock
   * @return 0 when there was one, otherwise the nanoseconds until there will be
   */
  public long take(String principal, long nowNanos) {
    Quota quota = special.get(principal);
    if (quota == null) {
      quota = standard;
      if (quota == null) {
        return 0;
      }
    }
    long interval = quota.intervalNanos();
    long capacity = interval * quota.burst();
    AtomicLong bucket = bucket(principal, nowNanos);
    while (true) {
      long seen = bucket.get();
      long from = seen == Long.MIN_VALUE || seen - nowNanos < 0 ? nowNanos : seen;
      long next = from + interval;
      long excess = next - nowNanos - capacity;
      if (excess > 0) {
        return excess;
      }
      if (bucket.compareAndSet(seen, next)) {
        return 0;
      }
    }
  }

  /**
   * What {@link #take} would answer, without taking anything.
   *
   * @param nowNanos the monotonic clock
   */
  public long peek(String principal, long nowNanos) {
    Quota quota = quota(principal);
    AtomicLong bucket = fullAt.get(principal);
    if (quota == null || bucket == null) {
      return 0;
    }
    long seen = bucket.get();
    long from = seen == Long.MIN_VALUE || seen - nowNanos < 0 ? nowNanos : seen;
    return Math.max(
        0, from + quota.intervalNanos() - nowNanos - quota.intervalNanos() * quota.burst());
  }

  /** How many principals are remembered. */
  public int size() {
    return fullAt.size();
  }

  private AtomicLong bucket(String principal, long nowNanos) {
    AtomicLong bucket = fullAt.get(principal);
    if (bucket != null) {
      return bucket;
    }
    if (fullAt.size() >= maxBuckets) {
      forgetFull(nowNanos);
      if (fullAt.size() >= maxBuckets) {
        return overflow;
      }
    }
    return fullAt.computeIfAbsent(principal, name -> new AtomicLong(Long.MIN_VALUE));
  }

  private void forgetFull(long nowNanos) {
    fullAt.values().removeIf(at -> at.get() != Long.MIN_VALUE && at.get() - nowNanos <= 0);
  }
}
