package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;

/** When one server stands still: at random, so often, for so long. Time in seconds. */
final class Stalls {
  private final double perSecond;
  private final double lengthSeconds;
  private double left;
  private double untilNext;
  private boolean begun;

  /**
   * @param perSecond stalls that begin in a second without any; 0 for none
   * @param lengthSeconds of each
   */
  Stalls(double perSecond, double lengthSeconds) {
    this.perSecond = perSecond;
    this.lengthSeconds = lengthSeconds;
  }

  /** Share of the next second that is stalled. */
  double next(Draws draws) {
    if (perSecond == 0) {
      return 0;
    }
    if (!begun) {
      begun = true;
      untilNext = exponential(draws);
    }
    double time = 0;
    double stalled = 0;
    while (time < 1) {
      if (left > 0) {
        double here = StrictMath.min(left, 1 - time);
        stalled += here;
        left -= here;
        time += here;
      } else {
        double here = StrictMath.min(untilNext, 1 - time);
        untilNext -= here;
        time += here;
        if (untilNext <= 0) {
          left = lengthSeconds;
          untilNext = exponential(draws);
        }
      }
    }
    return StrictMath.min(stalled, 1);
  }

  private double exponential(Draws draws) {
    return -StrictMath.log(1 - draws.nextDouble()) / perSecond;
  }
}
