package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.DecisionValue;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricSpec;
import org.junit.jupiter.api.Test;

class LossesTest {
  private static final EvaluationSpec SPEC =
      EvaluationSpec.newBuilder()
          .setContract(DataContract.newBuilder().setDecision(Decision.newBuilder().setCutoff(0.5)))
          .build();

  private static Losses losses(Loss loss) {
    return new Losses(MetricSpec.newBuilder().setLoss(loss).build(), SPEC);
  }

  @Test
  void brierLossesAreCutToOneAndNotRounded() {
    Losses brier = losses(Loss.BRIER);
    assertEquals(0, brier.of(1, 1));
    assertEquals(0.25, brier.of(0.5, 1));
    assertEquals(0.01, brier.of(0.1, 0), 1e-15);
    assertEquals(10_486, Losses.shown(brier.of(0.1, 0))); // 10,485.76
    assertEquals(1, brier.of(7, 0));
    assertEquals(1, brier.of(Double.NaN, 0));
  }

  @Test
  void zeroOneLossesFollowTheCutoff() {
    Losses zeroOne = losses(Loss.ZERO_ONE);
    assertEquals(0, zeroOne.of(0.5, 1));
    assertEquals(1, zeroOne.of(0.49, 1));
    assertEquals(1, zeroOne.of(0.5, 0));
  }

  @Test
  void logLossesAreCutAtOneIn1024() {
    Losses log = losses(Loss.LOG);
    assertEquals(Math.log(1024), log.scale(), 1e-12);
    assertEquals(1, log.of(0, 1));
    assertEquals(-Math.log(1 - 1.0 / 1024) / Math.log(1024), log.of(1, 1), 1e-15);
    assertEquals(0.1, log.of(0.5, 0), 1e-15); // ln 2 / ln 1024
    assertEquals(1, log.of(Double.NaN, 1));
  }

  @Test
  void valuesAreLostAgainstTheBestDecision() {
    Losses value =
        new Losses(
            MetricSpec.newBuilder()
                .setLoss(Loss.VALUE)
                .setValue(
                    DecisionValue.newBuilder()
                        .setTruePositive(10)
                        .setFalsePositive(-2)
                        .setTrueNegative(0)
                        .setFalseNegative(-30))
                .build(),
            SPEC);
    assertEquals(40, value.scale());
    assertEquals(0, value.of(0.9, 1));
    assertEquals(0.3, value.of(0.9, 0)); // 12 of 40
    assertEquals(0.25, value.of(0.1, 0)); // 10 of 40
    assertEquals(1, value.of(0.1, 1));
  }
}
