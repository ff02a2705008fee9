package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Builds evidence logs for tests, and simulates traffic into them. */
final class Logs {
  static final String ROLLOUT = "fraud-8";
  private static final long START_MS = 1_767_225_600_000L;

  private final List<EvidenceLogRecord> records = new ArrayList<>();
  private long second = START_MS / 1000;

  static EvaluationSpec.Builder spec(MetricSpec... metrics) {
    return EvaluationSpec.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("fraud")
        .setAttempt(1)
        .setIntent(Intent.IMPROVED)
        .setUnit(RandomisationUnit.REQUEST)
        .setChampionVersion("7")
        .setChallengerVersion("8")
        .setAlpha(0.01)
        .setBeta(0.05)
        .setAlphaSplit(0.001)
        .addAllMetrics(List.of(metrics))
        .setContract(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("probabilities")
                        .setKind(OutputKind.PROBABILITIES)
                        .setColumn(1)
                        .setCutoff(0.5)))
        .setLiveControl(true)
        .setStartedUnixMs(START_MS)
        .setSeed(7)
        .setGuardConsecutiveFailures(20);
  }

  static MetricSpec failures() {
    return metric("errors", MetricKind.FAILURES).setMargin(0.01).setLimit(1).build();
  }

  static MetricSpec latency() {
    return metric("p95", MetricKind.LATENCY).setMargin(0.25).setQuantile(0.95).build();
  }

  static MetricSpec divergence() {
    return metric("divergence", MetricKind.DIVERGENCE).setMargin(0.02).setLimit(0.03).build();
  }

  static MetricSpec changed() {
    return metric("changed", MetricKind.CHANGED_DECISIONS).setMargin(0.1).setLimit(0.1).build();
  }

  static MetricSpec quality() {
    return metric("brier", MetricKind.QUALITY)
        .setMargin(0.002)
        .setLimit(0.002)
        .setLoss(Loss.BRIER)
        .build();
  }

  static MetricSpec.Builder metric(String name, MetricKind kind) {
    return MetricSpec.newBuilder().setName(name).setKind(kind).setCritical(true).setWeight(1);
  }

  Logs add(EvaluationSpec.Builder spec) {
    return add(EvidenceLogRecord.newBuilder().setSpec(spec));
  }

  Logs add(EvidenceLogRecord.Builder record) {
    records.add(
        record
            .setSequence(records.size() + 1)
            .setUnixMs(second * 1000)
            .setRolloutId(ROLLOUT)
            .build());
    return this;
  }

  /** One second that is on time. */
  Logs block(Cell... cells) {
    second++;
    return add(
        EvidenceLogRecord.newBuilder()
            .setBlock(
                JoinedBlock.newBuilder()
                    .setSecond(second)
                    .setRouters(1)
                    .addAllCells(List.of(cells))));
  }

  /** One second in the shadow phase: nothing is answered by the challenger. */
  Logs shadow(long bothOk, long onlyChampionBad, long onlyCopyBad) {
    second++;
    return add(
        EvidenceLogRecord.newBuilder()
            .setBlock(
                JoinedBlock.newBuilder()
                    .setSecond(second)
                    .addCells(cell(Role.CHAMPION, 0, 0, bothOk + onlyCopyBad, onlyChampionBad))
                    .addPairs(
                        PairCell.newBuilder()
                            .setRolloutId(ROLLOUT)
                            .setRole(Role.SHADOW)
                            .setVersion("8")
                            .setBothOk(bothOk)
                            .setOnlyChampionBad(onlyChampionBad)
                            .setOnlyCopyBad(onlyCopyBad))));
  }

  /** Pairs of one divergence each, with decisions. */
  Logs pairs(Role role, int units, long count, long toPositive) {
    return add(
        EvidenceLogRecord.newBuilder()
            .setPairs(
                PairTally.newBuilder()
                    .setRole(role)
                    .setPairs(count)
                    .addDivergence(units)
                    .addDivergenceCount(count)
                    .setComparedWithDecision(count)
                    .setChangedToPositive(toPositive)
                    .addToPositiveByBand(toPositive)
                    .addChangedShare(0)
                    .addChangedShareCount(count - toPositive)
                    .addChangedShare(1024)
                    .addChangedShareCount(toPositive)
                    .addSlices(
                        SliceTally.newBuilder()
                            .setLabel(SliceLabel.newBuilder().setSlice("amount").setValue("<10"))
                            .setPairs(count)
                            .addDivergence(units)
                            .addDivergenceCount(count)
                            .setComparedWithDecision(count)
                            .setChanged(toPositive)
                            .addChangedShare(0)
                            .addChangedShareCount(count - toPositive)
                            .addChangedShare(1024)
                            .addChangedShareCount(toPositive))));
  }

  Logs labels(LabelledScore... losses) {
    return add(
        EvidenceLogRecord.newBuilder()
            .setLabels(LabelTally.newBuilder().addAllScores(List.of(losses))));
  }

  static LabelledScore pairedLoss(int champion, int challenger) {
    return LabelledScore.newBuilder()
        .setRole(Role.CHAMPION)
        .setScoreMicros(brier(champion))
        .setShadowScoreMicros(brier(challenger))
        .build();
  }

  static LabelledScore loss(Role role, int canaryBp, int loss) {
    return LabelledScore.newBuilder()
        .setRole(role)
        .setCanaryWeightBp(canaryBp)
        .setScoreMicros(brier(loss))
        .build();
  }

  /** A score with this Brier loss, in 1/1024, where the truth is 0. */
  private static long brier(int units) {
    return Scores.micros(Math.sqrt(units / 1024.0));
  }

  static Cell.Builder head(Role role, int canaryBp, int controlBp) {
    return Cell.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("fraud")
        .setRule("default")
        .setDecisionRevision(canaryBp)
        .setCanaryWeightBp(canaryBp)
        .setControlWeightBp(controlBp)
        .setRole(role)
        .setVersion(role == Role.CANARY ? "8" : "7");
  }

  static Cell cell(Role role, int canaryBp, int controlBp, long ok, long bad) {
    return head(role, canaryBp, controlBp)
        .setAssigned(ok + bad)
        .addOutcomes(outcome(Outcome.OK, ok))
        .addOutcomes(outcome(Outcome.BAD_INTERNAL, bad))
        .build();
  }

  static OutcomeCount outcome(Outcome outcome, long count) {
    return OutcomeCount.newBuilder().setOutcome(outcome).setCount(count).build();
  }

  static LatencyCounts latency(SparseHistogram histogram) {
    LatencyCounts.Builder counts = LatencyCounts.newBuilder();
    for (int i = 0; i < histogram.buckets(); i++) {
      counts.addIndex(histogram.indexAt(i)).addCount(histogram.countAt(i));
    }
    return counts.build();
  }

  /**
   * One second of simulated traffic.
   *
   * @param requests assigned, in all
   * @param canaryBad failure rate of the challenger
   * @param championBad failure rate of the champion
   * @param slower factor on the challenger's latency
   */
  Logs traffic(
      SplittableRandom random,
      int canaryBp,
      int controlBp,
      int requests,
      double canaryBad,
      double championBad,
      double slower) {
    Role[] roles = {Role.CANARY, Role.CONTROL, Role.CHAMPION};
    long[] ok = new long[3];
    long[] bad = new long[3];
    SparseHistogram[] latencies = {
      new SparseHistogram(), new SparseHistogram(), new SparseHistogram()
    };
    for (int i = 0; i < requests; i++) {
      int u = random.nextInt(10_000);
      int arm = u < canaryBp ? 0 : u < canaryBp + controlBp ? 1 : 2;
      if (random.nextDouble() < (arm == 0 ? canaryBad : championBad)) {
        bad[arm]++;
      } else {
        ok[arm]++;
      }
      double nanos = 5e6 * StrictMath.exp(0.4 * random.nextGaussian()) * (arm == 0 ? slower : 1);
      latencies[arm].add(LatencyGrid.index((long) nanos), 1);
    }
    List<Cell> cells = new ArrayList<>();
    for (int arm = 0; arm < 3; arm++) {
      if (ok[arm] + bad[arm] > 0) {
        cells.add(
            cell(roles[arm], canaryBp, controlBp, ok[arm], bad[arm]).toBuilder()
                .setLatency(latency(latencies[arm]))
                .build());
      }
    }
    return block(cells.toArray(Cell[]::new));
  }

  List<EvidenceLogRecord> records() {
    return List.copyOf(records);
  }

  EvidenceReport report() {
    return fold(records).report();
  }

  static EvidenceFold fold(List<EvidenceLogRecord> records) {
    EvidenceFold fold = new EvidenceFold();
    records.forEach(fold::accept);
    return fold;
  }

  static MetricReport only(EvidenceReport report) {
    return report.getMetrics(0);
  }
}
