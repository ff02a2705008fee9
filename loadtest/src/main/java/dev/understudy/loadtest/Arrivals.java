package dev.understudy.loadtest;

import java.util.SplittableRandom;

/**
 * When calls are sent, whatever became of the calls before them (an open loop). Each stream is
 * deterministic for its seed. Not thread-safe.
 */
public final class Arrivals implements Schedule {

  /** How intervals between sends are distributed. */
  public enum Kind {
    /** Equal intervals. */
    CONSTANT,
    /** Exponential intervals: independent callers. */
    POISSON
  }

  private final Kind kind;
  private final double nanosPerCall;
  private final SplittableRandom random;
  private double at;

  /**
   * Arrivals from time zero on.
   *
   * @param perSecond mean calls per second, above 0
   */
  public Arrivals(Kind kind, double perSecond, long seed) {
    if (!(perSecond > 0) || Double.isInfinite(perSecond)) {
      throw new IllegalArgumentException("rate: " + perSecond + " per second (expected: > 0)");
    }
    this.kind = kind;
    this.nanosPerCall = 1e9 / perSecond;
    this.random = new SplittableRandom(seed);
  }

  @Override
  public long next() {
    double interval =
        switch (kind) {
          case CONSTANT -> nanosPerCall;
          case POISSON -> -Math.log1p(-random.nextDouble()) * nanosPerCall;
        };
    at += interval;
    return (long) at;
  }
}
