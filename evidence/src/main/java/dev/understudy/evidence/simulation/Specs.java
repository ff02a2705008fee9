package dev.understudy.evidence.simulation;

import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.RandomisationUnit;
import java.util.List;

/** What the simulated rollouts are judged by. Guardrails are off: only evidence speaks. */
final class Specs {
  static final String ROLLOUT = "simulated";
  static final String MODEL = "model";
  static final String CHAMPION = "1";
  static final String CHALLENGER = "2";
  static final long START_SECOND = 1_767_225_600L;
  static final double BETA = 0.05;

  private Specs() {}

  static EvaluationSpec.Builder spec(double alpha, MetricSpec... metrics) {
    return EvaluationSpec.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel(MODEL)
        .setAttempt(1)
        .setIntent(Intent.IMPROVED)
        .setUnit(RandomisationUnit.REQUEST)
        .setChampionVersion(CHAMPION)
        .setChallengerVersion(CHALLENGER)
        .setAlpha(alpha)
        .setBeta(BETA)
        .setAlphaSplit(0.05)
        .addAllMetrics(List.of(metrics))
        .setContract(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("probabilities")
                        .setKind(OutputKind.PROBABILITIES)
                        .setColumn(1)
                        .setCutoff(0.5)))
        .setLiveControl(true)
        .setStartedUnixMs(START_SECOND * 1000)
        .setSeed(7);
  }

  /**
   * Failures.
   *
   * @param ratio accepted by the side that stops
   * @param margin accepted by the side that proves
   */
  static MetricSpec failures(double ratio, double margin) {
    return metric("failures", MetricKind.FAILURES).setLimit(ratio).setMargin(margin).build();
  }

  static MetricSpec latency(double tolerance) {
    return metric("p95", MetricKind.LATENCY).setQuantile(0.95).setMargin(tolerance).build();
  }

  static MetricSpec divergence(double limit, double margin) {
    return metric("divergence", MetricKind.DIVERGENCE).setLimit(limit).setMargin(margin).build();
  }

  static MetricSpec changed(double limit, double band) {
    return metric("changed", MetricKind.CHANGED_DECISIONS).setLimit(limit).setMargin(band).build();
  }

  static MetricSpec quality(Loss loss, double limit, double margin) {
    return metric("quality", MetricKind.QUALITY)
        .setLoss(loss)
        .setLimit(limit)
        .setMargin(margin)
        .build();
  }

  private static MetricSpec.Builder metric(String name, MetricKind kind) {
    return MetricSpec.newBuilder().setName(name).setKind(kind).setCritical(true).setWeight(1);
  }
}
