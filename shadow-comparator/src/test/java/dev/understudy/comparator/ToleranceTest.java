package dev.understudy.comparator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.Role;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tolerances come from the mirrored control, before any pair is tested with them. */
class ToleranceTest {
  @TempDir Path folder;

  private static EvaluationSpec spec() {
    return Rig.spec().toBuilder()
        .setMirroredControl(true)
        .setContract(
            DataContract.newBuilder()
                .addOutputs(
                    ComparedOutput.newBuilder().setOutput("score").setKind(OutputKind.REGRESSION)))
        .build();
  }

  /** Numbers of which the copy's lie off by up to a share. */
  private static List<Comparison> comparisons(Role role, int count, double share, long seed) {
    Random random = new Random(seed);
    List<Comparison> comparisons = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      float score = 1 + random.nextFloat();
      float copy = (float) (score * (1 + share * (2 * random.nextDouble() - 1)));
      comparisons.add(
          Rig.comparison(
              role + "-" + seed + "-" + i,
              role,
              Rig.floats("score", score),
              Rig.floats("score", copy)));
    }
    return comparisons;
  }

  private static List<EvidenceLogRecord> tolerances(Rig rig) {
    return rig.log().stream().filter(EvidenceLogRecord::hasTolerance).toList();
  }

  private static long shadowPairs(Rig rig) {
    return rig.log().stream()
        .filter(record -> record.hasPairs() && record.getPairs().getRole() == Role.SHADOW)
        .mapToLong(record -> record.getPairs().getPairs())
        .sum();
  }

  private static long shadowUnits(Rig rig) {
    long units = 0;
    for (EvidenceLogRecord record : rig.log()) {
      if (record.hasPairs() && record.getPairs().getRole() == Role.SHADOW) {
        for (int i = 0; i < record.getPairs().getDivergenceCount(); i++) {
          units += record.getPairs().getDivergence(i) * record.getPairs().getDivergenceCount(i);
        }
      }
    }
    return units;
  }

  @Test
  void pairsAreTestedWithWhatTheControlTaughtAlsoAfterARestart() throws Exception {
    double noise = 1e-3;
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      rig.service().startEvaluation(spec());
      // As noisy as the champion itself: wrong by the datatype's default, right by what is learned.
      rig.compare(comparisons(Role.SHADOW, 30, noise, 1));
      rig.compare(comparisons(Role.MIRRORED_CONTROL, 220, noise, 2));
      Rig.await("a tolerance is logged", () -> tolerances(rig).size() == 1);
      assertTrue(rig.comparator.counters().get(Counter.COMPARISONS_UNTESTED) > 0);
      rig.compare(comparisons(Role.SHADOW, 50, noise, 3));
      Rig.await("pairs are measured", () -> shadowPairs(rig) >= 50);
      // Noise uses up half of the tolerance at most, which is a twentieth of the scale.
      assertTrue(shadowUnits(rig) < 100 * shadowPairs(rig), "units: " + shadowUnits(rig));
      EvidenceReport report = rig.report();
      assertEquals(1, report.getTolerancesCount());
      List<EvidenceLogRecord> log = rig.log();
      long learned = tolerances(rig).getFirst().getSequence();
      for (EvidenceLogRecord record : log) {
        if (record.hasPairs() && record.getPairs().getRole() == Role.SHADOW) {
          assertTrue(record.getSequence() > learned || record.getPairs().getDivergenceCount() == 0);
        }
      }
    }
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      long before = shadowPairs(rig);
      rig.compare(comparisons(Role.SHADOW, 40, noise, 4));
      rig.compare(comparisons(Role.SHADOW, 10, 0.5, 5));
      Rig.await("pairs are measured at once", () -> shadowPairs(rig) == before + 50);
      assertTrue(shadowUnits(rig) >= 9 * 1024, "units: " + shadowUnits(rig));
      assertEquals(1, tolerances(rig).size());
    }
  }

  @Test
  void aWorkersControlPairsTeachTheJudgeAndTheJudgeTellsTheWorker() throws Exception {
    try (Rig judge = new Rig(ComparatorConfig.local(folder));
        Rig worker = new Rig(ComparatorConfig.localWorker(judge.address()))) {
      judge.service().startEvaluation(spec());
      Rig.await("the worker knows it", () -> worker.comparator.evaluations() == 1);
      worker.compare(comparisons(Role.MIRRORED_CONTROL, 220, 1e-3, 2));
      Rig.await("a tolerance is logged", () -> tolerances(judge).size() == 1);
      // The worker learns of it a moment later; until then pairs are not tested.
      for (int i = 0; i < 40 && shadowPairs(judge) == 0; i++) {
        worker.compare(comparisons(Role.SHADOW, 5, 1e-3, 10 + i));
      }
      Rig.await("pairs are measured", () -> shadowPairs(judge) > 0);
      assertTrue(shadowUnits(judge) < 100 * shadowPairs(judge), "units: " + shadowUnits(judge));
    }
  }
}
