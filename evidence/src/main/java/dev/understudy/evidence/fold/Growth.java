package dev.understudy.evidence.fold;

import dev.understudy.evidence.words.Words.Outlook;

/**
 * How fast the proof of a metric grows, from its last {@value #WINDOW} changes: a straight line
 * from the oldest to the newest. Deterministic, because time is the log's.
 */
final class Growth {
  private static final int WINDOW = 32;

  private final long[] observations = new long[WINDOW];
  private final double[] logFor = new double[WINDOW];
  private final long[] unixMs = new long[WINDOW];
  private int filled;
  private int next;

  /** Whether so many observations are other than at the last note. */
  boolean isNews(long observed) {
    return filled == 0 || observations[last()] != observed;
  }

  /** Where the metric stands after a record. */
  void note(long observed, double proof, long atUnixMs) {
    observations[next] = observed;
    logFor[next] = proof;
    unixMs[next] = atUnixMs;
    next = (next + 1) % WINDOW;
    filled = Math.min(filled + 1, WINDOW);
  }

  Outlook outlook(double needed) {
    if (filled == 0 || observations[last()] == 0) {
      return new Outlook.NothingYet();
    }
    int newest = last();
    int oldest = filled < WINDOW ? 0 : next;
    long seen = observations[newest] - observations[oldest];
    double grown = logFor[newest] - logFor[oldest];
    if (filled == 1) {
      seen = observations[newest];
      grown = logFor[newest];
    }
    if (seen <= 0 || !(grown > 0)) {
      return new Outlook.NotAtThisRate();
    }
    double missing = StrictMath.max(needed - logFor[newest], 0);
    double more = StrictMath.ceil(missing / grown * (double) seen);
    if (!(more < 1e15)) {
      return new Outlook.NotAtThisRate();
    }
    double seconds = (double) (unixMs[newest] - unixMs[oldest]) / 1000;
    double rate = filled > 1 && seconds > 0 ? (double) seen / seconds : 0;
    long observationsMore = Math.max(1, (long) more);
    return new Outlook.Needs(observationsMore, rate > 0 ? (double) observationsMore / rate : 0);
  }

  private int last() {
    return (next + WINDOW - 1) % WINDOW;
  }
}
