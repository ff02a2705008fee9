package dev.understudy.loadtest.statistics;

import dev.understudy.loadtest.drive.Durations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * 95 % confidence intervals of latency percentiles.
 *
 * <p>Neighbouring calls share their fate: a pause slows hundreds of them. Formulas for independent
 * calls would therefore give intervals that are too narrow, often many times. Here whole blocks of
 * time are drawn with replacement (block bootstrap; Künsch 1989) and the percentile is taken of
 * each draw; the interval is what the middle 95 % of the draws cover. Blocks begin as they were
 * measured and are joined in pairs until neighbours' means are no longer correlated (|r₁| ≤ 2/√n)
 * or only 20 to 39 are left.
 *
 * <p>A percentile with fewer than ten calls above it has no interval: a bootstrap cannot draw what
 * was not seen.
 */
public final class PercentileIntervals {
  private static final int DRAWS = 400;
  private static final int FEWEST_BLOCKS = 20;
  private static final int FEWEST_ABOVE = 10;

  /**
   * An interval.
   *
   * @param lower nanoseconds; −1 with {@code upper} if there were too few calls or blocks
   * @param upper nanoseconds
   */
  public record Interval(double percentile, long lower, long upper) {
    /** Whether there was enough to give one. */
    public boolean known() {
      return lower >= 0;
    }
  }

  private final List<Interval> intervals;
  private final int blocks;
  private final int joined;
  private final boolean correlated;

  private PercentileIntervals(
      List<Interval> intervals, int blocks, int joined, boolean correlated) {
    this.intervals = intervals;
    this.blocks = blocks;
    this.joined = joined;
    this.correlated = correlated;
  }

  /** Of blocks in order of time; deterministic for the seed. */
  public static PercentileIntervals of(List<Durations> series, double[] percentiles, long seed) {
    List<Durations> blocks = series.stream().filter(block -> block.values().length > 0).toList();
    int joined = 1;
    boolean correlated = correlated(blocks);
    while (correlated && blocks.size() >= 2 * FEWEST_BLOCKS) {
      List<Durations> pairs = new ArrayList<>();
      for (int i = 0; i + 1 < blocks.size(); i += 2) {
        pairs.add(Durations.sum(blocks.subList(i, i + 2)));
      }
      blocks = pairs;
      joined *= 2;
      correlated = correlated(blocks);
    }
    return new PercentileIntervals(
        draw(blocks, percentiles, new SplittableRandom(seed)), blocks.size(), joined, correlated);
  }

  private static boolean correlated(List<Durations> blocks) {
    return Math.abs(autocorrelation(blocks)) > 2 / Math.sqrt(Math.max(1, blocks.size()));
  }

  /** Of the blocks' means, at lag 1. */
  static double autocorrelation(List<Durations> blocks) {
    double[] means = blocks.stream().mapToDouble(Durations::mean).toArray();
    double mean = Arrays.stream(means).average().orElse(0);
    double products = 0;
    double squares = 0;
    for (int i = 0; i < means.length; i++) {
      squares += (means[i] - mean) * (means[i] - mean);
      if (i > 0) {
        products += (means[i] - mean) * (means[i - 1] - mean);
      }
    }
    return squares == 0 ? 0 : products / squares;
  }

  private static List<Interval> draw(
      List<Durations> blocks, double[] percentiles, SplittableRandom random) {
    Durations all = Durations.sum(blocks);
    long[][] drawn = new long[percentiles.length][DRAWS];
    int[][] indexes = new int[blocks.size()][];
    for (int b = 0; b < indexes.length; b++) {
      long[] values = blocks.get(b).values();
      indexes[b] = new int[values.length];
      for (int i = 0; i < values.length; i++) {
        indexes[b][i] = Arrays.binarySearch(all.values(), values[i]);
      }
    }
    boolean enough = blocks.size() >= FEWEST_BLOCKS;
    int[] times = new int[all.values().length];
    for (int d = 0; enough && d < DRAWS; d++) {
      Arrays.fill(times, 0);
      for (int b = 0; b < indexes.length; b++) {
        int chosen = random.nextInt(indexes.length);
        int[] counts = blocks.get(chosen).times();
        for (int i = 0; i < counts.length; i++) {
          times[indexes[chosen][i]] += counts[i];
        }
      }
      Durations draw = new Durations(all.values(), times, 0);
      for (int p = 0; p < percentiles.length; p++) {
        drawn[p][d] = draw.percentile(percentiles[p]);
      }
    }
    List<Interval> intervals = new ArrayList<>();
    for (int p = 0; p < percentiles.length; p++) {
      boolean seen = all.count() * (1 - percentiles[p] / 100) >= FEWEST_ABOVE;
      Arrays.sort(drawn[p]);
      intervals.add(
          enough && seen
              ? new Interval(percentiles[p], drawn[p][DRAWS / 40], drawn[p][DRAWS - 1 - DRAWS / 40])
              : new Interval(percentiles[p], -1, -1));
    }
    return intervals;
  }

  /** One per percentile asked for, in that order. */
  public List<Interval> intervals() {
    return intervals;
  }

  /** Blocks that were drawn from. */
  public int blocks() {
    return blocks;
  }

  /** How many measured blocks make one of these. */
  public int joined() {
    return joined;
  }

  /** Whether neighbours were still correlated: then the intervals are too narrow. */
  public boolean correlated() {
    return correlated;
  }
}
