package dev.understudy.modelserver.batching;

import dev.understudy.modelserver.batching.BatchDecision.Take;
import dev.understudy.modelserver.batching.BatchDecision.WaitUntil;

/**
 * When waiting requests of one shape become a batch. Pure: the queue, the rules and the time go in,
 * a decision comes out. It is asked only by an instance that is free, so a batch keeps growing for
 * as long as every instance is busy.
 *
 * <p>A batch is a prefix of the queue, in order of arrival. It goes as soon as one of these holds:
 *
 * <ol>
 *   <li>joining is off: the first request goes alone;
 *   <li>no further row fits: either the maximum is reached or the next request would exceed it;
 *   <li>a prefix has one of the preferred sizes (the largest such prefix goes);
 *   <li>the oldest request has waited for the maximum delay, measured from its arrival;
 *   <li>waiting longer would leave a request of the batch less time than a run takes.
 * </ol>
 *
 * <p>Otherwise the instance waits until the earlier of the last two can come true.
 */
public final class BatchPolicy {
  private BatchPolicy() {}

  /**
   * Decides what a free instance does.
   *
   * @param waiting at least one request
   * @param nowNanos the time on the clock of the arrivals
   * @param reserveNanos how long a run is expected to take
   */
  public static BatchDecision decide(
      BatchRules rules, Waiting waiting, long nowNanos, long reserveNanos) {
    if (!rules.dynamic()) {
      return new Take(1);
    }
    int rows = 0;
    int fitting = 0;
    int preferred = 0;
    long mostUrgentNanos = Long.MAX_VALUE;
    while (fitting < waiting.size()) {
      int grown = rows + waiting.rows(fitting);
      if (fitting > 0 && grown > rules.maxBatchSize()) {
        return new Take(preferred > 0 ? preferred : fitting);
      }
      rows = grown;
      mostUrgentNanos = Math.min(mostUrgentNanos, waiting.remainingNanos(fitting, nowNanos));
      fitting++;
      if (rules.preferredSizes().contains(rows)) {
        preferred = fitting;
      }
    }
    if (rows >= rules.maxBatchSize()) {
      return new Take(fitting);
    }
    if (preferred > 0) {
      return new Take(preferred);
    }
    long patienceNanos = rules.maxDelayNanos() - (nowNanos - waiting.enqueuedNanos(0));
    if (mostUrgentNanos != Long.MAX_VALUE) {
      patienceNanos = Math.min(patienceNanos, mostUrgentNanos - reserveNanos);
    }
    return patienceNanos <= 0 ? new Take(fitting) : new WaitUntil(nowNanos + patienceNanos);
  }

  /** The waiting requests of one shape, oldest first. */
  public interface Waiting {
    /** How many wait. */
    int size();

    /** Rows of one request, 1 or more. */
    int rows(int index);

    /** When it arrived. */
    long enqueuedNanos(int index);

    /** Time left to its deadline; {@link Long#MAX_VALUE} without one. */
    long remainingNanos(int index, long nowNanos);
  }
}
