package dev.understudy.evidence.simulation;

import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;

/** One simulated rollout: what happens becomes records of a log, and the production fold reads. */
final class Trial {
  /** What is asked after each record. */
  enum Question {
    STOPPED,
    PROVED,
    SPLIT_DOUBTED
  }

  private final EvidenceFold fold = new EvidenceFold();
  private long sequence;
  private long second = Specs.START_SECOND;
  private long predictions;

  Trial(EvaluationSpec spec) {
    record(EvidenceLogRecord.newBuilder().setSpec(spec));
  }

  /** The next second, on time; with the cells that {@code block} brings. */
  void second(JoinedBlock.Builder block) {
    second++;
    record(EvidenceLogRecord.newBuilder().setBlock(block.setSecond(second)));
  }

  /** Cells of the second that has just been recorded, after the watermark. */
  void late(Iterable<Cell> cells) {
    record(
        EvidenceLogRecord.newBuilder()
            .setBlock(JoinedBlock.newBuilder().setSecond(second).setLate(true).addAllCells(cells)));
  }

  /** A second in which nothing is answered by the challenger, with copies of some requests. */
  void copies(long bothOk, long onlyChampionBad, long onlyCopyBad, long bothBad) {
    second(
        JoinedBlock.newBuilder()
            .addCells(
                Cells.of(
                    Role.CHAMPION, 0, 0, bothOk + onlyCopyBad, onlyChampionBad + bothBad, null))
            .addPairs(
                PairCell.newBuilder()
                    .setRolloutId(Specs.ROLLOUT)
                    .setRole(Role.SHADOW)
                    .setVersion(Specs.CHALLENGER)
                    .setBothOk(bothOk)
                    .setOnlyChampionBad(onlyChampionBad)
                    .setOnlyCopyBad(onlyCopyBad)
                    .setBothBad(bothBad)));
  }

  void pairs(PairTally.Builder tally) {
    record(EvidenceLogRecord.newBuilder().setPairs(tally));
  }

  /** A case on which both have scored, and whose outcome, 0 or 1, has become known. */
  LabelledScore paired(double champion, double challenger, int outcome) {
    return LabelledScore.newBuilder()
        .setRole(Role.CHAMPION)
        .setScoreMicros(StrictMath.round(champion * 1e6))
        .setShadowScoreMicros(StrictMath.round(challenger * 1e6))
        .setOutcomeMicros(outcome * 1_000_000L)
        .setPrediction(++predictions)
        .build();
  }

  void labels(Iterable<LabelledScore> scores) {
    record(EvidenceLogRecord.newBuilder().setLabels(LabelTally.newBuilder().addAllScores(scores)));
  }

  void record(EvidenceLogRecord.Builder record) {
    sequence++;
    fold.accept(
        record.setSequence(sequence).setUnixMs(second * 1000).setRolloutId(Specs.ROLLOUT).build());
  }

  boolean answer(Question question) {
    return switch (question) {
      case STOPPED -> fold.against();
      case PROVED -> fold.proved();
      case SPLIT_DOUBTED -> fold.splitDoubted();
    };
  }

  /** How many times its stake a bet against the challenger has become. */
  double evidenceAgainst() {
    return StrictMath.exp(fold.logAgainst());
  }
}
