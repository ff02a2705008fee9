package dev.understudy.router.admission;

import dev.understudy.chassis.config.Section;
import org.jspecify.annotations.Nullable;

/**
 * A sustained rate and what may come at once after a rest. The units are requests or bytes.
 *
 * @param perSecond sustained units per second, more than 0
 * @param burst units that may come at once, 1 or more, and no more than the rate brings in {@value
 *     #MOST_SECONDS} seconds
 */
public record Quota(double perSecond, long burst) {
  /** Fifty years: times are kept in nanoseconds of 63 bits. */
  private static final double MOST_SECONDS = 1.5e9;

  private static final double NANOS = 1e9;

  /** Checks both. */
  public Quota {
    if (!(perSecond > 0) || Double.isInfinite(perSecond)) {
      throw new IllegalArgumentException("perSecond: " + perSecond + " (expected: > 0)");
    }
    if (burst < 1) {
      throw new IllegalArgumentException("burst: " + burst + " (expected: >= 1)");
    }
    if ((double) burst / perSecond > MOST_SECONDS) {
      throw new IllegalArgumentException(
          "burst: " + burst + " (expected: at most " + (long) (MOST_SECONDS * perSecond) + ")");
    }
  }

  /** Reads {@code requestsPerSecond} and {@code burst}; null without a rate. */
  static @Nullable Quota requests(Section section) {
    if (!section.has("requestsPerSecond")) {
      return null;
    }
    double rate = section.real("requestsPerSecond", 1, 1e-3, 1e9);
    long standard = (long) Math.clamp(Math.ceil(rate), 1, 1e6);
    return checked(section, "burst", rate, section.longInteger("burst", standard, 1, 100_000_000));
  }

  /** Reads {@code bytesPerSecond} and {@code burstBytes}; null without a rate. */
  static @Nullable Quota bytes(Section section) {
    if (!section.has("bytesPerSecond")) {
      return null;
    }
    long rate = Math.max(1, section.bytes("bytesPerSecond", 1));
    return checked(
        section, "burstBytes", (double) rate, Math.max(1, section.bytes("burstBytes", rate)));
  }

  private static @Nullable Quota checked(Section section, String key, double rate, long burst) {
    try {
      return new Quota(rate, burst);
    } catch (IllegalArgumentException e) {
      section.problem(key, String.valueOf(e.getMessage()));
      return null;
    }
  }

  /** Nanoseconds that a full bucket needs to fill. */
  long capacityNanos() {
    return Math.max(1, (long) Math.ceil((double) burst * (NANOS / perSecond)));
  }

  /** Nanoseconds that units need to come back; rounded down, so that a whole burst fits. */
  long costNanos(long units) {
    return Math.max(1, (long) ((double) units * (NANOS / perSecond)));
  }
}
