package dev.understudy.router.upstream;

/**
 * How many calls an arm usually has in flight, and whether it could take others' besides: a slow
 * average of samples, and a bound that is a multiple of it. While failing arms push calls over, the
 * average rises too, but with a time constant of a minute, so the bound stays near what the arm is
 * used to for as long as a rescue should last. One thread samples; any thread reads.
 */
final class Headroom {
  private static final double TAU_NANOS = 60e9;

  private final double factor;
  private final int floor;
  private double usual;
  private long sampledNanos;
  private boolean sampled;
  private volatile int most;

  /**
   * An arm of which nothing is known.
   *
   * @param factor how many times the usual is allowed, 1 or more
   * @param floor always allowed, 0 or more
   */
  Headroom(double factor, int floor) {
    this.factor = factor;
    this.floor = floor;
    this.most = floor;
  }

  void sample(int inFlight, long nowNanos) {
    double w = sampled ? Math.exp(-Math.max(0, nowNanos - sampledNanos) / TAU_NANOS) : 0;
    usual = usual * w + inFlight * (1 - w);
    sampled = true;
    sampledNanos = nowNanos;
    most = (int) Math.max(floor, Math.min(Integer.MAX_VALUE, Math.ceil(factor * usual)));
  }

  /** Whether one more call besides so many is within the bound. */
  boolean has(int inFlight) {
    return inFlight < most;
  }
}
