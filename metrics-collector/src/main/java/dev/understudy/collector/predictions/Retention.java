package dev.understudy.collector.predictions;

import java.time.Duration;

/**
 * How much is kept.
 *
 * @param maxBytes of all segment files together; the oldest go first
 * @param maxAge of the newest record in a segment
 * @param segmentBytes at which a new segment is begun, which is also the grain of dropping
 * @param maxOutcomes outcomes that are kept, the oldest predictions' going first
 * @param maxWaiting outcomes that wait for their prediction
 */
public record Retention(
    long maxBytes, Duration maxAge, long segmentBytes, long maxOutcomes, long maxWaiting) {
  /** 2 GiB or seven days; five million outcomes, of which 200,000 may wait. */
  public static final Retention DEFAULT =
      new Retention(2L << 30, Duration.ofDays(7), 64L << 20, 5_000_000, 200_000);

  /** Checks the bounds. */
  public Retention {
    if (segmentBytes < 1 || maxBytes < 2 * segmentBytes) {
      throw new IllegalArgumentException(
          "retention: bytes "
              + maxBytes
              + ", segment "
              + segmentBytes
              + " (expected: at least two segments)");
    }
    if (maxAge.isNegative() || maxAge.isZero() || maxOutcomes < 1 || maxWaiting < 1) {
      throw new IllegalArgumentException("retention: " + maxAge + " (expected: more than zero)");
    }
  }
}
