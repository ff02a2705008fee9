package dev.understudy.chassis.lifecycle;

import java.time.Duration;

/** Something that can stop taking work and finish what it has. */
@FunctionalInterface
public interface Drainable {
  /**
   * Returns once the work at hand is done, or when the grace is over.
   *
   * @param grace how long it may take; the thread is interrupted soon afterwards
   */
  void drain(Duration grace) throws Exception;
}
