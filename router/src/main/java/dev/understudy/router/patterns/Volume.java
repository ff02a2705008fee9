package dev.understudy.router.patterns;

/**
 * A caller's calls per minute against his own history: an average of each hour of the day (UTC),
 * and one of all hours until the hour has been seen often enough. The bound for a minute is the
 * count that a Poisson variable of {@code factor} times the usual mean exceeds about once in a
 * billion minutes, by Anscombe's transformation (1948): 2(√(c+3/8) − √(m+3/8)) is normal. Minutes
 * above the bound are learned as the bound, so that a flood does not become usual by itself; who
 * grows slowly does. 320 bytes; for one thread at a time.
 */
final class Volume {
  private static final int HOURS = 24;
  private static final double SIGMAS = 6;

  /** Two hours of one hour of the day: an average over about two days. */
  private static final double HOUR_WEIGHT = 1 / 120.0;

  private static final double ALL_WEIGHT = 1 / 720.0;
  private static final int LEARNED_HOUR = 120;
  private static final int LEARNED_ALL = 60;
  private static final long MOST_GAP_MINUTES = 7 * 24 * 60;

  private final float[] usual = new float[HOURS];
  private final short[] seen = new short[HOURS];
  private final double factor;
  private float usualAll;
  private int seenAll;
  private long minute = Long.MIN_VALUE;
  private int count;
  private int bound = Integer.MAX_VALUE;

  Volume(double factor) {
    this.factor = factor;
  }

  /** Counts a call; whether this minute has more of them than its bound. */
  boolean count(long unixMs) {
    long now = Math.floorDiv(unixMs, 60_000);
    if (now != minute) {
      // A clock that was set back ends the minute and teaches nothing.
      if (minute != Long.MIN_VALUE && now > minute) {
        learn(now);
      }
      minute = now;
      count = 0;
      bound = bound(hour(now));
    }
    return ++count > bound;
  }

  private void learn(long now) {
    learn(hour(minute), Math.min(count, bound));
    long gap = Math.min(now - minute - 1, MOST_GAP_MINUTES);
    // Minutes without a call, an hour at a time.
    for (long at = now - gap; at < now; ) {
      int span = (int) Math.min(60 - Math.floorMod(at, 60), now - at);
      silent(hour(at), span);
      at += span;
    }
  }

  private void learn(int hour, int calls) {
    double weight = Math.max(HOUR_WEIGHT, 1.0 / (seen[hour] + 1));
    usual[hour] += (float) (weight * (calls - usual[hour]));
    seen[hour] = (short) Math.min(seen[hour] + 1, Short.MAX_VALUE);
    double weightAll = Math.max(ALL_WEIGHT, 1.0 / (seenAll + 1));
    usualAll += (float) (weightAll * (calls - usualAll));
    seenAll = Math.min(seenAll + 1, Short.MAX_VALUE);
  }

  private void silent(int hour, int minutes) {
    usual[hour] *= (float) faded(HOUR_WEIGHT, seen[hour], minutes);
    seen[hour] = (short) Math.min(seen[hour] + minutes, Short.MAX_VALUE);
    usualAll *= (float) faded(ALL_WEIGHT, seenAll, minutes);
    seenAll = Math.min(seenAll + minutes, Short.MAX_VALUE);
  }

  /** What is left of an average after so many zeros: a mean at first, then exponential. */
  private static double faded(double weight, int seen, int zeros) {
    int plain = (int) Math.clamp(1 / weight - seen, 0, zeros);
    double mean = plain == 0 ? 1 : seen / (double) (seen + plain);
    return mean * Math.pow(1 - weight, zeros - plain);
  }

  private int bound(int hour) {
    double mean;
    if (seen[hour] >= LEARNED_HOUR) {
      mean = usual[hour];
    } else if (seenAll >= LEARNED_ALL) {
      mean = usualAll;
    } else {
      return Integer.MAX_VALUE;
    }
    double root = Math.sqrt(factor * mean + 0.375) + SIGMAS / 2;
    return (int) Math.min(Integer.MAX_VALUE, Math.ceil(root * root - 0.375));
  }

  /** Calls in the minute that is under way. */
  int thisMinute() {
    return count;
  }

  /** What is usual in that minute; NaN while it is being learned. */
  double usual() {
    int hour = minute == Long.MIN_VALUE ? 0 : hour(minute);
    if (seen[hour] >= LEARNED_HOUR) {
      return usual[hour];
    }
    return seenAll >= LEARNED_ALL ? usualAll : Double.NaN;
  }

  private static int hour(long minute) {
    return (int) Math.floorMod(Math.floorDiv(minute, 60), (long) HOURS);
  }
}
