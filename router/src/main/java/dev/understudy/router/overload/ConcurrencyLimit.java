package dev.understudy.router.overload;

import dev.understudy.router.call.Criticality;

/** How many calls one backend has at once. Any thread; never waits. */
public interface ConcurrencyLimit {
  /** The time of a call whose end says nothing about the backend's load. */
  long NO_TIME = -1;

  /**
   * Takes a place for one call; each success is ended by one {@link #released}.
   *
   * @return false when there is none for calls of this class
   */
  boolean tryAcquire(Criticality criticality);

  /**
   * Gives the place back.
   *
   * @param rttNanos from send to the whole answer; {@link #NO_TIME} when that says nothing: the
   *     client went away, or the backend refused the request for what it was
   * @param dropped whether the backend had no room or did not answer in time; the time is then not
   *     looked at
   */
  void released(long rttNanos, boolean dropped);
}
