package dev.understudy.evidence.divergence;

import dev.understudy.proto.v1.OutputKind;

/**
 * How one output is compared.
 *
 * @param kind what the output means; unspecified: inferred from each champion's answer
 * @param tolerance for REGRESSION and LOGITS
 * @param topK PROBABILITIES: of how many likeliest classes the agreement is measured, 1 to {@value
 *     #MOST_TOP_K}
 * @param depth RANKING: how many places count, 1 to {@value #MOST_DEPTH}
 */
public record OutputPlan(OutputKind kind, Tolerance tolerance, int topK, int depth) {
  /** Used when the contract names none. */
  public static final int USUAL_TOP_K = 5;

  /** Used when the contract names none. */
  public static final int USUAL_DEPTH = 100;

  /** The greatest k. */
  public static final int MOST_TOP_K = 100;

  /** The greatest depth. */
  public static final int MOST_DEPTH = 10_000;

  public OutputPlan {
    if (topK < 1 || topK > MOST_TOP_K) {
      throw new IllegalArgumentException("topK: " + topK + " (expected: 1 to " + MOST_TOP_K + ")");
    }
    if (depth < 1 || depth > MOST_DEPTH) {
      throw new IllegalArgumentException(
          "depth: " + depth + " (expected: 1 to " + MOST_DEPTH + ")");
    }
  }

  /** A plan with FP32's tolerance and the usual depths. */
  public static OutputPlan of(OutputKind kind) {
    return new OutputPlan(kind, Tolerance.FP32, USUAL_TOP_K, USUAL_DEPTH);
  }

  /** This plan with another tolerance. */
  public OutputPlan withTolerance(Tolerance other) {
    return new OutputPlan(kind, other, topK, depth);
  }

  /** This plan for another kind. */
  public OutputPlan withKind(OutputKind other) {
    return other == kind ? this : new OutputPlan(other, tolerance, topK, depth);
  }
}
