package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

final class CombinationTest {
  @Test
  void theMeanIsThatOfTheEValues() {
    double logE =
        Combination.logWeightedMean(
            List.of(
                new Combination.Part(.5, Math.log(40)),
                new Combination.Part(.3, Math.log(2)),
                new Combination.Part(.2, Double.NEGATIVE_INFINITY)));
    assertEquals(20.6, Math.exp(logE), 1e-12);
  }

  @Test
  void hugeEvidenceDoesNotOverflow() {
    assertEquals(
        1e6 + Math.log(.5),
        Combination.logWeightedMean(
            List.of(new Combination.Part(.5, 1e6), new Combination.Part(.5, -1e6))),
        1e-9);
    assertEquals(
        Double.NEGATIVE_INFINITY,
        Combination.logWeightedMean(List.of(new Combination.Part(1, Double.NEGATIVE_INFINITY))));
  }

  @Test
  void weightsMustSumToOne() {
    assertThrows(IllegalArgumentException.class, () -> Combination.logWeightedMean(List.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> Combination.logWeightedMean(List.of(new Combination.Part(.9, 0))));
    assertThrows(IllegalArgumentException.class, () -> new Combination.Part(1, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Combination.Part(Double.NaN, 0));
  }

  @Test
  void correlatedMetricsTogetherKeepTheLevel() {
    Simulation.of(
            "5 correlated metrics A/A, weighted mean",
            500,
            random -> {
              LabelProcess[] metrics = new LabelProcess[5];
              for (int m = 0; m < 5; m++) {
                metrics[m] = new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0));
              }
              for (int i = 0; i < 200; i++) {
                boolean shared = random.nextDouble() < .1;
                for (LabelProcess metric : metrics) {
                  metric.bad(.1, random.nextInt(2) == 0 ? shared : random.nextDouble() < .1);
                }
                List<Combination.Part> parts =
                    java.util.Arrays.stream(metrics)
                        .map(m -> new Combination.Part(.2, m.logE()))
                        .toList();
                if (Combination.logWeightedMean(parts) >= Math.log(20)) {
                  return i;
                }
              }
              return Simulation.NEVER;
            })
        .assertLevel(.05);
  }

  @Test
  void evidenceAgainstWinsAndSilencePromotesNobody() {
    assertEquals(Verdict.AGAINST, Verdict.of(Math.log(101), 99, .01, .05));
    assertEquals(Verdict.PROVED, Verdict.of(Math.log(99), Math.log(20.1), .01, .05));
    assertEquals(Verdict.UNDECIDED, Verdict.of(0, Math.log(19.9), .01, .05));
    assertEquals(Verdict.UNDECIDED, Verdict.of(Double.NaN, Double.NaN, .01, .05));
    assertEquals(Verdict.CANNOT_MEASURE, Verdict.ofAll(List.of()));
    assertEquals(Verdict.PROVED, Verdict.ofAll(List.of(Verdict.PROVED, Verdict.PROVED)));
    assertEquals(Verdict.UNDECIDED, Verdict.ofAll(List.of(Verdict.PROVED, Verdict.UNDECIDED)));
    assertEquals(
        Verdict.CANNOT_MEASURE,
        Verdict.ofAll(List.of(Verdict.UNDECIDED, Verdict.CANNOT_MEASURE, Verdict.PROVED)));
    assertEquals(
        Verdict.AGAINST,
        Verdict.ofAll(List.of(Verdict.CANNOT_MEASURE, Verdict.AGAINST, Verdict.PROVED)));
  }
}
