package dev.understudy.evidence.words;

/** What is said after the promotion, while the version before keeps a share. Pure. */
public final class WatchWords {
  private WatchWords() {}

  /**
   * "the new version fails more often than the one before it, seen 95 s after the promotion; …".
   *
   * @param slower whether latency spoke louder than failures
   * @param seconds of the watch until the alarm
   */
  public static String alarm(boolean slower, long seconds, double log, double logStop) {
    return (slower
            ? "the new version has become much slower than the one before it"
            : "the new version fails more often than the one before it")
        + ", seen after "
        + Numbers.duration((double) seconds)
        + " of watching; "
        + Words.evidenceAgainst(log, logStop);
  }

  /** "no sign against the new version after 95 s of 10 min; evidence against: 3× (…)". */
  public static String quiet(long seconds, long horizon, double log, double logStop) {
    return (seconds < horizon
            ? "no sign against the new version after "
                + Numbers.duration((double) seconds)
                + " of "
                + Numbers.duration((double) horizon)
            : "the watch is over: no sign against the new version in "
                + Numbers.duration((double) horizon))
        + "; "
        + Words.evidenceAgainst(log, logStop);
  }

  /** There is no control. */
  public static String nothingToCompareWith() {
    return "nothing to compare with: the version before answers no share of the requests";
  }
}
