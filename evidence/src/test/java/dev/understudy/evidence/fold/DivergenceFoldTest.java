package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;

class DivergenceFoldTest {
  /** Limit and margin are rises of 0.03 and 0.02 above the floor. */
  private static EvaluationSpec.Builder equivalent() {
    return Logs.spec(Logs.divergence()).setIntent(Intent.EQUIVALENT).setMirroredControl(true);
  }

  private static PairTally triple(int challenger, int control, long count) {
    return PairTally.newBuilder()
        .setRole(Role.SHADOW)
        .setPairs(count)
        .addDivergence(challenger)
        .addDivergenceCount(count)
        .addCancelled(challenger - control)
        .addCancelledCount(count)
        .build();
  }

  private static MetricReport metric(EvidenceFold fold) {
    return Logs.only(fold.report());
  }

  private static EvidenceFold fold(EvaluationSpec.Builder spec) {
    return Logs.fold(new Logs().add(spec).records());
  }

  private static void pairs(EvidenceFold fold, PairTally tally) {
    fold.accept(
        EvidenceLogRecord.newBuilder()
            .setSequence(fold.sequence() + 1)
            .setUnixMs(1_767_225_600_000L + fold.sequence() * 1000)
            .setRolloutId(Logs.ROLLOUT)
            .setPairs(tally)
            .build());
  }

  @Test
  void aChampionThatDiffersFromItselfIsNotHeldAgainstTheChallenger() {
    EvidenceFold fold = fold(equivalent());
    // Both copies differ from the answer by 0.2, far beyond the limit, on every request.
    for (int i = 0; i < 400; i++) {
      pairs(fold, triple(205 + i % 3, 205 + (i + 1) % 3, 10));
    }
    MetricReport report = metric(fold);
    assertEquals(Result.PROVED, report.getResult());
    assertEquals(
        "proved: answers differ from the champion's by at most 0.02 more than the champion's differ"
            + " from themselves, on average (scale 0 to 1)",
        report.getStatement());
    assertEquals(0, report.getEstimate(), 1e-3);
    assertEquals(4000, report.getObservations());
  }

  @Test
  void aChallengerThatDiffersMoreThanTheChampionFromItselfIsStopped() {
    EvidenceFold fold = fold(equivalent());
    for (int i = 0; i < 200; i++) {
      pairs(fold, triple(300, 205 + i % 3, 10));
    }
    MetricReport report = metric(fold);
    assertEquals(Result.AGAINST, report.getResult());
    assertTrue(
        report
            .getStatement()
            .startsWith(
                "against: answers differ from the champion's by more than 0.03 above what the"
                    + " champion's differ from themselves, on average; evidence against: "),
        report.getStatement());
    assertEquals(0.092, report.getEstimate(), 0.001);
  }

  @Test
  void withoutCopiesOfBothTheMetricWaitsWhateverTheChallengerAnswers() {
    EvidenceFold fold = fold(equivalent());
    for (int i = 0; i < 200; i++) {
      pairs(fold, triple(0, 0, 10).toBuilder().clearCancelled().clearCancelledCount().build());
    }
    MetricReport report = metric(fold);
    assertEquals(Result.UNDECIDED, report.getResult());
    assertEquals(0, report.getObservations());
    assertEquals(
        "no request yet of which both copies, the challenger's and the champion's own, were"
            + " compared",
        report.getStatement());
    assertEquals(report.getStatement(), report.getReason());
  }

  @Test
  void whatSpeaksIsChosenByTheSpecAlone() {
    for (EvaluationSpec.Builder spec :
        List.of(
            Logs.spec(Logs.divergence()).setIntent(Intent.EQUIVALENT),
            Logs.spec(Logs.divergence()).setMirroredControl(true))) {
      EvidenceFold fold = fold(spec);
      for (int i = 0; i < 200; i++) {
        pairs(fold, triple(205, 205, 10)); // Beyond the limit, and all of it noise.
      }
      assertEquals(Result.AGAINST, metric(fold).getResult());
      assertEquals(0.2, metric(fold).getEstimate(), 0.01);
    }
  }

  /** The share of runs in which a level is ever reached. */
  private static double share(
      int runs, boolean stopped, ToIntFunction<SplittableRandom> challenger) {
    SplittableRandom seeds = new SplittableRandom(20260102);
    int reached = 0;
    for (int run = 0; run < runs; run++) {
      SplittableRandom random = seeds.split();
      DivergenceFold fold = new DivergenceFold(Logs.divergence(), equivalent().build());
      for (int i = 0; i < 1500; i++) {
        int control = random.nextDouble() < 0.1 ? 512 : 0;
        fold.pairs(triple(challenger.applyAsInt(random), control, 1));
        if ((stopped ? fold.logAgainst() : fold.logFor()) >= Math.log(20)) {
          reached++;
          break;
        }
      }
    }
    return (double) reached / runs;
  }

  private static double bound(int runs) {
    return 0.05 + 3 * Math.sqrt(0.05 * 0.95 / runs);
  }

  @Test
  void exactlyOnTheLimitAboveTheNoiseItIsStoppedNoMoreOftenThanStated() {
    // Both differ by 0.05 on average; the challenger by 0.03 more.
    double share = share(300, true, random -> random.nextDouble() < 0.16 ? 512 : 0);
    assertTrue(share <= bound(300), "stopped " + share);
  }

  @Test
  void exactlyOnTheMarginAboveTheNoiseItIsProvedNoMoreOftenThanStated() {
    double share = share(300, false, random -> random.nextDouble() < 0.14 ? 512 : 0);
    assertTrue(share <= bound(300), "proved " + share);
  }

  /** Calls of so many rows each, which change all together or not at all. */
  private static PairTally calls(SplittableRandom random, double share, int... rows) {
    PairTally.Builder tally = PairTally.newBuilder().setRole(Role.SHADOW).setPairs(rows.length);
    long decided = 0;
    long changed = 0;
    long callsChanged = 0;
    for (int size : rows) {
      decided += size;
      if (random.nextDouble() < share) {
        changed += size;
        callsChanged++;
      }
    }
    return tally
        .setComparedWithDecision(decided)
        .setChangedToPositive(changed)
        .addChangedShare(0)
        .addChangedShareCount(rows.length - callsChanged)
        .addChangedShare(1024)
        .addChangedShareCount(callsChanged)
        .build();
  }

  /** The share of runs, exactly on the limit and the band's end of 5 %, that reach a level. */
  private static double onTheLimit(int runs, boolean stopped, double level, int... rows) {
    MetricSpec changed = Logs.changed().toBuilder().setMargin(0.05).setLimit(0.05).build();
    SplittableRandom seeds = new SplittableRandom(20260107);
    int reached = 0;
    for (int run = 0; run < runs; run++) {
      SplittableRandom random = seeds.split();
      DivergenceFold fold = new DivergenceFold(changed, Logs.spec(changed).build());
      for (int second = 0; second < 300; second++) {
        fold.pairs(calls(random, 0.05, rows));
        if ((stopped ? fold.logAgainst() : fold.logFor()) >= -Math.log(level)) {
          reached++;
          break;
        }
      }
    }
    return (double) reached / runs;
  }

  private static void keepsBothPromises(int... rows) {
    int runs = 200;
    double stopped = onTheLimit(runs, true, 0.01, rows);
    assertTrue(stopped <= 0.01 + 3 * Math.sqrt(0.01 * 0.99 / runs), "stopped " + stopped);
    double proved = onTheLimit(runs, false, 0.05, rows);
    assertTrue(proved <= bound(runs), "proved " + proved);
  }

  @Test
  void rowsOfOneCallThatChangeTogetherCountAsOne() {
    keepsBothPromises(16);
  }

  @Test
  void callsOfUnequallyManyRowsKeepBothPromises() {
    int[] rows = new int[100];
    Arrays.fill(rows, 1);
    rows[99] = 100;
    keepsBothPromises(rows);
  }

  @Test
  void aShareThatTheGridCannotTellFromTheLimitIsNeitherStoppedNorProved() {
    // 51 / 1024 is what any share from 0.04932 to 0.05029 is rounded to.
    MetricSpec changed = Logs.changed().toBuilder().setMargin(0.05).setLimit(0.0495).build();
    DivergenceFold fold = new DivergenceFold(changed, Logs.spec(changed).build());
    fold.pairs(
        PairTally.newBuilder()
            .setRole(Role.SHADOW)
            .setPairs(100_000_000)
            .addChangedShare(51)
            .addChangedShareCount(100_000_000)
            .build());
    assertTrue(fold.logAgainst() <= 0 && fold.logFor() <= 0);
    assertEquals(51 / 1024.0, fold.estimate().value());
    assertEquals(100_000_000, fold.observations());
  }

  @Test
  void everyMeasureIsShownAboveTheChampionsOwn() {
    MeasureTally ours =
        MeasureTally.newBuilder()
            .setOutput("p")
            .setMeasure(Measure.TOTAL_VARIATION)
            .setPairs(4)
            .setUnitsSum(1024)
            .setUnitsMax(512)
            .setMaxAbs(0.5)
            .setMaxRel(2)
            .setMaxUlp(-1)
            .build();
    MeasureTally theirs = ours.toBuilder().setUnitsSum(128).setUnitsMax(64).build();
    MeasureTally unmatched = ours.toBuilder().setOutput("q").build();
    EvidenceFold fold = fold(Logs.spec(Logs.divergence()));
    for (int i = 0; i < 2; i++) {
      pairs(
          fold,
          PairTally.newBuilder()
              .setRole(Role.SHADOW)
              .setBatchSizeDiffers(3)
              .addMeasures(unmatched)
              .addMeasures(ours)
              .build());
      pairs(
          fold, PairTally.newBuilder().setRole(Role.MIRRORED_CONTROL).addMeasures(theirs).build());
    }
    fold.accept(
        EvidenceLogRecord.newBuilder()
            .setSequence(fold.sequence() + 1)
            .setRolloutId(Logs.ROLLOUT)
            .setTolerance(ToleranceLearned.newBuilder().setOutput("p").setAtol(0.1).setPairs(200))
            .build());
    EvidenceReport report = fold.report();
    assertEquals(6, report.getBatchSizeDiffers());
    assertEquals(0.1, report.getTolerances(0).getAtol());
    MeasureReport p = report.getMeasures(0);
    assertEquals("p", p.getOutput());
    assertEquals(8, p.getPairs());
    assertEquals(0.25, p.getMean());
    assertEquals(0.5, p.getMax());
    assertEquals(1.0 / 32, p.getNoiseMean());
    assertEquals(1.0 / 16, p.getNoiseMax());
    assertEquals(-1, p.getMaxUlp());
    MeasureReport q = report.getMeasures(1);
    assertTrue(Double.isNaN(q.getNoiseMean()) && Double.isNaN(q.getNoiseMax()));
  }

  @Test
  void ofVeryManyOutputsTheFirstAreKept() {
    EvidenceFold fold = fold(Logs.spec(Logs.divergence()));
    for (int i = 0; i < 1000; i++) {
      pairs(
          fold,
          PairTally.newBuilder()
              .setRole(Role.SHADOW)
              .addMeasures(
                  MeasureTally.newBuilder()
                      .setOutput("o" + i)
                      .setMeasure(Measure.COSINE)
                      .setPairs(1))
              .build());
    }
    assertEquals(MeasureTotals.MOST, fold.report().getMeasuresCount());
  }
}
