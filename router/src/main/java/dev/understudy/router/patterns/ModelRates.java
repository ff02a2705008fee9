package dev.understudy.router.patterns;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How often the callers of one model ask near-duplicates, and get answers near the boundary. Each
 * caller speaks at most once a second, so that a busy one does not make his own ways usual; what
 * was seen is halved once there is much of it, so that rates follow the traffic. Any thread.
 */
final class ModelRates {
  private static final int LEARNED = 200;
  private static final int MUCH = 20_000;

  /** One rate: observations in the upper half, hits in the lower. */
  static final class Rate {
    private final AtomicLong counts = new AtomicLong();

    void add(boolean hit) {
      long before = counts.get();
      int seen = (int) (before >>> 32);
      int hits = (int) before;
      if (seen >= MUCH) {
        seen /= 2;
        hits /= 2;
      }
      // Lost when another thread is faster: one observation among many.
      counts.weakCompareAndSetPlain(before, ((long) (seen + 1) << 32) | (hits + (hit ? 1 : 0)));
    }

    /** Whether enough has been seen to call anything unusual. */
    boolean isLearned() {
      return counts.get() >>> 32 >= LEARNED;
    }

    /** The rate, with one hit in two observations added. */
    double value() {
      long now = counts.get();
      return ((int) now + 1.0) / ((now >>> 32) + 2.0);
    }
  }

  private final long seed;
  private final Rate near = new Rate();
  private final Rate boundary = new Rate();

  ModelRates(long seed) {
    this.seed = seed;
  }

  /** Of the model's sketches. */
  long seed() {
    return seed;
  }

  Rate near() {
    return near;
  }

  Rate boundary() {
    return boundary;
  }
}
