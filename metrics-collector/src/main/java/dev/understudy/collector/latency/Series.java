package dev.understudy.collector.latency;

import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * The latency of one key: slices of ten seconds for fifteen minutes, and the total since the start.
 * Histograms are added count by count, so that a quantile of the sum is that of all values.
 *
 * <p>A slice rests in its compressed form, about 1 kB where the live form takes 100. Not safe for
 * use by several threads.
 */
final class Series {
  static final long SLICE_MILLIS = 10_000;
  static final int SLICES = 90;

  /** A slice by its number since 1970, its counts and their quantiles. */
  private record Slice(long number, byte[] counts, Quantiles quantiles) {}

  private final @Nullable Slice[] ring = new @Nullable Slice[SLICES];
  private final Histogram total;
  private @Nullable Histogram open;
  private long openNumber = -1;

  /**
   * An empty series.
   *
   * @param layout whose buckets it takes over; counts of another layout are added by the lower
   *     edges of their buckets
   */
  Series(Histogram layout) {
    total = new Histogram(layout);
    total.setAutoResize(true);
  }

  private Histogram empty() {
    Histogram histogram = new Histogram(total);
    histogram.setAutoResize(true);
    return histogram;
  }

  void add(Histogram counts, long unixMs, long nowMs) {
    total.add(counts);
    opened(unixMs, nowMs).add(counts);
  }

  void record(long nanos, long unixMs, long nowMs) {
    total.recordValue(nanos);
    opened(unixMs, nowMs).recordValue(nanos);
  }

  Histogram total() {
    return total.copy();
  }

  /** The sum of the slices that end after {@code nowMs - windowMs}. */
  Histogram window(long windowMs, long nowMs) {
    seal();
    Histogram sum = empty();
    long first = (nowMs - windowMs) / SLICE_MILLIS;
    for (Slice slice : ring) {
      if (slice != null && slice.number >= first && slice.number <= nowMs / SLICE_MILLIS) {
        sum.add(HdrCodec.decode(slice.counts));
      }
    }
    return sum;
  }

  /** The slices of the last fifteen minutes, oldest first; those without values are left out. */
  List<Quantiles.At> course(long nowMs) {
    seal();
    List<Quantiles.At> points = new ArrayList<>();
    long last = nowMs / SLICE_MILLIS;
    for (long number = last - SLICES + 1; number <= last; number++) {
      Slice slice = ring[Math.floorMod(number, SLICES)];
      if (slice != null && slice.number == number) {
        points.add(new Quantiles.At(number * SLICE_MILLIS, slice.quantiles));
      }
    }
    return points;
  }

  /** The live histogram of the slice of this time; times outside the window go to its edges. */
  private Histogram opened(long unixMs, long nowMs) {
    long newest = nowMs / SLICE_MILLIS;
    long number = Math.clamp(unixMs / SLICE_MILLIS, newest - SLICES + 1, newest);
    Histogram live = open;
    if (live == null || number != openNumber) {
      seal();
      Slice resting = ring[Math.floorMod(number, SLICES)];
      live = empty();
      if (resting != null && resting.number == number) {
        live.add(HdrCodec.decode(resting.counts));
      }
      open = live;
      openNumber = number;
    }
    return live;
  }

  /** Puts the live histogram to rest without closing it. */
  private void seal() {
    Histogram live = open;
    if (live != null) {
      ring[Math.floorMod(openNumber, SLICES)] =
          new Slice(openNumber, HdrCodec.encode(live), Quantiles.of(live));
    }
  }
}
