package dev.understudy.loadtest.statistics;

import java.util.OptionalDouble;

/**
 * Which rate to try next when looking for the knee: the highest rate that is sustained.
 *
 * <p>Rates grow by a factor until one fails. A rate fails when it fails twice: a burst of noise on
 * the machine must not end the search. Then the gap between the highest rate that was sustained and
 * the lowest that failed is halved (geometrically) until it is narrower than 5 %. Pure: it neither
 * measures nor knows what sustained means.
 */
public final class KneeSearch {
  private static final double NARROW = 1.05;

  private final double last;
  private final double factor;
  private double next;
  private double sustained;
  private double failed = Double.NaN;
  private boolean secondTry;
  private boolean over;

  /**
   * A search.
   *
   * @param first rate to try, above 0
   * @param last the highest rate to try
   * @param factor by which rates grow, above 1
   */
  public KneeSearch(double first, double last, double factor) {
    if (!(first > 0) || !(last >= first) || Double.isInfinite(last)) {
      throw new IllegalArgumentException(
          "sweep: from " + first + " to " + last + " (expected: 0 < from <= to)");
    }
    if (!(factor > 1.01) || factor > 10) {
      throw new IllegalArgumentException("growth: " + factor + " (expected: above 1.01, to 10)");
    }
    this.last = last;
    this.factor = factor;
    this.next = first;
  }

  /** The rate to try; empty when the search is over. */
  public OptionalDouble next() {
    return over ? OptionalDouble.empty() : OptionalDouble.of(next);
  }

  /** Tells how {@link #next} went. */
  public void tried(boolean wasSustained) {
    if (over) {
      throw new IllegalStateException("the search is over");
    }
    if (!wasSustained && !secondTry) {
      secondTry = true;
      return;
    }
    secondTry = false;
    if (wasSustained) {
      sustained = next;
    } else {
      failed = next;
    }
    if (Double.isNaN(failed)) {
      over = next >= last;
      next = Math.min(next * factor, last);
    } else {
      over = sustained == 0 || failed / sustained < NARROW;
      next = Math.sqrt(sustained * failed);
    }
  }

  /** The knee so far: the highest rate that was sustained; empty if none was. */
  public OptionalDouble knee() {
    return sustained == 0 ? OptionalDouble.empty() : OptionalDouble.of(sustained);
  }

  /** The lowest rate that failed; empty if none has. */
  public OptionalDouble failed() {
    return Double.isNaN(failed) ? OptionalDouble.empty() : OptionalDouble.of(failed);
  }
}
