package dev.understudy.loadtest.wire;

/**
 * What a driver of load needs: calls that begin here and end later, and the passing of time. {@link
 * Pool} is the real one. For one thread.
 */
public interface Transport {
  /** Begins a call; its end is heard even if it comes at once. */
  void start(Exchange exchange);

  /** Who hears about ends from now on. */
  void onEnded(Ended hearer);

  /** Calls that have begun and not ended. */
  int outstanding();

  /** Sends what has been begun, ends calls whose time is over, and waits up to so long for more. */
  void turn(long waitNanos);

  /** The time, by the clock of the calls' ends. */
  long nanoTime();
}
