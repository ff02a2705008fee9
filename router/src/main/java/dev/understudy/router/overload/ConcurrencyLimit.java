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
   * @param rttNanos from send to the end; {@link #NO_TIME} when that says nothing, such as of a
   *     request that the backend refused for what it was
   * @param dropped whether there was no answer because the backend had no room for the call, could
   *     not be reached, or was not waited for any longer. With a time this counts only when the
   *     time was long for the backend: an impatient caller says nothing about it
   */
  void released(long rttNanos, boolean dropped);
}
