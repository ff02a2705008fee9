package dev.understudy.loadtest;

/** When calls are to be sent, whatever became of the calls before them. For one thread. */
public interface Schedule {
  /** What {@link #next} says when there is nothing more. */
  long NEVER = Long.MAX_VALUE;

  /** Nanoseconds from the start until the next call; never falls; {@link #NEVER} at the end. */
  long next();
}
