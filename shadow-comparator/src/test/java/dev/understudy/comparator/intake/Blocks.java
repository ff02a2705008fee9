package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.Role;

/** Makes blocks and specs for tests. */
public final class Blocks {
  /** The second in which tests begin. */
  public static final long START = 1_767_225_600L;

  private Blocks() {}

  /** A spec that judges failures and quality. */
  public static EvaluationSpec.Builder spec(String rolloutId) {
    return EvaluationSpec.newBuilder()
        .setRolloutId(rolloutId)
        .setModel("fraud")
        .setAttempt(1)
        .setChampionVersion("7")
        .setChallengerVersion("8")
        .setAlpha(0.01)
        .setBeta(0.05)
        .setAlphaSplit(0.001)
        .setStartedUnixMs(START * 1000)
        .addMetrics(
            MetricSpec.newBuilder()
                .setName("errors")
                .setKind(MetricKind.FAILURES)
                .setCritical(true)
                .setWeight(1)
                .setMargin(0.01)
                .setLimit(1))
        .addMetrics(
            MetricSpec.newBuilder()
                .setName("brier")
                .setKind(MetricKind.QUALITY)
                .setWeight(1)
                .setMargin(0.002)
                .setLimit(0.002));
  }

  /** Counts of one arm at 25 %. */
  public static Cell cell(String rolloutId, Role role, long ok, long bad) {
    return Cell.newBuilder()
        .setRolloutId(rolloutId)
        .setModel("fraud")
        .setRule("default")
        .setDecisionRevision(3)
        .setCanaryWeightBp(2500)
        .setRole(role)
        .setVersion(role == Role.CANARY ? "8" : "7")
        .setAssigned(ok + bad)
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.OK).setCount(ok))
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.BAD_INTERNAL).setCount(bad))
        .setLatency(LatencyCounts.newBuilder().addIndex(1700).addCount(ok + bad))
        .build();
  }

  /** A block with a canary and a champion cell. */
  public static EvidenceBlock block(
      String router, long sequence, long second, String... rolloutIds) {
    EvidenceBlock.Builder block =
        EvidenceBlock.newBuilder()
            .setRouter(router)
            .setBootId(router + "-boot")
            .setSequence(sequence)
            .setSecond(second);
    for (String rolloutId : rolloutIds) {
      block
          .addCells(cell(rolloutId, Role.CANARY, 25, 0))
          .addCells(cell(rolloutId, Role.CHAMPION, 74, 1));
    }
    return block.build();
  }
}
