package dev.understudy.modelserver.batching;

import java.util.List;

/**
 * How requests of one model version may be joined.
 *
 * @param dynamic whether requests of different callers are joined at all
 * @param maxBatchSize rows in a batch at most; 1 or more (1 for models without a batch dimension)
 * @param maxDelayNanos how long the oldest request waits for company, from its arrival; 0: not at
 *     all
 * @param preferredSizes batch sizes in rows that go at once when reached; ascending; may be empty
 */
public record BatchRules(
    boolean dynamic, int maxBatchSize, long maxDelayNanos, List<Integer> preferredSizes) {
  /** Checks the ranges. */
  public BatchRules {
    if (maxBatchSize < 1) {
      throw new IllegalArgumentException("maxBatchSize: " + maxBatchSize + " (expected: >= 1)");
    }
    if (maxDelayNanos < 0) {
      throw new IllegalArgumentException("maxDelayNanos: " + maxDelayNanos + " (expected: >= 0)");
    }
    preferredSizes = preferredSizes.stream().sorted().toList();
    if (!preferredSizes.isEmpty()
        && (preferredSizes.getFirst() < 1 || preferredSizes.getLast() > maxBatchSize)) {
      throw new IllegalArgumentException(
          "preferredSizes: " + preferredSizes + " (expected: 1.." + maxBatchSize + ")");
    }
  }

  /** Every request runs alone. */
  public static BatchRules alone(int maxBatchSize) {
    return new BatchRules(false, maxBatchSize, 0, List.of());
  }
}
