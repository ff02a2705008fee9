package dev.understudy.chassis.telemetry;

import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Records latencies in nanoseconds with three significant digits between 1 µs and 60 s; shorter and
 * longer ones count as those bounds. Recording is wait-free and allocates nothing. The histograms
 * of several recorders add up without loss, percentiles included.
 *
 * <p>Safe for use by any thread.
 */
public final class LatencyRecorder {
  /** The shortest latency that is told apart, in nanoseconds. */
  public static final long LOWEST_NANOS = TimeUnit.MICROSECONDS.toNanos(1);

  /** The longest latency that is told apart, in nanoseconds. */
  public static final long HIGHEST_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final int DIGITS = 3;

  private final Recorder recorder = new Recorder(LOWEST_NANOS, HIGHEST_NANOS, DIGITS);

  /** A recorder that has seen nothing. */
  public LatencyRecorder() {}

  /** An empty histogram that those of recorders can be added to. */
  public static Histogram emptyHistogram() {
    return new Histogram(LOWEST_NANOS, HIGHEST_NANOS, DIGITS);
  }

  /** Records one latency. */
  public void record(long nanos) {
    recorder.recordValue(Math.clamp(nanos, LOWEST_NANOS, HIGHEST_NANOS));
  }

  /**
   * What was recorded since the last call, with its start and end times. The histogram is the
   * caller's to keep.
   */
  public synchronized Histogram intervalSnapshot() {
    return recorder.getIntervalHistogram();
  }
}
