package dev.understudy.router.admission;

/**
 * What a principal may ask for.
 *
 * @param perSecond sustained requests per second, more than 0
 * @param burst requests that may come at once after a rest, 1 or more
 */
public record Quota(double perSecond, int burst) {
  /** Checks both. */
  public Quota {
    if (!(perSecond > 0) || Double.isInfinite(perSecond)) {
      throw new IllegalArgumentException("perSecond: " + perSecond + " (expected: > 0)");
    }
    if (burst < 1) {
      throw new IllegalArgumentException("burst: " + burst + " (expected: >= 1)");
    }
  }

  long intervalNanos() {
    return Math.max(1, Math.round(1e9 / perSecond));
  }
}
