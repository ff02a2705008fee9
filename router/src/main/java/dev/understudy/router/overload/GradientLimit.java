package dev.understudy.router.overload;

import dev.understudy.router.call.Criticality;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Finds out how many calls at once a backend can take, from how long its answers need.
 *
 * <p><b>The law.</b> Beyond what it can work on at once, a server only queues: its answers take
 * longer, and no more of them come (Little's law). So the limit follows the gradient of the time
 * without load over the time now, plus some room to find more:
 *
 * <pre>
 *   gradient = clamp(tolerance · timeWithoutLoad / timeNow, 0.5, 1)
 *   limit    = gradient · limit + √limit
 * </pre>
 *
 * <p>as in Netflix's {@code Gradient2Limit} (github.com/Netflix/concurrency-limits) and Envoy's
 * adaptive concurrency filter (its gradient controller). It rests where {@code timeNow} is about
 * {@code tolerance} times the time without load. A limit that the calls in flight do not half fill
 * does not grow, and a call that was dropped takes a tenth off, once per window.
 *
 * <p><b>The time without load.</b> {@code Gradient2Limit} takes a long average for it, which under
 * a long overload becomes the time <em>with</em> load, and the limit drifts away. Here it is
 * measured, as in Envoy and in BBR (Cardwell et al., ACM Queue 14(5), 2016): the mean time of a few
 * answers while no more than {@code minimum} calls are in flight, critical ones not counted as long
 * as they are few. A window that happens to be that quiet is such a measurement. Otherwise the
 * limit is cut to the minimum until enough calls that began after the queue had drained have been
 * answered. A cut costs calls, so it is made only when calls are being refused anyway: at once when
 * nothing was ever measured, later after 1, 2, 4, ... seconds up to {@code remeasure} as long as
 * measurements agree to a quarter, and again from 1 when they do not. A backend that has become
 * slower, or faster, is thus believed within seconds, and a healthy one is never disturbed.
 *
 * <p><b>Threads.</b> A call costs two atomic operations, and one more for its time; a refused call
 * writes nothing but a counter. Count and sum of the times share one word, so that they always
 * belong together. Who finds the window over moves the limit, unless another is at it: nobody ever
 * waits. The clock is passed in.
 */
public final class GradientLimit implements ConcurrencyLimit {
  private static final int WINDOW_SAMPLES = 16;
  private static final int MEASURE_SAMPLES = 16;
  private static final int FEW_SAMPLES = 8;
  private static final long MEASURE_NANOS = 500_000_000;
  private static final long FIRST_WAIT_NANOS = 1_000_000_000;
  private static final double AGREES = 0.25;
  private static final double BACKOFF = 0.9;

  // The word of times: the number in the low bits, above it their sum in units of 256 ns.
  private static final int COUNT_BITS = 20;
  private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;
  private static final int UNIT_SHIFT = 8;
  private static final long LONGEST_NANOS = 3_600_000_000_000L;

  private final GradientSettings settings;
  private final ClassShares shares;
  private final LongSupplier nanoTime;
  private final long windowNanos;

  private final AtomicInteger inFlight = new AtomicInteger();
  private final AtomicLong times = new AtomicLong();
  private final AtomicInteger drops = new AtomicInteger();
  private final AtomicLong refused = new AtomicLong();
  private volatile int limit;

  /** The limit of critical calls: not cut for a measurement, unless there are too many of them. */
  private volatile int criticalLimit;

  private volatile int peak;
  private volatile long windowEndNanos;

  /** An answer that takes longer is slow; 0 while nothing is known. */
  private volatile long slowNanos;

  /** While draining: since when. */
  private volatile long cutAtNanos;

  /** While measuring: calls that began before this moment still saw the queue. */
  private volatile long measureFromNanos;

  private volatile Phase phase = Phase.FOLLOWING;

  // Guarded by moving, which is only ever tried.
  private final AtomicBoolean moving = new AtomicBoolean();
  private double exact;
  private double unloadedNanos;
  private boolean measured;
  private long refusedBefore;
  private long measureAtNanos;
  private long measureWaitNanos = FIRST_WAIT_NANOS;

  private enum Phase {
    /** The limit follows the gradient. */
    FOLLOWING,
    /** The limit is cut, and the queue of before is being worked off. */
    DRAINING,
    /** The limit is cut, and answers are timed. */
    MEASURING
  }

  /**
   * Makes a limit for one backend.
   *
   * @param nanoTime the monotonic clock
   */
  public GradientLimit(GradientSettings settings, ClassShares shares, LongSupplier nanoTime) {
    this.settings = settings;
    this.shares = shares;
    this.nanoTime = nanoTime;
    this.windowNanos = settings.window().toNanos();
    this.limit = settings.start();
    this.criticalLimit = settings.start();
    this.exact = settings.start();
    this.windowEndNanos = nanoTime.getAsLong() + windowNanos;
    this.measureAtNanos = windowEndNanos;
  }

  @Override
  public boolean tryAcquire(Criticality criticality) {
    long ceiling =
        criticality == Criticality.CRITICAL ? criticalLimit : shares.ceiling(criticality, limit);
    while (true) {
      int seen = inFlight.get();
      if (seen >= ceiling) {
        refused.incrementAndGet();
        return false;
      }
      if (inFlight.compareAndSet(seen, seen + 1)) {
        if (seen + 1 > peak) {
          peak = seen + 1;
        }
        return true;
      }
    }
  }

  @Override
  public void released(long rttNanos, boolean dropped) {
    int left = inFlight.decrementAndGet();
    long now = nanoTime.getAsLong();
    Phase seen = phase;
    if (dropped) {
      if (rttNanos < 0 || rttNanos >= slowNanos) {
        drops.incrementAndGet();
      }
    } else if (rttNanos >= 0 && counts(seen, now - rttNanos)) {
      times.addAndGet(((Math.min(rttNanos, LONGEST_NANOS) >>> UNIT_SHIFT) << COUNT_BITS) | 1);
    }
    boolean due =
        switch (seen) {
          case FOLLOWING -> now - windowEndNanos >= 0;
          case DRAINING -> left <= settings.minimum() || now - cutAtNanos >= MEASURE_NANOS;
          case MEASURING -> isMeasured(times.get() & COUNT_MASK, now);
        };
    if (due && moving.compareAndSet(false, true)) {
      try {
        move(now);
      } finally {
        moving.set(false);
      }
    }
  }

  private boolean counts(Phase seen, long begunNanos) {
    return switch (seen) {
      case FOLLOWING -> true;
      case DRAINING -> false;
      case MEASURING -> begunNanos - measureFromNanos >= 0;
    };
  }

  private boolean isMeasured(long count, long now) {
    return count >= MEASURE_SAMPLES
        || (count >= FEW_SAMPLES && now - measureFromNanos >= MEASURE_NANOS);
  }

  /** What is due in the phase that is true now; one thread at a time. */
  private void move(long now) {
    switch (phase) {
      case FOLLOWING -> follow(now);
      case DRAINING -> drain(now);
      case MEASURING -> {
        if (isMeasured(times.get() & COUNT_MASK, now)) {
          believe(mean(times.getAndSet(0)), now);
          phase = Phase.FOLLOWING;
          nextWindow(now);
          settle(exact);
        }
      }
    }
  }

  private void follow(long now) {
    if (now - windowEndNanos < 0) {
      return;
    }
    boolean enough = (times.get() & COUNT_MASK) >= WINDOW_SAMPLES;
    int dropped = drops.get();
    if (!enough && dropped == 0) {
      return;
    }
    long word = times.getAndSet(0);
    drops.addAndGet(-dropped);
    int top = peak;
    nextWindow(now);
    double next = exact;
    if (enough) {
      double nanos = mean(word);
      if (top <= settings.minimum()) {
        believe(nanos, now);
      } else if (unloadedNanos == 0) {
        know(nanos);
      }
      double gradient = Math.clamp(settings.tolerance() * unloadedNanos / nanos, 0.5, 1);
      if (gradient < 1 || top * 2L >= limit) {
        next = gradient * exact + Math.sqrt(exact);
      }
    }
    settle(dropped == 0 ? next : Math.min(next, BACKOFF * exact));
    long refusedNow = refused.get();
    boolean pressed = refusedNow != refusedBefore;
    refusedBefore = refusedNow;
    if (pressed && (!measured || now - measureAtNanos >= 0)) {
      limit = settings.minimum();
      cutAtNanos = now;
      phase = Phase.DRAINING;
      drain(now);
    }
  }

  private void drain(long now) {
    if (inFlight.get() <= settings.minimum()) {
      times.set(0);
      measureFromNanos = now;
      phase = Phase.MEASURING;
    } else if (now - cutAtNanos >= MEASURE_NANOS) {
      criticalLimit = settings.minimum();
    }
  }

  /** Takes a measurement of the time without load, and says when the next is due. */
  private void believe(double nanos, long now) {
    boolean agrees = measured && Math.abs(nanos - unloadedNanos) <= AGREES * unloadedNanos;
    know(agrees ? (unloadedNanos + nanos) / 2 : nanos);
    measured = true;
    measureWaitNanos =
        agrees
            ? Math.min(2 * measureWaitNanos, settings.remeasure().toNanos())
            : Math.min(FIRST_WAIT_NANOS, settings.remeasure().toNanos());
    measureAtNanos = now + measureWaitNanos;
  }

  private void know(double nanos) {
    unloadedNanos = nanos;
    slowNanos = (long) (settings.tolerance() * nanos);
  }

  private void settle(double next) {
    exact = Math.clamp(next, settings.minimum(), settings.maximum());
    limit = (int) exact;
    criticalLimit = limit;
  }

  private void nextWindow(long now) {
    peak = inFlight.get();
    windowEndNanos = now + windowNanos;
  }

  private static double mean(long word) {
    long count = word & COUNT_MASK;
    return Math.max(1, (double) ((word >>> COUNT_BITS) << UNIT_SHIFT) / Math.max(1, count));
  }

  /** Calls in flight. */
  public int inFlight() {
    return inFlight.get();
  }

  /** The limit in force. */
  public int limit() {
    return limit;
  }

  /** Calls for which there was no place. */
  public long refused() {
    return refused.get();
  }
}
