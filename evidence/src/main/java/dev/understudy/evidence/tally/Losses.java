package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelledLoss;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.Role;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Turns a known outcome into losses on the grid of 1/1024.
 *
 * <p>A Brier loss {@code (score - outcome)^2} is cut to [0, 1] and rounded to the nearest grid
 * point, ties upward, which is off by at most 1/2048; both sides of a pair are rounded alike. A 0-1
 * loss is 0 or 1024: whether {@code score >= cutoff} (0.5 without one) differs from {@code outcome
 * >= 0.5}. A score that is not a number loses all.
 */
public final class Losses {
  private static final int UNITS = 1024;
  private static final double HALF = 0.5;

  private final Loss loss;
  private final double cutoff;

  /** The loss of the spec's first quality metric, Brier when it has none. */
  public Losses(EvaluationSpec spec) {
    this.loss =
        spec.getMetricsList().stream()
            .filter(metric -> metric.getKind() == MetricKind.QUALITY)
            .map(metric -> metric.getLoss())
            .findFirst()
            .orElse(Loss.BRIER);
    Decision decision = spec.getContract().getDecision();
    this.cutoff = decision.hasCutoff() ? decision.getCutoff() : HALF;
  }

  /** The losses of the arm that answered and, where it was shadowed, of the challenger. */
  public LabelledLoss of(LabelledPrediction label) {
    LabelledLoss.Builder losses =
        LabelledLoss.newBuilder()
            .setRole(label.getRole())
            .setCanaryWeightBp(label.getCanaryWeightBp())
            .setLoss(units(label.getScore(), label.getOutcome()))
            .setPositive(label.getOutcome() >= HALF)
            .setPrediction(fingerprint(label.getPredictionId()));
    label.getCopiesList().stream()
        .filter(copy -> copy.getRole() == Role.SHADOW)
        .findFirst()
        .ifPresent(copy -> losses.setShadowLoss(units(copy.getScore(), label.getOutcome())));
    return losses.build();
  }

  /** First eight bytes of the SHA-256 of a prediction id, the first byte most significant. */
  public static long fingerprint(String predictionId) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256")
              .digest(predictionId.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  int units(double score, double outcome) {
    if (Double.isNaN(score) || Double.isNaN(outcome)) {
      return UNITS;
    }
    if (loss == Loss.ZERO_ONE) {
      return (score >= cutoff) == (outcome >= HALF) ? 0 : UNITS;
    }
    double square = StrictMath.clamp((score - outcome) * (score - outcome), 0.0, 1.0);
    return (int) StrictMath.floor(square * UNITS + HALF);
  }
}
