package dev.understudy.router.upstream;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How long a backend takes, with a memory for its worst: an exponentially weighted moving average
 * over time that follows a rise at once and a fall slowly. An observation {@code r} at a time
 * {@code d} after the last one makes of the cost {@code c}
 *
 * <pre>   c ← r                          if r &gt; c
 *   c ← c·w + r·(1 − w), w = e^(−d/τ)   otherwise</pre>
 *
 * and whoever reads it {@code d} after the last observation reads {@code c·e^(−d/τ)}: a backend
 * that was slow once and is avoided since looks better with time, and so is tried again. Times the
 * number of calls in flight plus one, this is the load by which two backends are compared. From
 * Twitter's Finagle, {@code com.twitter.finagle.loadbalancer.PeakEwma}; the choice of the better of
 * two at random from M. Mitzenmacher, "The power of two choices in randomized load balancing"
 * (2001).
 *
 * <p>Cost and time share one word, so that an update is one compare-and-set: a float of nanoseconds
 * (24 bits of precision) and a clock of 65.5 µs ticks. Further observations within one tick count
 * only if they are a peak, which thins them evenly under load and spares most writes. Any thread;
 * lock-free.
 */
final class PeakEwma {
  private static final int TICK_SHIFT = 16;

  /** Stands for a cost that is not known while the first answers are outstanding. */
  private static final double UNKNOWN_NANOS = 1e12;

  private final float tauTicks;
  private final AtomicLong state;

  /**
   * A cost of which nothing is known.
   *
   * @param tauNanos time constant τ, 1 ms or more
   * @param nowNanos on the clock that all later times are on
   */
  PeakEwma(long tauNanos, long nowNanos) {
    if (tauNanos < 1_000_000) {
      throw new IllegalArgumentException("tauNanos: " + tauNanos + " (expected: >= 1000000)");
    }
    this.tauTicks = (float) tauNanos / (1 << TICK_SHIFT);
    this.state = new AtomicLong(pack(tick(nowNanos), 0));
  }

  /** A call took so long, 0 or more. */
  void observe(long nanos, long nowNanos) {
    update(nanos, nowNanos, false);
  }

  /**
   * A call ended in a way that says nothing good: it took at least so long. Raises the cost or
   * keeps it from decaying, and never lowers it, so that quick failures do not attract calls.
   */
  void observeAtLeast(long nanos, long nowNanos) {
    update(nanos, nowNanos, true);
  }

  private void update(long nanos, long nowNanos, boolean atLeast) {
    int now = tick(nowNanos);
    while (true) {
      long before = state.get();
      float cost = cost(before);
      int passed = Math.max(0, now - stamp(before));
      float next;
      if (nanos > cost) {
        next = nanos;
      } else if (passed == 0) {
        return;
      } else if (atLeast) {
        next = cost;
      } else {
        float w = (float) Math.exp(-passed / tauTicks);
        next = cost * w + nanos * (1 - w);
      }
      if (state.compareAndSet(before, pack(stamp(before) + passed, next))) {
        return;
      }
    }
  }

  /** The cost as it is now, in nanoseconds; 0 when nothing is known, or not any more. */
  double costNanos(long nowNanos) {
    long read = state.get();
    int passed = Math.max(0, tick(nowNanos) - stamp(read));
    float cost = cost(read);
    return passed == 0 || cost == 0 ? cost : cost * Math.exp(-passed / tauTicks);
  }

  /**
   * By what a backend is compared.
   *
   * @param inFlight calls that it has not answered, 0 or more
   */
  double load(int inFlight, long nowNanos) {
    double cost = costNanos(nowNanos);
    return cost == 0 && inFlight > 0 ? UNKNOWN_NANOS + inFlight : cost * (inFlight + 1);
  }

  private static int tick(long nanos) {
    return (int) (nanos >> TICK_SHIFT);
  }

  private static long pack(int tick, float cost) {
    return ((long) tick << 32) | (Float.floatToRawIntBits(cost) & 0xffffffffL);
  }

  private static int stamp(long packed) {
    return (int) (packed >>> 32);
  }

  private static float cost(long packed) {
    return Float.intBitsToFloat((int) packed);
  }
}
