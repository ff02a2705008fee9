package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StageSums;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChecksTest {
  @Test
  void aSoundSpecHasNoProblem() {
    assertEquals(
        List.of(),
        SpecCheck.problems(
            Logs.spec(Logs.failures(), Logs.latency(), Logs.changed(), Logs.quality()).build()));
  }

  @Test
  void aDivergenceIsNotJudgedFinerThanItIsKnown() {
    for (double sound : new double[] {0, 2.0 / 1024, 0.01}) {
      MetricSpec metric = Logs.divergence().toBuilder().setMargin(sound).setLimit(sound).build();
      assertEquals(List.of(), SpecCheck.problems(Logs.spec(metric).build()));
    }
    MetricSpec fine = Logs.divergence().toBuilder().setMargin(0.0019).setLimit(0.0001).build();
    assertEquals(
        List.of(
            new SpecCheck.Problem(
                "metrics[0].margin", "0.0019 (expected: >= 2/1024 and < 1, or 0 for none)"),
            new SpecCheck.Problem(
                "metrics[0].limit", "1.0E-4 (expected: >= 2/1024 and < 1, or 0 for none)")),
        SpecCheck.problems(Logs.spec(fine).build()));
    // Calls of one row are known exactly, and others never to a version's advantage.
    MetricSpec changed = Logs.changed().toBuilder().setMargin(0.001).setLimit(0.001).build();
    assertEquals(List.of(), SpecCheck.problems(Logs.spec(changed).build()));
  }

  @Test
  void allProblemsOfASpecAreFoundAtOnce() {
    EvaluationSpec spec =
        Logs.spec(
                Logs.failures().toBuilder().setLimit(0).setMargin(2).build(),
                Logs.failures(),
                Logs.latency().toBuilder().setQuantile(1).setWeight(-1).build())
            .setAlpha(0)
            .setBeta(Double.NaN)
            .setRolloutId("")
            .build();
    assertEquals(
        List.of(
            "rollout_id",
            "alpha",
            "beta",
            "metrics[0].margin",
            "metrics[0].limit",
            "metrics[1].name",
            "metrics[2].weight",
            "metrics[2].quantile"),
        SpecCheck.problems(spec).stream().map(SpecCheck.Problem::field).toList());
  }

  @Test
  void aRetryMayChangeNothingButAttemptStartAndSeed() {
    EvaluationSpec first = Logs.spec(Logs.failures()).build();
    EvaluationSpec retry = first.toBuilder().setAttempt(2).setStartedUnixMs(99).setSeed(5).build();
    assertTrue(SpecCheck.isRetry(first, retry));
    assertFalse(SpecCheck.isRetry(first, first));
    assertFalse(SpecCheck.isRetry(first, retry.toBuilder().setAlpha(0.2).build()));
    assertFalse(SpecCheck.isRetry(first, retry.toBuilder().setChallengerDigest("x").build()));
  }

  @Test
  void theDigestOfASpecChangesWithItsContent() {
    EvaluationSpec spec = Logs.spec(Logs.failures()).build();
    assertEquals(64, SpecDigest.of(spec).length());
    assertEquals(SpecDigest.of(spec), SpecDigest.of(spec.toBuilder().build()));
    assertNotEquals(SpecDigest.of(spec), SpecDigest.of(spec.toBuilder().setBeta(0.04).build()));
  }

  @Test
  void cellsThatCannotBeCountedAreFoundOut() {
    Cell sound = Logs.cell(Role.CANARY, 500, 500, 3, 1);
    assertNull(BlockCheck.problem(sound));
    assertNotNull(BlockCheck.problem(sound.toBuilder().setCanaryWeightBp(9_501).build()));
    assertNotNull(BlockCheck.problem(sound.toBuilder().setAssigned(-1).build()));
    assertNotNull(
        BlockCheck.problem(
            sound.toBuilder()
                .setLatency(LatencyCounts.newBuilder().addIndex(5).addIndex(4).addCount(1))
                .build()));
    assertEquals(
        "latency bucket: 4 (expected: above 5 and below 3458)",
        BlockCheck.problem(
            sound.toBuilder()
                .setLatency(
                    LatencyCounts.newBuilder().addIndex(5).addIndex(4).addCount(1).addCount(1))
                .build()));
  }

  @Test
  void slicesStagesNodesAndArmsThatCannotBeAreFoundOut() {
    SliceCell slice =
        SliceCell.newBuilder()
            .setLabel(SliceLabel.newBuilder().setSlice("country").setValue("UY"))
            .setOk(3)
            .setBad(1)
            .build();
    Cell sound =
        Cell.newBuilder()
            .addSlices(slice)
            .addNodes("n1")
            .setStages(StageSums.newBuilder().setCalls(3).setComputeMicros(9))
            .build();
    assertNull(BlockCheck.problem(sound));
    List<SliceCell> broken =
        List.of(
            slice.toBuilder().setBad(-1).build(),
            slice.toBuilder().clearLabel().build(),
            slice.toBuilder()
                .setLabel(slice.getLabel().toBuilder().setValue("x".repeat(600)))
                .build(),
            slice.toBuilder().setLatency(LatencyCounts.newBuilder().addIndex(5)).build());
    for (SliceCell wrong : broken) {
      assertNotNull(BlockCheck.problem(sound.toBuilder().addSlices(wrong).build()));
    }
    assertNotNull(
        BlockCheck.problem(
            sound.toBuilder().addAllSlices(Collections.nCopies(200, slice)).build()));
    assertNotNull(
        BlockCheck.problem(sound.toBuilder().addAllNodes(Collections.nCopies(16, "n")).build()));
    assertNotNull(
        BlockCheck.problem(
            sound.toBuilder().setStages(StageSums.newBuilder().setQueueMicros(-1)).build()));
    assertNull(BlockCheck.problem(ArmState.newBuilder().setNotReadyMs(1000).build()));
    assertNotNull(BlockCheck.problem(ArmState.newBuilder().setBreakerOpenMs(1001).build()));
  }

  @Test
  void keysAreThinnedAlikeForSeenAndBadWhenThereAreTooMany() {
    KeyLedger ledger = new KeyLedger(1000);
    long seen = 0;
    long bad = 0;
    for (int i = 0; i < 100; i++) {
      Cell.Builder cell = Logs.head(Role.CANARY, 500, 0);
      for (int k = 0; k < 100; k++) {
        long key = (i * 100L + k) * 0x9e3779b97f4a7c15L;
        cell.addFirstSeenKeys(key).addFirstBadKeys(key);
      }
      seen += ledger.seen(cell.build(), i, false);
      bad += ledger.bad(cell.build());
      for (BlockView.Outcomes finished : ledger.finished(i)) {
        assertEquals(0, finished.canaryOk(), "all have failed");
      }
    }
    assertTrue(ledger.thinningBits() >= 3, "bits " + ledger.thinningBits());
    assertTrue(seen < 10_000, "seen " + seen);
    assertTrue(bad <= seen, bad + " of " + seen);
  }

  @Test
  void intervalsHoldTheShareAndShrink() {
    Estimate few = RateInterval.of(5, 100, 0.05);
    Estimate many = RateInterval.of(500, 10_000, 0.05);
    assertTrue(few.low() < 0.05 && few.high() > 0.05, few.toString());
    assertTrue(many.high() - many.low() < (few.high() - few.low()) / 4, many.toString());
    assertEquals(0, RateInterval.of(0, 100, 0.05).low());
    assertEquals(new Estimate(Double.NaN, 0, 1), RateInterval.of(0, 0, 0.05));
  }
}
