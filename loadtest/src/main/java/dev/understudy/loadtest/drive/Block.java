package dev.understudy.loadtest.drive;

import java.util.List;

/**
 * What happened in one stretch of a run. A call belongs to the block in which it ended.
 *
 * @param startNanos since the start of the run
 * @param nanos how long the block is
 * @param due calls that the schedule asked for
 * @param notSent of these, refused here because too many were outstanding
 * @param ok latency of calls that ended OK, from the scheduled send
 * @param failed the same of calls that ended otherwise
 * @param service of calls that ended OK, from the moment at which they were handed to a connection:
 *     what a tool without a schedule sees
 * @param lag how much later than scheduled calls were handed over
 * @param byStatus calls by gRPC status code
 * @param byKind latency of calls that ended OK by kind of call; empty if there is only one kind
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Block(
    long startNanos,
    long nanos,
    long due,
    long notSent,
    Durations ok,
    Durations failed,
    Durations service,
    Durations lag,
    long[] byStatus,
    List<Durations> byKind) {

  Block startingAt(long start) {
    return new Block(start, nanos, due, notSent, ok, failed, service, lag, byStatus, byKind);
  }

  /** Calls that ended, whatever the status. */
  public long ended() {
    long ended = 0;
    for (long calls : byStatus) {
      ended += calls;
    }
    return ended;
  }

  /** Calls that did not end OK, those not sent included. */
  public long errors() {
    return ended() - byStatus[0] + notSent;
  }
}
