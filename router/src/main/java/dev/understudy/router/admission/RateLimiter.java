package dev.understudy.router.admission;

import java.io.Serial;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A token bucket per principal, kept as one number: the time at which the bucket will be full again
 * (the generic cell rate algorithm, ITU-T I.371). A take is one look-up and one compare-and-set, of
 * one unit or many, and never waits.
 *
 * <p><b>Bounded memory.</b> At most so many buckets are kept. Only a bucket that is full may be
 * forgotten, because a forgotten bucket and a full one are the same; eviction therefore cannot
 * refill a quota. A newcomer that finds all places taken looks at {@value #LOOKS} of them where a
 * hand points (CLOCK, Corbató 1968) and takes the first whose bucket is full; a bucket is ended by
 * one compare-and-set from full to gone, so a take that comes at the same time either finds it gone
 * and asks again, or keeps it alive. Nobody ever looks at all of them. When the hand finds none,
 * the newcomer shares one bucket with its like, which is counted. Principals with a quota of their
 * own have their buckets for good.
 *
 * <p><b>Refunds.</b> A unit that is given back must not come to more than the bucket would hold had
 * it never been taken, and since then the bucket may have been full, when the unit would have been
 * lost anyway. So what is given back is the unit's time less the time since the take. That is never
 * too much: let X be the bucket's debt and Y the debt had the calls that will be refunded never
 * come. Both decay with time and stop at 0, so X - Y shrinks no faster than time, while the sum of
 * what is still to be given back shrinks at least as fast. X - Y thus never falls below that sum,
 * whatever the order of takes and refunds. A refund at the time of its take is whole.
 *
 * <p>Safe for use by any thread. The clock must not run backwards by more than a burst.
 */
public final class RateLimiter {
  /** The wait of what is larger than the burst. */
  public static final long NEVER = Long.MAX_VALUE;

  static final int LOOKS = 8;

  private static final long GONE_MARK = Long.MIN_VALUE;

  private final @Nullable Rate standard;
  private final Map<String, Bucket> special;
  private final int maxBuckets;
  private final ConcurrentHashMap<String, Bucket> buckets = new ConcurrentHashMap<>();
  private final AtomicReferenceArray<@Nullable Bucket> places;
  private final AtomicInteger placesTaken = new AtomicInteger();
  private final AtomicInteger hand = new AtomicInteger();
  private final @Nullable Bucket shared;
  private final AtomicLong sharedTakes = new AtomicLong();

  private record Rate(Quota quota, long capacityNanos) {
    static Rate of(Quota quota) {
      return new Rate(quota, quota.capacityNanos());
    }
  }

  /** The time at which it will be full; {@link #GONE_MARK} once it has been forgotten. */
  private static final class Bucket extends AtomicLong {
    @Serial private static final long serialVersionUID = 1L;

    final String principal;
    final transient Rate rate;
    final long bornNanos;

    Bucket(String principal, Rate rate, long bornNanos) {
      super(bornNanos == GONE_MARK ? bornNanos + 1 : bornNanos);
      this.principal = principal;
      this.rate = rate;
      this.bornNanos = bornNanos;
    }

    boolean endIfFull(long nowNanos) {
      long seen = get();
      return seen != GONE_MARK && seen - nowNanos <= 0 && compareAndSet(seen, GONE_MARK);
    }

    /** Nanoseconds to wait, 0 when it has been taken, or {@link #GONE_MARK}. */
    long take(long cost, long nowNanos) {
      while (true) {
        long seen = get();
        if (seen == GONE_MARK) {
          return GONE_MARK;
        }
        long next = (seen - nowNanos < 0 ? nowNanos : seen) + cost;
        long excess = next - nowNanos - rate.capacityNanos();
        if (excess > 0) {
          return excess;
        }
        if (compareAndSet(seen, next == GONE_MARK ? next + 1 : next)) {
          return 0;
        }
      }
    }

    void giveBack(long nanos) {
      long seen = get();
      while (seen != GONE_MARK) {
        long next = seen - nanos;
        if (compareAndSet(seen, next == GONE_MARK ? next + 1 : next)) {
          return;
        }
        seen = get();
      }
    }
  }

  /**
   * Makes a limiter.
   *
   * @param standard for everybody; null for no limit
   * @param special for principals by name
   * @param maxBuckets how many other principals are remembered, 1 or more
   * @param nowNanos the monotonic clock
   */
  public RateLimiter(
      @Nullable Quota standard, Map<String, Quota> special, int maxBuckets, long nowNanos) {
    if (maxBuckets < 1) {
      throw new IllegalArgumentException("maxBuckets: " + maxBuckets + " (expected: >= 1)");
    }
    this.maxBuckets = maxBuckets;
    Rate rate = standard == null ? null : Rate.of(standard);
    this.standard = rate;
    this.shared = rate == null ? null : new Bucket("", rate, nowNanos);
    this.places = new AtomicReferenceArray<>(rate == null ? 0 : maxBuckets);
    Map<String, Bucket> own = new HashMap<>();
    special.forEach((name, quota) -> own.put(name, new Bucket(name, Rate.of(quota), nowNanos)));
    this.special = Map.copyOf(own);
  }

  /** The quota of a principal, or null without one. */
  public @Nullable Quota quota(String principal) {
    Bucket own = special.get(principal);
    if (own != null) {
      return own.rate.quota();
    }
    return standard == null ? null : standard.quota();
  }

  /**
   * Takes units.
   *
   * @param units 1 or more
   * @param nowNanos the monotonic clock
   * @return 0 when they were there, {@link #NEVER} when the burst is smaller, otherwise the
   *     nanoseconds until they will be there
   */
  public long take(String principal, long units, long nowNanos) {
    while (true) {
      Bucket bucket = find(principal, nowNanos);
      if (bucket == null) {
        return 0;
      }
      Rate rate = bucket.rate;
      if (units > rate.quota().burst()) {
        return NEVER;
      }
      long waitNanos = bucket.take(rate.quota().costNanos(units), nowNanos);
      if (waitNanos != GONE_MARK) {
        return waitNanos;
      }
      buckets.remove(principal, bucket);
    }
  }

  /**
   * Gives back what a take has taken, less what has come back by itself since. What was taken from
   * the shared bucket is not given back.
   *
   * @param takenNanos the clock at the take
   */
  public void giveBack(String principal, long units, long takenNanos, long nowNanos) {
    Bucket bucket = special.isEmpty() ? null : special.get(principal);
    if (bucket == null) {
      bucket = buckets.get(principal);
    }
    // A bucket that is younger than the take is another one.
    if (bucket != null && takenNanos - bucket.bornNanos >= 0) {
      long nanos = bucket.rate.quota().costNanos(units) - Math.max(0, nowNanos - takenNanos);
      if (nanos > 0) {
        bucket.giveBack(nanos);
      }
    }
  }

  /** Nanoseconds until the principal's bucket is full: 0 when it is, or there is none. */
  public long untilFullNanos(String principal, long nowNanos) {
    Bucket bucket = special.get(principal);
    if (bucket == null) {
      bucket = buckets.get(principal);
    }
    long fullAt = bucket == null ? GONE_MARK : bucket.get();
    return fullAt == GONE_MARK ? 0 : Math.max(0, fullAt - nowNanos);
  }

  /**
   * What {@link #take} would answer, without taking or remembering anything.
   *
   * @param units 1 or more
   */
  public long peek(String principal, long units, long nowNanos) {
    Quota quota = quota(principal);
    if (quota == null) {
      return 0;
    }
    return units > quota.burst()
        ? NEVER
        : Math.max(
            0,
            untilFullNanos(principal, nowNanos) + quota.costNanos(units) - quota.capacityNanos());
  }

  /** How many principals are remembered, those with a quota of their own not counted. */
  public int size() {
    return buckets.size();
  }

  /** How many takes came to the bucket that principals beyond the bound share. */
  public long sharedTakes() {
    return sharedTakes.get();
  }

  private @Nullable Bucket find(String principal, long nowNanos) {
    Bucket own = special.isEmpty() ? null : special.get(principal);
    if (own != null || standard == null) {
      return own;
    }
    Bucket bucket = buckets.get(principal);
    return bucket == null ? settle(principal, standard, nowNanos) : bucket;
  }

  private @Nullable Bucket settle(String principal, Rate rate, long nowNanos) {
    int place = place(nowNanos);
    if (place < 0) {
      sharedTakes.incrementAndGet();
      return shared;
    }
    Bucket fresh = new Bucket(principal, rate, nowNanos);
    Bucket before = buckets.putIfAbsent(principal, fresh);
    // One that came second is in no map; it keeps the place until the hand comes by.
    places.set(place, fresh);
    return before == null ? fresh : before;
  }

  private int place(long nowNanos) {
    if (placesTaken.get() < maxBuckets) {
      int fresh = placesTaken.getAndIncrement();
      if (fresh < maxBuckets) {
        return fresh;
      }
    }
    for (int look = 0; look < LOOKS; look++) {
      int place = Math.floorMod(hand.getAndIncrement(), maxBuckets);
      Bucket bucket = places.get(place);
      if (bucket != null && bucket.endIfFull(nowNanos)) {
        buckets.remove(bucket.principal, bucket);
        return place;
      }
    }
    return -1;
  }
}
