package dev.understudy.modelserver.batching;

/**
 * What the queue must know about a request, and tells it. The values do not change while it waits.
 */
public interface QueuedRequest {
  /** Stands for "no deadline". */
  long NO_DEADLINE = Long.MAX_VALUE;

  /** Rows it adds to a batch, 1 or more. */
  int rows();

  /** Requests can share a batch only if their buckets are equal. */
  Object bucket();

  /** When it arrived, on the server's monotone clock. */
  long enqueuedNanos();

  /** When its answer is no longer wanted, on the same clock, or {@link #NO_DEADLINE}. */
  long deadlineNanos();

  /**
   * An instance takes it. Called once, before the batch is handed out, under the queue's lock: only
   * to be noted down.
   *
   * @param batchWaitNanos for how much of the time since it was offered some instance was free, so
   *     that it waited for company only; 0 where nothing is waited for
   */
  void taken(long batchWaitNanos);
}
