package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.tally.Scores;
import dev.understudy.proto.v1.DecisionValue;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class QualityFoldTest {
  /** How likely the outcome of a case becomes known when the answer was positive, and negative. */
  private record Known(double positive, double negative) {}

  /**
   * Seconds of a bank: applicants repay with some chance; each version estimates it and grants from
   * 0.5 on. Copies of all are compared; outcomes of some become known.
   *
   * @param canaryBp share of the challenger; 0: it gets copies only, and outcomes are paired
   */
  private static QualityFold bank(long seed, int seconds, int canaryBp, double base, Known known) {
    SplittableRandom random = new SplittableRandom(seed);
    EvaluationSpec spec = Logs.spec(Logs.quality()).build();
    QualityFold fold = new QualityFold(Logs.quality(), spec);
    for (int second = 0; second < seconds; second++) {
      PairTally.Builder pairs = PairTally.newBuilder().setRole(Role.SHADOW);
      LabelTally.Builder labels = LabelTally.newBuilder();
      for (int i = 0; i < 20; i++) {
        double chance = Math.clamp(base + 0.25 * random.nextGaussian(), 0.0, 1.0);
        double champion = Math.clamp(chance + 0.05 * random.nextGaussian(), 0.0, 1.0);
        double challenger = Math.clamp(chance + 0.05 * random.nextGaussian(), 0.0, 1.0);
        count(pairs, champion >= 0.5, challenger >= 0.5);
        boolean canary = random.nextInt(10_000) < canaryBp;
        double answered = canary ? challenger : champion;
        double outcome = random.nextDouble() < chance ? 1 : 0;
        if (random.nextDouble() < (answered >= 0.5 ? known.positive() : known.negative())) {
          LabelledScore.Builder label =
              LabelledScore.newBuilder()
                  .setRole(canary ? Role.CANARY : Role.CHAMPION)
                  .setCanaryWeightBp(canaryBp)
                  .setScoreMicros(Scores.micros(answered))
                  .setOutcomeMicros(Scores.micros(outcome));
          if (canaryBp == 0) {
            label.setShadowScoreMicros(Scores.micros(challenger));
          }
          labels.addScores(label);
        }
      }
      fold.pairs(pairs.build());
      fold.labels(labels.build());
      if (fold.refused()) {
        return fold;
      }
    }
    return fold;
  }

  private static void count(PairTally.Builder pairs, boolean champion, boolean challenger) {
    pairs.setPairs(pairs.getPairs() + 1);
    pairs.setComparedWithDecision(pairs.getComparedWithDecision() + 1);
    if (champion) {
      pairs.setChampionPositive(pairs.getChampionPositive() + 1);
    }
    if (champion && !challenger) {
      pairs.setChangedToNegative(pairs.getChangedToNegative() + 1);
    }
    if (!champion && challenger) {
      pairs.setChangedToPositive(pairs.getChangedToPositive() + 1);
    }
  }

  @Test
  void loansOfWhichOnlyTheGrantedCanDefaultAreRefusedAsEvidence() {
    for (int run = 0; run < 20; run++) {
      for (int canaryBp : new int[] {0, 3000}) {
        QualityFold fold = bank(run, 120, canaryBp, 0.6, new Known(0.3, 0));
        assertEquals(
            "outcomes are missing where the score is below the cut-off, and come where it is at or"
                + " above, so whether an outcome is known depends on the decision",
            fold.unmeasurable(),
            "run " + run + ", canary " + canaryBp);
        assertTrue(fold.logAgainst() <= 0 && fold.logFor() <= 0);
      }
    }
  }

  @Test
  void blockedPaymentsThatNobodyChecksAreRefusedAsEvidence() {
    QualityFold fold = bank(5, 400, 0, 0.1, new Known(0, 0.5));
    assertEquals(
        "outcomes are missing where the score is at or above the cut-off, and come where it is"
            + " below, so whether an outcome is known depends on the decision",
        fold.unmeasurable());
  }

  @Test
  void outcomesThatComeForBothDecisionsAreNotRefused() {
    int runs = 100;
    int refused = 0;
    for (int run = 0; run < runs; run++) {
      double base = run % 2 == 0 ? 0.6 : 0.2;
      // As often for both, or half as often again for one of them.
      Known known = run % 4 < 2 ? new Known(0.3, 0.3) : new Known(0.3, 0.2);
      refused += bank(1000 + run, 100, run % 3 == 0 ? 3000 : 0, base, known).refused() ? 1 : 0;
    }
    // The level is 0.001.
    assertTrue(refused <= 1, refused + " of " + runs);
  }

  @Test
  void withoutADecisionInTheContractOutcomesAreTaken() {
    QualityFold fold =
        new QualityFold(Logs.quality(), Logs.spec(Logs.quality()).clearContract().build());
    fold.pairs(
        PairTally.newBuilder()
            .setRole(Role.SHADOW)
            .setComparedWithDecision(1000)
            .setChampionPositive(500)
            .build());
    for (int i = 0; i < 500; i++) {
      fold.labels(LabelTally.newBuilder().addScores(Logs.pairedLoss(900, 900)).build());
    }
    assertNull(fold.unmeasurable());
  }

  private static MetricSpec metric(String name, Loss loss) {
    return Logs.quality().toBuilder()
        .setName(name)
        .setLoss(loss)
        .setMargin(0.05)
        .setLimit(0.05)
        .setValue(
            DecisionValue.newBuilder()
                .setTruePositive(10)
                .setFalsePositive(-40)
                .setFalseNegative(0)
                .setTrueNegative(0))
        .build();
  }

  private static LabelledScore scored(double champion, double challenger, double outcome) {
    return LabelledScore.newBuilder()
        .setRole(Role.CHAMPION)
        .setScoreMicros(Scores.micros(champion))
        .setShadowScoreMicros(Scores.micros(challenger))
        .setOutcomeMicros(Scores.micros(outcome))
        .build();
  }

  @Test
  void eachQualityMetricHasItsOwnLossOverTheSameOutcomes() {
    Logs logs =
        new Logs()
            .add(
                Logs.spec(
                    metric("brier", Loss.BRIER),
                    metric("wrong", Loss.ZERO_ONE),
                    metric("log", Loss.LOG),
                    metric("money", Loss.VALUE).toBuilder().setMargin(3).setLimit(5).build()));
    // Better calibrated, and as good a decision, but for one dear mistake in ten.
    for (int i = 0; i < 600; i++) {
      logs.labels(i % 10 == 0 ? scored(0.4, 0.6, 0) : scored(0.6, 0.9, 1));
    }
    EvidenceReport report = logs.report();
    MetricReport brier = report.getMetrics(0);
    MetricReport wrong = report.getMetrics(1);
    MetricReport log = report.getMetrics(2);
    MetricReport money = report.getMetrics(3);
    assertEquals("proved: mean loss at most 0.05 higher", brier.getStatement());
    assertEquals("proved: mean log loss at most 0.05 higher", log.getStatement());
    assertEquals(Result.AGAINST, wrong.getResult(), wrong::toString);
    assertTrue(
        wrong
            .getStatement()
            .startsWith("against: wrong decisions more than 5 points more frequent"),
        wrong.getStatement());
    assertEquals(0.1, wrong.getEstimate(), 1e-9);
    assertEquals(4, money.getEstimate(), 0.05);
    assertNotEquals(Result.PROVED, money.getResult());
    assertTrue(money.getFlipsIf().contains("decisions worth at most 3 less each"));
  }

  /**
   * Cases of equal losses each, on the grid of 1/1024 of the greatest loss; the fold of a plan
   * whose limit and margin are both {@code margin}.
   */
  private static QualityFold apart(Loss loss, double champion, double challenger, double margin) {
    MetricSpec metric =
        metric("apart", loss).toBuilder().setMargin(margin).setLimit(margin).build();
    QualityFold fold = new QualityFold(metric, Logs.spec(metric).build());
    LabelledScore label = scored(score(loss, champion / 1024), score(loss, challenger / 1024), 1);
    for (int i = 0; i < 20_000; i++) {
      fold.labels(LabelTally.newBuilder().addScores(label).build());
    }
    return fold;
  }

  /** The score that loses this, where the outcome is 1. */
  private static double score(Loss loss, double lost) {
    return loss == Loss.LOG ? Math.exp(-lost * Math.log(1024)) : 1 - Math.sqrt(lost);
  }

  @Test
  void noMarginThatIsViolatedIsProvedByRounding() {
    // Both losses lie within one step of a grid of 1/1024: a difference of 0.00676 in log loss.
    for (double margin : new double[] {0.005, 0.002}) {
      QualityFold log = apart(Loss.LOG, 101.5005, 102.4995, margin);
      assertTrue(log.logFor() <= 0, "proved " + margin + ": " + log.logFor());
      assertTrue(log.logAgainst() > 0);
      assertEquals(0.00676, log.estimate().value(), 1e-5);
    }
    // 0.00292 in Brier score, which as two rounded losses is 2/1024.
    QualityFold brier = apart(Loss.BRIER, 99.502, 102.492, 0.0025);
    assertTrue(brier.logFor() <= 0, "proved: " + brier.logFor());
    assertEquals(0.00292, brier.estimate().value(), 1e-5);
    // And the other way round: what keeps within the margin is proved, and not stopped.
    QualityFold within = apart(Loss.BRIER, 99.492, 101.502, 0.0025);
    assertTrue(within.logFor() > 0 && within.logAgainst() <= 0);
  }

  /** The share of runs, exactly on a margin of 0.0025, that reach a level of 5 %. */
  private static double onTheMargin(int runs, int canaryBp, boolean stopped) {
    MetricSpec metric =
        metric("brier", Loss.BRIER).toBuilder().setMargin(0.0025).setLimit(0.0025).build();
    SplittableRandom seeds = new SplittableRandom(20260108);
    int reached = 0;
    for (int run = 0; run < runs; run++) {
      SplittableRandom random = seeds.split();
      QualityFold fold = new QualityFold(metric, Logs.spec(metric).build());
      for (int i = 0; i < 3000; i++) {
        // Rounded to 1/1024 all of the challenger's losses would go down, the champion's up.
        int step = random.nextInt(200);
        double champion = score(Loss.BRIER, (step + 0.55) / 1024);
        double challenger = score(Loss.BRIER, (step + 0.55 + 2.56) / 1024);
        boolean canary = random.nextInt(10_000) < canaryBp;
        LabelledScore.Builder label = scored(champion, challenger, 1).toBuilder();
        if (canaryBp > 0) {
          label
              .setRole(canary ? Role.CANARY : Role.CHAMPION)
              .setCanaryWeightBp(canaryBp)
              .setScoreMicros(Scores.micros(canary ? challenger : champion))
              .clearShadowScoreMicros();
        }
        fold.labels(LabelTally.newBuilder().addScores(label).build());
        if ((stopped ? fold.logAgainst() : fold.logFor()) >= Math.log(20)) {
          reached++;
          break;
        }
      }
    }
    return (double) reached / runs;
  }

  @Test
  void exactlyOnTheMarginNoMoreAreStoppedOrProvedThanStatedWhereverTheLossesLie() {
    int runs = 40;
    double bound = 0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs);
    for (int canaryBp : new int[] {0, 5000}) {
      for (boolean stopped : new boolean[] {true, false}) {
        double share = onTheMargin(runs, canaryBp, stopped);
        assertTrue(share <= bound, (stopped ? "stopped " : "proved ") + share);
      }
    }
  }

  @Test
  void anOutcomeThatIsNotANumberIsNoneAndAScoreThatIsNotANumberLosesAll() {
    Logs logs = new Logs().add(Logs.spec(Logs.quality()));
    for (int i = 0; i < 100; i++) {
      logs.labels(scored(0.5, 0.5, Double.NaN));
    }
    assertEquals("no outcomes yet", Logs.only(logs.report()).getStatement());
    for (int i = 0; i < 100; i++) {
      logs.labels(scored(0.5, Double.NaN, 1));
    }
    MetricReport report = Logs.only(logs.report());
    assertEquals(0.75, report.getEstimate());
    assertEquals(Result.AGAINST, report.getResult());
  }

  @Test
  void aMarginBeyondTheGreatestLossIsRefusedInTheUnitOfTheLoss() {
    MetricSpec money = metric("money", Loss.VALUE);
    assertEquals(
        0, SpecCheck.problems(Logs.spec(money.toBuilder().setMargin(49).build()).build()).size());
    assertEquals(
        "50.0 (expected: > -50.0 and < 50.0)",
        SpecCheck.problems(Logs.spec(money.toBuilder().setMargin(50).build()).build())
            .get(0)
            .description());
    MetricSpec worthless = money.toBuilder().setValue(DecisionValue.getDefaultInstance()).build();
    assertEquals(
        "metrics[0].value", SpecCheck.problems(Logs.spec(worthless).build()).get(0).field());
  }
}
