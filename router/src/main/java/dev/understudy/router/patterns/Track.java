package dev.understudy.router.patterns;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What is remembered of one caller, about 1 KiB. Changed only by a thread that has claimed it; a
 * thread that cannot claim it at once leaves its observation out rather than wait.
 */
final class Track {
  /** The latest rows that a new one is compared with. */
  static final int RECENT = 32;

  final String principal;
  final Volume volume;
  private final AtomicBoolean busy = new AtomicBoolean();
  final Sketch sketch = new Sketch();
  private final long[] bins = new long[RECENT];
  private final int[] checksums = new int[RECENT];
  private int kept;
  private int next;
  private long random;

  /** Cusums, written under the claim and read by anybody. */
  volatile double nearSum;

  volatile double boundarySum;

  /** Until when each pattern counts, by {@link Pattern#index}; on the monotonic clock. */
  private final long[] untilNanos = new long[Pattern.values().length];

  private volatile int flagged;
  volatile long sinceUnixMs;
  volatile long lastSeenNanos;
  volatile long throttled;

  /** Rates for people to read: averages over about a hundred observations. */
  float nearRate;

  float boundaryRate;
  private long nearSpokeNanos;
  private long boundarySpokeNanos;
  private boolean nearSpoke;
  private boolean boundarySpoke;
  private long fullNanos;

  Track(String principal, double volumeFactor, long random, long nowNanos) {
    this.principal = principal;
    this.volume = new Volume(volumeFactor);
    this.random = random | 1;
    this.lastSeenNanos = nowNanos;
    this.fullNanos = nowNanos;
  }

  boolean claim() {
    return busy.compareAndSet(false, true);
  }

  void release() {
    busy.set(false);
  }

  /** A draw that callers cannot foresee (xorshift). */
  int draw() {
    random ^= random << 13;
    random ^= random >>> 7;
    random ^= random << 17;
    return (int) (random >>> 33);
  }

  /** How a row relates to the latest ones. */
  enum Likeness {
    /** One of them. */
    REPEAT,
    /** Almost one of them. */
    NEAR,
    /** None. */
    NEW
  }

  /**
   * Compares the row that was sketched with the latest ones and keeps it unless it is one of them.
   */
  Likeness compare() {
    boolean near = false;
    for (int i = 0; i < kept; i++) {
      if (checksums[i] == sketch.checksum()) {
        return Likeness.REPEAT;
      }
      near |= Sketch.isNear(bins[i], sketch.bins());
    }
    bins[next] = sketch.bins();
    checksums[next] = sketch.checksum();
    next = (next + 1) % RECENT;
    kept = Math.min(kept + 1, RECENT);
    return near ? Likeness.NEAR : Likeness.NEW;
  }

  /** Whether the caller may speak for his model's rate of near-duplicates again. */
  boolean speaksOfNear(long nowNanos, long everyNanos) {
    if (nearSpoke && nowNanos - nearSpokeNanos < everyNanos) {
      return false;
    }
    nearSpoke = true;
    nearSpokeNanos = nowNanos;
    return true;
  }

  /** The same for answers near the boundary. */
  boolean speaksOfBoundary(long nowNanos, long everyNanos) {
    if (boundarySpoke && nowNanos - boundarySpokeNanos < everyNanos) {
      return false;
    }
    boundarySpoke = true;
    boundarySpokeNanos = nowNanos;
    return true;
  }

  /** Notes a sign; whether the caller was not under this suspicion before. */
  boolean suspect(Pattern pattern, long nowNanos, long holdNanos, long unixMs) {
    boolean isNew = !is(pattern, nowNanos);
    if (!isSuspect(nowNanos)) {
      sinceUnixMs = unixMs;
    }
    untilNanos[pattern.index] = nowNanos + holdNanos;
    int before = flagged;
    flagged = before | 1 << pattern.index;
    return isNew;
  }

  boolean is(Pattern pattern, long nowNanos) {
    return (flagged & 1 << pattern.index) != 0 && untilNanos[pattern.index] - nowNanos > 0;
  }

  boolean isSuspect(long nowNanos) {
    if (flagged == 0) {
      return false;
    }
    for (Pattern pattern : Pattern.ALL) {
      if (is(pattern, nowNanos)) {
        return true;
      }
    }
    return false;
  }

  /** How much would be forgotten with this caller. */
  double weight(long nowNanos) {
    return (isSuspect(nowNanos) ? 1000 : 0) + nearSum + boundarySum;
  }

  /** Nanoseconds to wait for the next call at a rate, or 0 when it is due and has been taken. */
  long take(double perSecond, long nowNanos) {
    long each = (long) Math.max(1, 1e9 / perSecond);
    long from = fullNanos - nowNanos < 0 ? nowNanos : fullNanos;
    long over = from + each - nowNanos - (long) (Math.max(1, perSecond) * each);
    if (over > 0) {
      long before = throttled;
      throttled = before + 1;
      return over;
    }
    fullNanos = from + each;
    return 0;
  }
}
