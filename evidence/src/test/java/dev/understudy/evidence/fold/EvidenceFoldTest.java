package dev.understudy.evidence.fold;

import static dev.understudy.evidence.fold.Logs.cell;
import static dev.understudy.evidence.fold.Logs.only;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.Stop;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class EvidenceFoldTest {
  /** Of the report of {@link #everything}: changes only together with what a report says. */
  private static final String GOLDEN =
      "8eaa47c59557917e8c35a2ec9509757ebed282f00dd1ab34ae8a04bad8e4d29a";

  /** A rollout with everything in it. */
  private static Logs everything() {
    SplittableRandom random = new SplittableRandom(42);
    Logs logs =
        new Logs()
            .add(
                Logs.spec(
                    Logs.failures(),
                    Logs.latency(),
                    Logs.divergence(),
                    Logs.changed(),
                    Logs.quality()));
    for (int i = 0; i < 10; i++) {
      logs.shadow(100, i % 3, i % 4).pairs(Role.SHADOW, 5 + i, 90, i % 5);
      logs.pairs(Role.MIRRORED_CONTROL, 1, 30, 0);
    }
    for (int i = 0; i < 40; i++) {
      logs.traffic(random, i < 20 ? 500 : 2500, i < 20 ? 500 : 2500, 400, 0.02, 0.02, 1.1);
      logs.labels(Logs.pairedLoss(random.nextInt(300), random.nextInt(280)));
    }
    logs.add(
        EvidenceLogRecord.newBuilder()
            .setGap(Gap.newBuilder().setRouter("r").setFirstMissing(5).setLastMissing(7)));
    return logs.add(EvidenceLogRecord.newBuilder().setStop(Stop.getDefaultInstance()));
  }

  @Test
  void aCriticalMetricThatIsAgainstWithoutASayKeepsTheRolloutFromBeingProved() {
    Logs logs =
        new Logs().add(Logs.spec(Logs.failures(), Logs.quality().toBuilder().setWeight(0).build()));
    for (int i = 0; i < 60; i++) {
      logs.shadow(100, 0, 0);
      for (int j = 0; j < 20; j++) {
        logs.labels(Logs.pairedLoss(30, 900));
      }
    }
    EvidenceReport report = logs.report();
    assertEquals(Result.PROVED, report.getMetrics(0).getResult());
    assertEquals(Result.AGAINST, report.getMetrics(1).getResult());
    assertEquals(Result.UNDECIDED, report.getOverall());
  }

  @Test
  void theSameLogGivesTheSameBitsOnEveryMachine() throws Exception {
    EvidenceReport report = everything().report();
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(report.toByteArray());
    assertEquals(GOLDEN, HexFormat.of().formatHex(digest), report::toString);
  }

  @Test
  void aFoldThatWasInterruptedAfterAnyRecordEndsAtTheSameReport() {
    List<EvidenceLogRecord> records = everything().records();
    EvidenceFold running = new EvidenceFold();
    for (int n = 1; n <= records.size(); n++) {
      running.accept(records.get(n - 1));
      if (n % 7 == 0 || n == records.size()) {
        assertEquals(Logs.fold(records.subList(0, n)).report(), running.report(), "after " + n);
      }
    }
  }

  @Test
  void aReportDoesNotDisturbTheFold() {
    List<EvidenceLogRecord> records = everything().records();
    EvidenceFold asked = new EvidenceFold();
    for (EvidenceLogRecord record : records) {
      asked.accept(record);
      asked.report();
    }
    assertEquals(Logs.fold(records).report(), asked.report());
  }

  @Test
  void countsWhatThereWas() {
    EvidenceReport report = everything().report();
    assertEquals(50, report.getBlocks());
    assertEquals(3, report.getGaps());
    assertEquals(40, report.getLabels());
    assertEquals(40, report.getLabelsPaired());
    assertTrue(report.getStopped());
    long answered =
        report.getArmsList().stream()
            .filter(arm -> arm.getRole() != Role.SHADOW)
            .mapToLong(arm -> arm.getAssigned())
            .sum();
    assertEquals(17_000 + 9 + 13, answered);
    assertEquals(1024, Math.round(report.getMeanNoise() * 1024 * 1024));
  }

  @Test
  void theNewChampionIsCountedApartFromTheOneBeforeIt() {
    Cell before =
        Cell.newBuilder()
            .setRole(Role.CHAMPION)
            .setVersion("7")
            .setAssigned(100)
            .setLongestBadRun(30)
            .build();
    Cell after = before.toBuilder().setVersion("8").setAssigned(40).setLongestBadRun(2).build();
    EvidenceReport report =
        new Logs().add(Logs.spec(Logs.failures())).block(before).block(after).block(after).report();
    assertEquals(
        List.of("7: 100, 30", "8: 80, 2"),
        report.getArmsList().stream()
            .filter(arm -> arm.getRole() == Role.CHAMPION)
            .map(arm -> arm.getVersion() + ": " + arm.getAssigned() + ", " + arm.getLongestBadRun())
            .toList());
  }

  @Test
  void aRecordOutOfSequenceIsRefusedWithBothNumbers() {
    EvidenceFold fold = new EvidenceFold();
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> fold.accept(EvidenceLogRecord.newBuilder().setSequence(3).build()));
    assertEquals("sequence: 3 (expected: 1)", e.getMessage());
  }

  @Test
  void aBlockBeforeAnySpecIsRefused() {
    EvidenceFold fold = new EvidenceFold();
    var block =
        EvidenceLogRecord.newBuilder()
            .setSequence(1)
            .setBlock(JoinedBlock.getDefaultInstance())
            .build();
    assertThrows(IllegalStateException.class, () -> fold.accept(block));
  }

  @Test
  void aLateSecondCountsForErrorsButNotForLatency() {
    SplittableRandom random = new SplittableRandom(3);
    Logs onTime = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()));
    for (int i = 0; i < 30; i++) {
      onTime.traffic(random, 2500, 2500, 400, 0.01, 0.01, 1);
    }
    List<EvidenceLogRecord> late = new ArrayList<>();
    for (EvidenceLogRecord record : onTime.records()) {
      late.add(
          record.hasBlock()
              ? record.toBuilder().setBlock(record.getBlock().toBuilder().setLate(true)).build()
              : record);
    }
    EvidenceReport reportOnTime = onTime.report();
    EvidenceReport reportLate = Logs.fold(late).report();
    assertEquals(reportOnTime.getMetrics(0).getLogFor(), reportLate.getMetrics(0).getLogFor());
    assertTrue(reportOnTime.getMetrics(1).getObservations() > 0);
    assertEquals(0, reportLate.getMetrics(1).getObservations());
    assertEquals(30, reportLate.getLateBlocks());
  }

  @Test
  void aSecondInWhichTheWeightChangedIsLeftOutOfLatencyOnly() {
    Cell[] both = {
      cell(Role.CANARY, 500, 500, 20, 0), cell(Role.CONTROL, 500, 500, 20, 0),
      cell(Role.CANARY, 2500, 2500, 80, 0), cell(Role.CONTROL, 2500, 2500, 80, 0)
    };
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()));
    for (int i = 0; i < 20; i++) {
      logs.block(both);
    }
    EvidenceReport report = logs.report();
    assertEquals(0, report.getMetrics(1).getObservations());
    assertEquals(20 * 200, report.getMetrics(0).getObservations());
  }

  @Test
  void requestsThatAreNotJudgedAreCountedAndChangeNoMetric() {
    Logs plain = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()).setLiveControl(true));
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 30; i++) {
      plain.traffic(random, 2500, 2500, 400, 0.01, 0.01, 1);
    }
    Cell leftOut = Logs.head(Role.CHAMPION, 0, 0).setDecisionRevision(2500).setLeftOut(1).build();
    List<EvidenceLogRecord> mixed = new ArrayList<>();
    for (EvidenceLogRecord record : plain.records()) {
      mixed.add(
          record.hasBlock()
              ? record.toBuilder()
                  .setBlock(record.getBlock().toBuilder().addCells(0, leftOut))
                  .build()
              : record);
    }
    EvidenceReport expected = plain.report();
    EvidenceReport actual = Logs.fold(mixed).report();
    assertTrue(expected.getMetrics(1).getObservations() > 0);
    assertEquals(expected.getMetricsList(), actual.getMetricsList());
    assertEquals(
        30,
        actual.getArmsList().stream()
            .filter(arm -> arm.getRole() == Role.CHAMPION)
            .mapToLong(arm -> arm.getLeftOut())
            .sum());
  }

  @Test
  void pairsProveFailuresInTheShadowAndAreSetAsideOnceCustomersAreAnswered() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 40; i++) {
      logs.shadow(100, 0, 0);
    }
    assertEquals(Result.PROVED, only(logs.report()).getResult());
    logs.block(cell(Role.CANARY, 500, 0, 5, 0), cell(Role.CHAMPION, 500, 0, 95, 0));
    MetricReport canary = only(logs.report());
    assertEquals(Result.UNDECIDED, canary.getResult());
    assertEquals(100, canary.getObservations());
  }

  @Test
  void copiesThatFailStopTheRolloutInTheShadow() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    logs.shadow(50, 0, 12);
    EvidenceReport report = logs.report();
    assertEquals(Result.AGAINST, report.getOverall());
    assertEquals(
        "stop: evidence against: " + strength(report) + " (stops at 100×)", report.getStatement());
    assertEquals(12, report.getPairDiscordantCopyBad());
  }

  private static String strength(EvidenceReport report) {
    return dev.understudy.evidence.words.Numbers.strength(report.getLogAgainst());
  }

  @Test
  void anErrorFreeCanaryIsProvedAndSaysSo() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 30; i++) {
      logs.block(cell(Role.CANARY, 2500, 0, 25, 0), cell(Role.CHAMPION, 2500, 0, 75, 0));
    }
    MetricReport report = only(logs.report());
    assertEquals(Result.PROVED, report.getResult());
    assertEquals("proved: errors at most 1 point higher", report.getStatement());
  }

  @Test
  void anUndecidedMetricSaysHowManyMoreRequestsAndSeconds() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 12; i++) {
      logs.block(cell(Role.CANARY, 2500, 0, 25, 0), cell(Role.CHAMPION, 2500, 0, 75, 0));
    }
    MetricReport report = only(logs.report());
    assertEquals(Result.UNDECIDED, report.getResult());
    assertTrue(report.getNeedsMore() > 500 && report.getNeedsMore() < 4000, report.toString());
    assertEquals(report.getNeedsMore() / 100.0, report.getEtaSeconds(), 1);
    assertTrue(report.getStatement().startsWith("needs about "), report.getStatement());
  }

  @Test
  void eachFurtherAttemptNeedsMoreProofAndKeepsTheEvidence() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 10; i++) {
      logs.block(cell(Role.CANARY, 2500, 0, 25, 0), cell(Role.CHAMPION, 2500, 0, 75, 0));
    }
    MetricReport first = only(logs.report());
    logs.add(Logs.spec(Logs.failures()).setAttempt(2));
    EvidenceReport second = logs.report();
    assertEquals(0.05 / 4, second.getBeta(), 1e-12);
    assertEquals(first.getLogFor(), only(second).getLogFor());
    assertEquals(-Math.log(0.05 / 4), only(second).getLogForNeeded(), 1e-12);
  }

  @Test
  void failuresInARowAreJoinedOverWholeBadSeconds() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setAlpha(1e-30));
    logs.block(cell(Role.CANARY, 500, 0, 0, 12));
    assertEquals("", logs.report().getGuardrail());
    logs.block(cell(Role.CANARY, 500, 0, 0, 8));
    EvidenceReport report = logs.report();
    assertEquals("20 failures in a row on the challenger (stops at 20)", report.getGuardrail());
    assertEquals(Result.AGAINST, report.getOverall());
  }

  @Test
  void aGoodAnswerEndsTheRow() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setAlpha(1e-30));
    logs.block(cell(Role.CANARY, 500, 0, 0, 12));
    logs.block(cell(Role.CANARY, 500, 0, 1, 8));
    logs.block(cell(Role.CANARY, 500, 0, 0, 12));
    assertEquals("", logs.report().getGuardrail());
  }

  @Test
  void answersThatAreNotFiniteInARowAreAGuardrail() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    logs.add(
        EvidenceLogRecord.newBuilder()
            .setPairs(PairTally.newBuilder().setRole(Role.SHADOW).setPairs(25).setNotFinite(25)));
    assertTrue(logs.report().getGuardrail().contains("not finite"));
  }

  @Test
  void aWrongSplitIsSaidButDoesNotStopTheRollout() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()));
    for (int i = 0; i < 40; i++) {
      logs.block(cell(Role.CANARY, 500, 0, 20, 0), cell(Role.CHAMPION, 500, 0, 80, 0));
    }
    EvidenceReport report = logs.report();
    assertEquals(Result.AGAINST, report.getSplit().getResult());
    assertEquals(
        "the split is not what was configured: 20 % to the challenger instead of 5 %",
        report.getSplit().getStatement());
    assertFalse(report.getOverall() == Result.AGAINST);
  }

  @Test
  void withoutAControlArmLatencyCannotBeJudgedAndIsNotCritical() {
    SplittableRandom random = new SplittableRandom(5);
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()).setLiveControl(false));
    for (int i = 0; i < 40; i++) {
      logs.traffic(random, 2500, 0, 400, 0, 0, 1);
    }
    MetricReport latency = logs.report().getMetrics(1);
    assertEquals(Result.CANNOT_MEASURE, latency.getResult());
    assertEquals("latency cannot be judged: no control arm", latency.getStatement());
    assertFalse(latency.getCritical());
  }

  @Test
  void evenWithoutAControlArmAMuchSlowerChallengerIsStopped() {
    SplittableRandom random = new SplittableRandom(6);
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.latency()).setLiveControl(false));
    for (int i = 0; i < 40; i++) {
      logs.traffic(random, 2500, 0, 400, 0, 0, 4);
    }
    assertEquals(Result.AGAINST, logs.report().getMetrics(1).getResult());
  }

  @Test
  void eachKeyCountsOnceWhateverRouterOrWeightBringsItAgain() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures()).setUnit(RandomisationUnit.KEY));
    for (int i = 0; i < 3; i++) {
      logs.block(
          cell(Role.CANARY, 500 + i, 0, 70, 30).toBuilder()
              .addAllFirstSeenKeys(List.of(1L, 2L, 3L))
              .addAllFirstBadKeys(List.of(3L, 3L))
              .build(),
          cell(Role.CHAMPION, 500 + i, 0, 100, 0).toBuilder()
              .addAllFirstSeenKeys(List.of(11L, 12L, 13L, 14L))
              .build());
    }
    EvidenceReport report = logs.report();
    assertEquals(0, only(report).getObservations());
    assertEquals(3.0 / 7, report.getSplit().getActualShare(), 1e-12);
  }

  @Test
  void slicesWithFewPairsAreNotShownAndTheWorstComesFirst() {
    Logs logs = new Logs().add(Logs.spec(Logs.changed()));
    logs.pairs(Role.SHADOW, 3, 29, 2);
    assertEquals(0, logs.report().getSlicesCount());
    logs.pairs(Role.SHADOW, 3, 10, 2);
    assertEquals(4.0 / 39, logs.report().getSlices(0).getChangedShare(), 1e-12);
    assertEquals(4, logs.report().getSwapSet().getToPositive());
    assertEquals(4, logs.report().getSwapSet().getToPositiveByBand(0));
  }

  @Test
  void changedDecisionsInsideTheBandAreProvedAndOutsideStop() {
    Logs inside = new Logs().add(Logs.spec(Logs.changed()));
    inside.pairs(Role.SHADOW, 20, 1000, 30);
    assertEquals(Result.PROVED, only(inside.report()).getResult());
    Logs outside = new Logs().add(Logs.spec(Logs.changed()));
    outside.pairs(Role.SHADOW, 20, 300, 90);
    assertEquals(Result.AGAINST, outside.report().getOverall());
  }

  @Test
  void withoutADeclaredBandChangedDecisionsOnlyInform() {
    var undeclared = Logs.changed().toBuilder().setMargin(0).setLimit(0).build();
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), undeclared));
    logs.pairs(Role.SHADOW, 20, 300, 290);
    EvidenceReport report = logs.report();
    assertEquals(Result.CANNOT_MEASURE, report.getMetrics(1).getResult());
    assertFalse(report.getMetrics(1).getCritical());
    assertFalse(report.getOverall() == Result.AGAINST);
  }

  @Test
  void pairedOutcomesJudgeQuality() {
    Logs worse = new Logs().add(Logs.spec(Logs.quality()));
    Logs better = new Logs().add(Logs.spec(Logs.quality()));
    for (int i = 0; i < 3000; i++) {
      worse.labels(Logs.pairedLoss(30, 90));
      better.labels(Logs.pairedLoss(90, 30));
    }
    assertEquals(Result.AGAINST, worse.report().getOverall());
    assertEquals(Result.PROVED, better.report().getOverall());
  }

  @Test
  void outcomesThatComeForOneArmOnlyAreRefusedAsEvidence() {
    Logs logs = new Logs().add(Logs.spec(Logs.quality()));
    for (int i = 0; i < 400; i++) {
      logs.labels(Logs.loss(Role.CHAMPION, 2500, 100));
    }
    MetricReport report = only(logs.report());
    assertEquals(Result.CANNOT_MEASURE, report.getResult());
    assertTrue(report.getReason().startsWith("outcomes do not arrive in equal shares"));
  }

  @Test
  void noOutcomesYetIsUndecidedAndNeverProved() {
    Logs logs = new Logs().add(Logs.spec(Logs.quality()));
    MetricReport report = only(logs.report());
    assertEquals(Result.UNDECIDED, report.getResult());
    assertEquals("no outcomes yet", report.getStatement());
  }

  @Test
  void aMetricAloneStopsTheRolloutExactlyWhereItsShareOfTheMeanDoes() {
    Logs logs = new Logs().add(Logs.spec(Logs.failures(), Logs.changed()));
    logs.pairs(Role.SHADOW, 20, 300, 90);
    EvidenceReport report = logs.report();
    assertEquals(Math.log(200), report.getMetrics(1).getLogAgainstStop(), 1e-9);
    assertEquals(Result.AGAINST, report.getMetrics(1).getResult());
    assertEquals(Result.AGAINST, report.getOverall());
  }
}
