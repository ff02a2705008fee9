package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Gap;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MalformedRecordTest {
  private static Logs sound() {
    return new Logs()
        .add(Logs.spec(Logs.failures(), Logs.latency(), Logs.divergence(), Logs.changed()))
        .block(Logs.cell(Role.CANARY, 500, 500, 20, 1), Logs.cell(Role.CONTROL, 500, 500, 20, 1))
        .pairs(Role.SHADOW, 3, 40, 2);
  }

  private static EvidenceLogRecord.Builder block(Cell... cells) {
    return EvidenceLogRecord.newBuilder()
        .setBlock(JoinedBlock.newBuilder().setSecond(9).addAllCells(List.of(cells)));
  }

  private static PairTally.Builder tally() {
    return PairTally.newBuilder().setRole(Role.SHADOW).setPairs(5);
  }

  private static EvidenceLogRecord.Builder pairs(PairTally.Builder tally) {
    return EvidenceLogRecord.newBuilder().setPairs(tally);
  }

  @Test
  void aRecordThatCannotBeCountedIsSkippedWholeAndSaidSo() {
    Cell good = Logs.cell(Role.CHAMPION, 500, 500, 20, 1);
    List<EvidenceLogRecord.Builder> malformed =
        List.of(
            block(good, good.toBuilder().setCanaryWeightBp(10_001).build()),
            block(good, good.toBuilder().setAssigned(-1).build()),
            block(
                good, good.toBuilder().setLatency(LatencyCounts.newBuilder().addIndex(3)).build()),
            EvidenceLogRecord.newBuilder().setBlock(JoinedBlock.newBuilder().setSecond(-1)),
            EvidenceLogRecord.newBuilder()
                .setBlock(JoinedBlock.newBuilder().setSecond(Long.MAX_VALUE)),
            EvidenceLogRecord.newBuilder()
                .setBlock(JoinedBlock.newBuilder().addPairs(PairCell.newBuilder().setBothOk(-5))),
            pairs(tally().addDivergence(3)),
            pairs(tally().addDivergence(1025).addDivergenceCount(1)),
            pairs(tally().addDivergence(-1).addDivergenceCount(1)),
            pairs(tally().addDivergence(1).addDivergenceCount(-1)),
            pairs(tally().addCancelled(-1025).addCancelledCount(1)),
            pairs(tally().addCancelled(-5)),
            pairs(tally().setComparedWithDecision(2).setChangedToPositive(3)),
            pairs(tally().setPairs(-1)),
            pairs(tally().addSlices(SliceTally.newBuilder().setPairs(1).addDivergence(2))),
            pairs(tally().addSlices(SliceTally.newBuilder().setPairs(1).setChanged(1))),
            EvidenceLogRecord.newBuilder()
                .setGap(Gap.newBuilder().setFirstMissing(9).setLastMissing(3)));
    for (EvidenceLogRecord.Builder record : malformed) {
      EvidenceReport before = sound().report();
      EvidenceReport after = sound().add(record).report();
      assertNotNull(RecordCheck.problem(record.build()), record::toString);
      assertEquals(
          before.toBuilder().setLogSequence(4).setMalformed(1).build(),
          after,
          () -> String.valueOf(RecordCheck.problem(record.build())));
    }
  }

  private static LatencyCounts latencies(long... counts) {
    LatencyCounts.Builder latency = LatencyCounts.newBuilder();
    for (int i = 0; i < counts.length; i++) {
      latency.addIndex(100 + i).addCount(counts[i]);
    }
    return latency.build();
  }

  private static Cell timed(Role role, String rule, long... counts) {
    return Logs.cell(role, 500, 500, 20, 1).toBuilder()
        .setRule(rule)
        .setLatency(latencies(counts))
        .build();
  }

  @Test
  void moreLatenciesInACellThanABlockCanTakeAreFoundOut() {
    long most = 1L << 31;
    assertNull(BlockCheck.problem(timed(Role.CANARY, "a", most - 1, 1)));
    assertEquals(
        "latencies: 2147483649 (expected: at most 2147483648)",
        BlockCheck.problem(timed(Role.CANARY, "a", most, 1)));
    assertNotNull(
        BlockCheck.problem(PairCell.newBuilder().setCopyLatency(latencies(most, 1)).build()));
    assertNotNull(
        BlockCheck.problem(
            timed(Role.CANARY, "a", 1).toBuilder()
                .addSlices(
                    SliceCell.newBuilder()
                        .setLabel(SliceLabel.newBuilder().setSlice("a").setValue("b"))
                        .setLatency(latencies(most, 1)))
                .build()));
  }

  @Test
  void whateverACheckLetsThroughIsFoldedAndWhatItsCellsAddUpToIsSkipped() {
    long most = 1L << 31;
    Logs logs = sound();
    for (int second = 0; second < 70; second++) {
      logs.block(
          timed(Role.CANARY, "a", most / 2, most / 2), timed(Role.CONTROL, "a", most - 1, 1));
    }
    assertEquals(0, logs.report().getMalformed());
    logs.block(
        timed(Role.CANARY, "a", most),
        timed(Role.CANARY, "b", most),
        timed(Role.CANARY, "c", 1),
        timed(Role.CONTROL, "a", 1));
    assertEquals(1, logs.report().getMalformed());
    Cell outcomes =
        timed(Role.CANARY, "a", 1).toBuilder()
            .addOutcomes(Logs.outcome(Outcome.OK, 1L << 32))
            .build();
    logs.block(outcomes);
    assertEquals(2, logs.report().getMalformed());
  }

  @Test
  void namesOfALaterVersionArePassedOver() {
    Cell unknown = Logs.cell(Role.CANARY, 500, 500, 20, 19).toBuilder().setRoleValue(99).build();
    EvidenceReport before = sound().report();
    EvidenceReport after =
        sound()
            .add(block(unknown))
            .add(pairs(tally().setRoleValue(99)))
            .add(EvidenceLogRecord.newBuilder())
            .report();
    assertEquals(before.getMetricsList(), after.getMetricsList());
    assertEquals(0, after.getMalformed());
  }

  @Test
  void randomRecordsNeverThrow() {
    SplittableRandom random = new SplittableRandom(11);
    Logs logs = sound();
    for (int i = 0; i < 2000; i++) {
      logs.add(random.nextBoolean() ? randomBlock(random) : randomPairs(random));
    }
    EvidenceReport report = logs.report();
    assertEquals(true, report.getMalformed() > 100 && report.getMalformed() < 2000);
  }

  private static EvidenceLogRecord.Builder randomBlock(SplittableRandom random) {
    Cell cell =
        Cell.newBuilder()
            .setRoleValue(random.nextInt(8))
            .setVersion(random.nextBoolean() ? "7" : "8")
            .setCanaryWeightBp(random.nextInt(6000))
            .setControlWeightBp(random.nextInt(6000))
            .setAssigned(random.nextInt(9) == 0 ? random.nextLong() : random.nextInt(100))
            .addOutcomes(
                Logs.outcome(
                    dev.understudy.proto.v1.Outcome.forNumber(random.nextInt(12)),
                    random.nextInt(50)))
            .setLatency(
                LatencyCounts.newBuilder()
                    .addIndex(random.nextInt(4000))
                    .addCount(random.nextInt(100)))
            .build();
    JoinedBlock.Builder block =
        JoinedBlock.newBuilder()
            .setSecond(random.nextInt(9) == 0 ? random.nextLong() : random.nextInt(5000))
            .setLate(random.nextBoolean())
            .addCells(cell);
    return EvidenceLogRecord.newBuilder().setBlock(block);
  }

  private static EvidenceLogRecord.Builder randomPairs(SplittableRandom random) {
    return pairs(
        PairTally.newBuilder()
            .setRoleValue(random.nextInt(8))
            .setPairs(random.nextInt(50))
            .setNotFinite(random.nextInt(50))
            .addDivergence(random.nextInt(1200))
            .addDivergenceCount(random.nextInt(50))
            .setComparedWithDecision(random.nextInt(50))
            .setChangedToPositive(random.nextInt(40))
            .addCancelled(random.nextInt(2400) - 1200)
            .addCancelledCount(1));
  }

  @Test
  void anotherPlanJudgesTheSameLog() {
    List<EvidenceLogRecord> records = sound().records();
    EvidenceFold other = new EvidenceFold(spec -> spec.toBuilder().setAlpha(0.2).build());
    records.forEach(other::accept);
    assertEquals(0.2, other.report().getAlpha());
    EvaluationSpec spec = Logs.fold(records).spec();
    assertEquals(0.01, spec == null ? 0 : spec.getAlpha());
    EvidenceFold same = new EvidenceFold(given -> given);
    records.forEach(same::accept);
    assertEquals(Logs.fold(records).report(), same.report());
  }

  @Test
  void aPlanThatCannotBeJudgedIsRefusedAndLeavesTheFoldAsItWas() {
    EvidenceFold fold = new EvidenceFold(spec -> spec.toBuilder().setAlpha(7).build());
    assertThrows(IllegalArgumentException.class, () -> fold.accept(sound().records().getFirst()));
    assertEquals(0, fold.sequence());
    EvidenceFold renamed = new EvidenceFold(spec -> spec.toBuilder().setRolloutId("x").build());
    assertThrows(
        IllegalArgumentException.class, () -> renamed.accept(sound().records().getFirst()));
  }
}
