package dev.understudy.evidence.rule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.rule.KayentaRule.Call;
import dev.understudy.evidence.rule.KayentaRule.Decision;
import dev.understudy.evidence.rule.KayentaRule.Metric;
import dev.understudy.evidence.rule.KayentaRule.Side;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class KayentaRuleTest {
  private static final KayentaRule FIVE = new KayentaRule(1, 5, 1, 75, 50);

  @Test
  void fiveAgainstFiveAsWorkedOutByHand() {
    // The 25 differences are 10 + i - j: 6 once, 7 twice, …, 10 five times, …, 14 once. The
    // deviation of U is sqrt(25 * 11 / 12) = 4.787, so 12.5 - 2.326 * 4.787 = 1.36: the ends are
    // the first and the last.
    Metric metric =
        FIVE.compare("m", new double[] {13, 11, 15, 12, 14}, new double[] {1, 2, 3, 4, 5});
    assertEquals(new Metric("m", Call.HIGH, 10, 6, 14, 13.0 / 3), metric);
    Metric mirrored =
        FIVE.compare("m", new double[] {1, 2, 3, 4, 5}, new double[] {11, 12, 13, 14, 15});
    assertEquals(new Metric("m", Call.LOW, -10, -14, -6, 3.0 / 13), mirrored);
  }

  @Test
  void tiesNarrowTheDeviation() {
    // Pooled 1 x5, 2 x5, 3 x2 in twelve: sum of t^3 - t = 120 + 120 + 6 = 246; the deviation is
    // sqrt(36 / 12 * (13 - 246 / 132)) = 5.781, so 18 - 13.449 = 4.55: the fourth from each end.
    // Differences: canary {1,2,2,2,2,3} less baseline {1,1,1,1,2,3}.
    Metric metric =
        FIVE.compare("m", new double[] {1, 2, 2, 2, 2, 3}, new double[] {1, 1, 1, 1, 2, 3});
    assertEquals(-1, metric.low());
    assertEquals(2, metric.high());
    assertEquals(1, metric.shift());
    assertEquals(12.0 / 9, metric.effect(), 1e-15);
    assertEquals(Call.PASS, metric.call());
  }

  @Test
  void withTooFewPointsTheIntervalHasNoEnds() {
    Metric metric = FIVE.compare("m", new double[] {9, 9, 9, 9}, new double[] {1, 1, 1, 2});
    assertEquals(Double.NEGATIVE_INFINITY, metric.low());
    assertEquals(Double.POSITIVE_INFINITY, metric.high());
    assertEquals(Call.PASS, metric.call());
  }

  @Test
  void equalArmsPassAndEmptyOnesHaveNoData() {
    double[] same = {2, 2, 2, 2, 2, 2};
    assertEquals(Call.PASS, FIVE.compare("m", same, same).call());
    assertEquals(Call.NODATA, FIVE.compare("m", new double[0], same).call());
    double[] none = new double[8];
    assertEquals(Call.PASS, FIVE.compare("m", none, none).call());
  }

  @Test
  void aShiftThatMattersLittleIsStillHighUnlessAnEffectIsAskedFor() {
    double[] baseline = new double[60];
    double[] canary = new double[60];
    for (int i = 0; i < 60; i++) {
      baseline[i] = 100 + i % 7 * 0.01;
      canary[i] = baseline[i] + 0.5;
    }
    assertEquals(Call.HIGH, FIVE.compare("m", canary, baseline).call());
    KayentaRule tenPercent = new KayentaRule(1, 5, 1.1, 75, 50);
    assertEquals(Call.PASS, tenPercent.compare("m", canary, baseline).call());
  }

  @Test
  void itLooksOnlyWhenItHasEnoughPointsAndStopsWhenBothMetricsAreHigh() {
    KayentaRule.Judge judge = new KayentaRule(2, 5, 1, 75, 50).judge();
    for (int second = 0; second < 10; second++) {
      judge.second(100 + second, side(50, 10, 20_000_000), side(500, 5, 2_000_000));
      assertEquals(0, judge.decision().looks());
    }
    judge.second(110, side(50, 10, 20_000_000), side(500, 5, 2_000_000));
    Decision decision = judge.decision();
    assertEquals(1, decision.looks());
    assertEquals(109, decision.second());
    assertTrue(decision.stopped());
    assertEquals(0, decision.score());
    assertEquals(
        List.of(Call.HIGH, Call.HIGH), decision.metrics().stream().map(Metric::call).toList());
    assertEquals(.19, decision.metrics().getFirst().shift(), 1e-12);
    judge.second(200, side(50, 0, 1_000_000), side(500, 5, 2_000_000));
    assertEquals(decision, judge.decision());
  }

  @Test
  void oneHighMetricOfTwoIsMarginalAndDoesNotPass() {
    KayentaRule.Judge judge = FIVE.judge();
    for (int second = 0; second <= 8; second++) {
      judge.second(second, side(50, 10, 2_000_000), side(500, 5, 2_000_000));
    }
    assertEquals(50, judge.decision().score());
    assertFalse(judge.decision().stopped());
    assertFalse(judge.decision().passed());
  }

  @Test
  void secondsWithoutRequestsGiveNoPointAndAJumpOfTheClockIsOneStep() {
    KayentaRule.Judge judge = FIVE.judge();
    for (int second = 0; second < 5; second++) {
      judge.second(second, side(0, 0, 0), side(500, 5, 2_000_000));
    }
    judge.second(Long.MAX_VALUE / 2, side(50, 0, 2_000_000), side(500, 5, 2_000_000));
    assertEquals(0, judge.decision().looks());
    assertEquals(-1, judge.decision().second());
    assertTrue(Double.isNaN(judge.decision().score()));
  }

  @Test
  void aHarmlessMetricIsCalledHighInAboutOneLookOfAHundred() {
    SplittableRandom random = new SplittableRandom(5);
    int high = 0;
    int low = 0;
    int runs = 1000;
    for (int run = 0; run < runs; run++) {
      Call call = FIVE.compare("m", points(random), points(random)).call();
      high += call == Call.HIGH ? 1 : 0;
      low += call == Call.LOW ? 1 : 0;
    }
    // One side of a 98 % interval; the band makes it a little rarer.
    assertTrue(high >= 1 && high <= 22, "high " + high + " of " + runs);
    assertTrue(low >= 1 && low <= 22, "low " + low + " of " + runs);
  }

  @Test
  void badSettingsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new KayentaRule(0, 1, 1, 75, 50));
    assertThrows(IllegalArgumentException.class, () -> new KayentaRule(1, 0, 1, 75, 50));
    assertThrows(IllegalArgumentException.class, () -> new KayentaRule(1, 1, .5, 75, 50));
    assertThrows(IllegalArgumentException.class, () -> new KayentaRule(1, 1, 1, 101, 50));
    assertThrows(IllegalArgumentException.class, () -> new KayentaRule(1, 1, 1, 75, 76));
    assertThrows(IllegalArgumentException.class, () -> side(1, 2, 0));
  }

  private static double[] points(SplittableRandom random) {
    double[] points = new double[50];
    for (int i = 0; i < points.length; i++) {
      points[i] = 100 + 10 * random.nextGaussian();
    }
    return points;
  }

  private static Side side(long requests, long bad, long nanos) {
    SparseHistogram latency = new SparseHistogram();
    for (int i = 0; i < requests; i++) {
      latency.record(nanos);
    }
    return new Side(requests, bad, latency);
  }
}
