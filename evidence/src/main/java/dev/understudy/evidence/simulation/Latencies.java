package dev.understudy.evidence.simulation;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.LatencyCounts;

/** Draws latencies into a histogram of one second. Not thread-safe. */
final class Latencies {
  /** Median of a server at rest, in nanoseconds. */
  static final double MEDIAN_NANOS = 2e6;

  private static final double SIGMA = 0.6;
  private static final int SIZE = 1 << 16;

  /** The buckets of 65,536 equally likely latencies of a lognormal, times a factor. */
  static final class Law {
    private final char[] buckets = new char[SIZE];

    private Law(double factor) {
      Draws draws = new Draws(20260103);
      for (int i = 0; i < SIZE; i += 2) {
        // Box and Muller, Annals of Mathematical Statistics 29(2), 1958: two normals at once.
        double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - draws.nextDouble()));
        double angle = 2 * StrictMath.PI * draws.nextDouble();
        buckets[i] = bucket(factor, radius * StrictMath.cos(angle));
        buckets[i + 1] = bucket(factor, radius * StrictMath.sin(angle));
      }
    }

    /** The same draws for each factor, so that a canary may be slower by exactly so much. */
    static Law slower(double factor) {
      return new Law(factor);
    }

    private static char bucket(double factor, double z) {
      return (char) LatencyGrid.index((long) (factor * MEDIAN_NANOS * StrictMath.exp(SIGMA * z)));
    }

    /** Share of latencies in or above a bucket. */
    double shareFrom(int bucket) {
      int above = 0;
      for (char b : buckets) {
        above += b >= bucket ? 1 : 0;
      }
      return (double) above / SIZE;
    }
  }

  private final int[] counts = new int[LatencyGrid.SIZE];
  private int first = LatencyGrid.SIZE;
  private int last = -1;

  /** Draws so many latencies. */
  void draw(long times, Law law, Draws draws) {
    long bits = 0;
    for (long i = 0; i < times; i++) {
      bits = (i & 3) == 0 ? draws.nextLong() : bits >>> 16;
      int bucket = law.buckets[(int) bits & (SIZE - 1)];
      counts[bucket]++;
      first = Math.min(first, bucket);
      last = Math.max(last, bucket);
    }
  }

  /** Takes what was drawn, and starts again. */
  LatencyCounts take() {
    LatencyCounts.Builder taken = LatencyCounts.newBuilder();
    for (int i = first; i <= last; i++) {
      if (counts[i] > 0) {
        taken.addIndex(i).addCount(counts[i]);
        counts[i] = 0;
      }
    }
    first = LatencyGrid.SIZE;
    last = -1;
    return taken.build();
  }
}
