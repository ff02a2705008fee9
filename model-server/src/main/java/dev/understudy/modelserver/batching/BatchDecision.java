package dev.understudy.modelserver.batching;

/** What a free instance does next. */
public sealed interface BatchDecision {
  /**
   * Run the oldest requests as one batch.
   *
   * @param requests how many, 1 or more
   */
  record Take(int requests) implements BatchDecision {}

  /**
   * Wait for company, and ask again when some arrives or at this time.
   *
   * @param nanos on the clock of the arrivals
   */
  record WaitUntil(long nanos) implements BatchDecision {}
}
