package dev.understudy.collector.latency;

import dev.understudy.chassis.telemetry.LatencyRecorder;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.StageHistogram;
import dev.understudy.proto.v1.StageHistograms;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** The latency of every stage, arm and version. Safe for use by any thread. */
public final class Latencies {
  private static final int MAX_SERIES = 512;
  private static final long MAX_NANOS = 3_600_000_000_000L;
  private static final int MAX_NAME = 128;

  private final TimeSource time;
  private final Map<SeriesKey, Series> all = new LinkedHashMap<>();
  private long refused;

  /** Nothing yet. */
  public Latencies(TimeSource time) {
    this.time = time;
  }

  /**
   * Adds what a service has measured.
   *
   * @throws dev.understudy.chassis.error.Fault if a histogram cannot be read; then none is added
   */
  public void add(StageHistograms message) {
    List<Histogram> decoded = new ArrayList<>();
    for (StageHistogram one : message.getHistogramsList()) {
      decoded.add(HdrCodec.decode(one.getHdr().toByteArray()));
    }
    long nowMs = time.wallMillis();
    synchronized (this) {
      for (int i = 0; i < decoded.size(); i++) {
        StageHistogram one = message.getHistograms(i);
        Series series =
            series(
                new SeriesKey(
                    message.getService(),
                    one.getStage(),
                    one.getModel(),
                    one.getRole(),
                    one.getVersion()),
                decoded.get(i));
        if (series != null) {
          series.add(decoded.get(i), message.getToUnixMs() - 1, nowMs);
        }
      }
    }
  }

  /** Adds one value. */
  public synchronized void record(SeriesKey key, long nanos, long unixMs) {
    Series series = series(key, LatencyRecorder.emptyHistogram());
    if (series != null) {
      series.record(Math.clamp(nanos, 0, MAX_NANOS), unixMs, time.wallMillis());
    }
  }

  /** The quantiles of the last so many milliseconds, in slices of ten seconds. */
  public synchronized Quantiles window(SeriesKey key, long windowMs) {
    Series series = all.get(key);
    return series == null
        ? Quantiles.NONE
        : Quantiles.of(series.window(windowMs, time.wallMillis()));
  }

  /** The values since the start, or null if there are none. */
  public synchronized @Nullable Histogram total(SeriesKey key) {
    Series series = all.get(key);
    return series == null ? null : series.total();
  }

  /** The last fifteen minutes. */
  public synchronized List<Quantiles.At> course(SeriesKey key) {
    Series series = all.get(key);
    return series == null ? List.of() : series.course(time.wallMillis());
  }

  /** What has been measured, in the order of first sight. */
  public synchronized List<SeriesKey> keys() {
    return List.copyOf(all.keySet());
  }

  /** Histograms and values beyond the bound of 512 series. */
  public synchronized long refused() {
    return refused;
  }

  private @Nullable Series series(SeriesKey key, Histogram layout) {
    Series series = all.get(key);
    if (series == null) {
      if (all.size() >= MAX_SERIES || isTooLong(key)) {
        refused++;
        return null;
      }
      series = new Series(layout);
      all.put(key, series);
    }
    return series;
  }

  private static boolean isTooLong(SeriesKey key) {
    return key.service().length() > MAX_NAME
        || key.stage().length() > MAX_NAME
        || key.model().length() > MAX_NAME
        || key.version().length() > MAX_NAME;
  }
}
