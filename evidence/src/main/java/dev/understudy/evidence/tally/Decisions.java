package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.Tensor;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import org.jspecify.annotations.Nullable;

/**
 * What both answers of a pair decide, row by row: "yes" from the cut-off upwards. A row has a
 * decision when both scores are there and numbers, in outputs of one shape.
 */
final class Decisions {
  private final @Nullable Tensor champion;
  private final Tensor copy;
  private final int column;
  private final double cutOff;

  private Decisions(@Nullable Tensor champion, Tensor copy, int column, double cutOff) {
    this.champion = champion;
    this.copy = copy;
    this.column = column;
    this.cutOff = cutOff;
  }

  static boolean declared(DataContract contract) {
    Decision decision = contract.getDecision();
    return decision.hasCutoff()
        && Double.isFinite(decision.getCutoff())
        && decision.getColumn() >= 0;
  }

  static Decisions of(Decision decision, Tensor champion, Tensor copy) {
    return new Decisions(
        champion.sameShape(copy) ? champion : null,
        copy,
        decision.getColumn(),
        decision.getCutoff());
  }

  /** Rows that may have a decision. */
  int rows() {
    return champion == null ? 0 : champion.rows();
  }

  /** NaN where the row has none. */
  double championScore(int row) {
    return champion == null ? Double.NaN : champion.score(row, column);
  }

  /** NaN where the row has none. */
  double copyScore(int row) {
    return champion == null ? Double.NaN : copy.score(row, column);
  }

  boolean positive(double score) {
    return score >= cutOff;
  }
}
