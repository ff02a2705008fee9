package dev.understudy.router.overload;

import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Whether a call can still be answered before its deadline. It cannot when less time is left than
 * nine in ten of its model's recent answers took, plus a reserve for the way back: such a call
 * would only take a backend's time from calls that can.
 *
 * <p>Refused calls leave no times, so an estimate that has become too high would hold for ever if
 * every caller were short of time. Therefore one such call per model and {@link #TRY_NANOS} goes on
 * all the same, and its answer counts. Of a model that has not answered often enough nothing is
 * known, and none of its calls is refused.
 *
 * <p>Any thread; nothing is allocated per call. The times are of the champion: its answers come
 * under every split.
 */
public final class DeadlineForecast {
  /** How often a call that looks hopeless is tried, per model: once in 50 ms. */
  public static final long TRY_NANOS = 50_000_000;

  private final long reserveNanos;
  private final ConcurrentHashMap<String, Recent> models = new ConcurrentHashMap<>();

  private static final class Recent {
    final LowQuantile low = new LowQuantile();
    final AtomicLong tryAtNanos;

    Recent(long nowNanos) {
      tryAtNanos = new AtomicLong(nowNanos);
    }
  }

  /** With so much time kept for the way back, 0 or more. */
  public DeadlineForecast(long reserveNanos) {
    if (reserveNanos < 0) {
      throw new IllegalArgumentException("reserveNanos: " + reserveNanos + " (expected: >= 0)");
    }
    this.reserveNanos = reserveNanos;
  }

  /** The champion has answered as it should. */
  public void answered(String model, long tookNanos, long nowNanos) {
    Recent recent = models.get(model);
    if (recent == null) {
      recent = models.computeIfAbsent(model, name -> new Recent(nowNanos));
    }
    recent.low.add(tookNanos);
  }

  /**
   * How much time a call needs that has too little left.
   *
   * @param remainingNanos until the deadline; {@link Long#MAX_VALUE} without one
   * @return nanoseconds that would be needed, or 0 when the call should be made
   */
  public long missing(String model, long remainingNanos, long nowNanos) {
    return missing(model, remainingNanos, nowNanos, true);
  }

  /** What {@link #missing(String, long, long)} would say; takes nobody's turn to try. */
  public long wouldMiss(String model, long remainingNanos, long nowNanos) {
    return missing(model, remainingNanos, nowNanos, false);
  }

  private long missing(String model, long remainingNanos, long nowNanos, boolean takesTurn) {
    if (remainingNanos == Long.MAX_VALUE) {
      return 0;
    }
    Recent recent = models.get(model);
    if (recent == null) {
      return 0;
    }
    long low = recent.low.get();
    if (low == 0 || remainingNanos >= low + reserveNanos) {
      return 0;
    }
    long tryAt = recent.tryAtNanos.get();
    boolean tries =
        nowNanos - tryAt >= 0
            && (!takesTurn || recent.tryAtNanos.compareAndSet(tryAt, nowNanos + TRY_NANOS));
    return tries ? 0 : low + reserveNanos;
  }

  /** Forgets models that no table names any more. */
  public void retain(Collection<String> names) {
    models.keySet().retainAll(names);
  }
}
