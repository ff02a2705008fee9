package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tallies that cannot be, and metrics of which nothing is heard. */
class BadInputTest {
  private static PairTally.Builder sound() {
    return PairTally.newBuilder()
        .setRole(Role.SHADOW)
        .setPairs(3)
        .addDivergence(0)
        .addDivergenceCount(1)
        .addDivergence(1024)
        .addDivergenceCount(2)
        .addCancelled(-1024)
        .addCancelledCount(3)
        .setComparedWithDecision(3)
        .setChampionPositive(3)
        .setChangedToNegative(3)
        .addChangedShare(1024)
        .addChangedShareCount(3)
        .addSlices(
            SliceTally.newBuilder()
                .setLabel(SliceLabel.newBuilder().setSlice("a").setValue("b"))
                .setPairs(1)
                .addDivergence(5)
                .addDivergenceCount(1)
                .setComparedWithDecision(1)
                .setChanged(1)
                .addChangedShare(1024)
                .addChangedShareCount(1));
  }

  @Test
  void aSoundTallyHasNoProblem() {
    assertNull(TallyCheck.problem(sound().build()));
    assertNull(TallyCheck.problem(PairTally.getDefaultInstance()));
  }

  @Test
  void talliesThatCannotBeCountedAreFoundOutWithValueAndExpectation() {
    assertEquals(
        "divergence: 3 values and 2 counts (expected: as many)",
        TallyCheck.problem(sound().addDivergence(7).build()));
    assertEquals(
        "divergence: 1025 (expected: 0 to 1024)",
        TallyCheck.problem(sound().setDivergence(1, 1025).build()));
    assertEquals(
        "divergence: 0 after 0 (expected: ascending)",
        TallyCheck.problem(sound().setDivergence(1, 0).build()));
    assertEquals(
        "divergence counts: 4 (expected: at most 3 pairs)",
        TallyCheck.problem(sound().setDivergenceCount(1, 3).build()));
    assertEquals(
        "cancelled: -1025 (expected: -1024 to 1024)",
        TallyCheck.problem(sound().setCancelled(0, -1025).build()));
    assertEquals(
        "count: 18446744073709551615 (expected: at most 4294967296)",
        TallyCheck.problem(sound().setDivergenceCount(0, -1).build()));
    assertEquals(
        "decisions: 4 of 3 (expected: at most as many)",
        TallyCheck.problem(sound().setChangedToPositive(1).build()));
    assertEquals(
        "decisions: 4 of 3 (expected: at most as many)",
        TallyCheck.problem(sound().setChampionPositive(4).build()));
    assertEquals(
        "changed_share: 2 values and 1 counts (expected: as many)",
        TallyCheck.problem(sound().addChangedShare(7).build()));
    assertEquals(
        "changed_share: 1025 (expected: 0 to 1024)",
        TallyCheck.problem(sound().setChangedShare(0, 1025).build()));
    assertEquals(
        "changed_share counts: 4 (expected: at most 3 pairs)",
        TallyCheck.problem(sound().setChangedShareCount(0, 4).build()));
    assertNotNull(TallyCheck.problem(sound().addToPositiveByBand(-5).build()));
    assertNotNull(TallyCheck.problem(sound().addToNegativeByBand(-5).build()));
    SliceTally slice = sound().getSlices(0);
    for (SliceTally bad :
        List.of(
            slice.toBuilder().addDivergence(1).build(),
            slice.toBuilder().setChangedShareCount(0, 2).build(),
            slice.toBuilder().addChangedShareCount(1).build(),
            slice.toBuilder().setDivergence(0, -1).build(),
            slice.toBuilder().setPairs(-1).build(),
            slice.toBuilder().setChanged(2).build())) {
      assertNotNull(TallyCheck.problem(sound().setSlices(0, bad).build()), bad::toString);
    }
    for (MeasureTally bad :
        List.of(
            MeasureTally.newBuilder().setUnitsMax(2000).build(),
            MeasureTally.newBuilder().setUnitsSum(-1).build(),
            MeasureTally.newBuilder().setPairs(-1).build())) {
      assertNotNull(TallyCheck.problem(sound().addMeasures(bad).build()), bad::toString);
    }
  }

  @Test
  void aTallyThatCannotBeCountedCountsForNothing() {
    EvaluationSpec.Builder spec = Logs.spec(Logs.divergence(), Logs.changed());
    Logs plain = new Logs().add(spec).pairs(Role.SHADOW, 5, 10, 1);
    Logs mixed = new Logs().add(spec).pairs(Role.SHADOW, 5, 10, 1);
    mixed.add(EvidenceLogRecord.newBuilder().setPairs(sound().setDivergence(1, 5000)));
    EvidenceReport expected = plain.report();
    EvidenceReport actual = mixed.report();
    assertEquals(1, actual.getMalformed());
    assertEquals(expected.getMetricsList(), actual.getMetricsList());
    assertEquals(expected.getSlicesList(), actual.getSlicesList());
    assertEquals(expected.getSwapSet(), actual.getSwapSet());
  }

  @Test
  void aMetricThatNeverReportsIsUndecidedInWordsAndNeverProved() {
    EvaluationSpec.Builder spec =
        Logs.spec(
                Logs.failures(),
                Logs.divergence(),
                Logs.changed(),
                Logs.quality(),
                Logs.quality().toBuilder().setName("log").setLoss(Loss.LOG).build())
            .setIntent(Intent.EQUIVALENT)
            .setMirroredControl(true)
            .setBeta(0.999);
    Logs logs = new Logs().add(spec);
    for (int i = 0; i < 100; i++) {
      logs.block();
      logs.add(
          EvidenceLogRecord.newBuilder().setPairs(PairTally.newBuilder().setRole(Role.SHADOW)));
    }
    for (MetricReport metric : logs.report().getMetricsList()) {
      assertEquals(Result.UNDECIDED, metric.getResult(), metric::toString);
      assertEquals(0, metric.getObservations());
      assertEquals(0, metric.getNeedsMore());
      assertEquals("no ", metric.getStatement().substring(0, 3));
    }
    assertEquals(Result.UNDECIDED, logs.report().getOverall());
  }
}
