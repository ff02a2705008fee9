package dev.understudy.collector.intake;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Counters of the intake. Safe for use by any thread. */
public final class IntakeCounts {
  private final Map<IntakeCount, LongAdder> counters = new EnumMap<>(IntakeCount.class);
  private final AtomicLong newestMs = new AtomicLong();
  private final AtomicLong lagMs = new AtomicLong();

  /** All at zero. */
  public IntakeCounts() {
    for (IntakeCount what : IntakeCount.values()) {
      counters.put(what, new LongAdder());
    }
  }

  /** Reads a counter. */
  public long get(IntakeCount what) {
    return counter(what).sum();
  }

  /** When the newest stored call ended on its router's clock; 0 before the first. */
  public long newestCallUnixMs() {
    return newestMs.get();
  }

  /** How long the newest stored call took to get here and be stored, both clocks trusted. */
  public long lagMillis() {
    return lagMs.get();
  }

  void add(IntakeCount what, long count) {
    counter(what).add(count);
  }

  void stored(long callUnixMs, long nowMs) {
    if (callUnixMs >= newestMs.get()) {
      newestMs.set(callUnixMs);
      lagMs.set(Math.max(0, nowMs - callUnixMs));
    }
  }

  private LongAdder counter(IntakeCount what) {
    LongAdder counter = counters.get(what);
    if (counter == null) {
      throw new IllegalArgumentException("count: " + what + " (expected: a known one)");
    }
    return counter;
  }
}
