package dev.understudy.loadtest;

import io.grpc.Status;
import java.util.EnumMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * What a run measured: latency from the <em>scheduled</em> send, so that a stalled server cannot
 * hide the calls that would have been sent meanwhile, and calls by status. Latencies of failed
 * calls are kept apart. Not thread-safe; merge instead.
 */
public final class Tally {

  /** One microsecond to a minute, three significant digits; in nanoseconds. */
  static Histogram histogram() {
    Histogram histogram = new Histogram(1_000, 60_000_000_000L, 3);
    histogram.setAutoResize(false);
    return histogram;
  }

  private final Histogram ok = histogram();
  private final Histogram failed = histogram();
  private final Map<Status.Code, Long> byStatus = new EnumMap<>(Status.Code.class);
  private long notSent;
  private long nanos;

  void record(Status.Code code, long latencyNanos) {
    long bounded = Math.clamp(latencyNanos, 1_000, 60_000_000_000L);
    (code == Status.Code.OK ? ok : failed).recordValue(bounded);
    byStatus.merge(code, 1L, Long::sum);
  }

  void countNotSent() {
    notSent++;
  }

  void lasted(long nanos) {
    this.nanos += nanos;
  }

  void add(Tally other) {
    ok.add(other.ok);
    failed.add(other.failed);
    other.byStatus.forEach((code, count) -> byStatus.merge(code, count, Long::sum));
    notSent += other.notSent;
    nanos += other.nanos;
  }

  /** Latency of calls that ended OK, in nanoseconds. */
  public Histogram ok() {
    return ok;
  }

  /** Latency of calls that ended otherwise, in nanoseconds. */
  public Histogram failed() {
    return failed;
  }

  /** Calls by the status they ended with. */
  public Map<Status.Code, Long> byStatus() {
    return Map.copyOf(byStatus);
  }

  /** Calls that were due but not sent because too many were outstanding. */
  public long notSent() {
    return notSent;
  }

  /** How long calls were scheduled for, in nanoseconds. */
  public long durationNanos() {
    return nanos;
  }

  /** Calls that ended, whatever the status. */
  public long calls() {
    return byStatus.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Calls that did not end OK, those that were not sent included. */
  public long errors() {
    return calls() - byStatus.getOrDefault(Status.Code.OK, 0L) + notSent;
  }
}
