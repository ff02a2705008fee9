package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.BettingMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Mean divergence of the challenger's answers, or the share of decisions that change. A limit or a
 * margin of 0 means that none was declared: then that side only informs.
 */
final class DivergenceFold extends MetricFold {
  private final boolean decisions;
  private final boolean decided;
  private final @Nullable BettingMean against;
  private final @Nullable BettingMean proof;
  private final MeanInterval divergence = new MeanInterval();
  private long compared;
  private long changed;

  DivergenceFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    decisions = metric.getKind() == MetricKind.CHANGED_DECISIONS;
    decided = spec.getContract().getDecision().hasCutoff();
    against = process(Direction.ABORT, metric.getLimit());
    proof = process(Direction.PROMOTE, metric.getMargin());
  }

  private static @Nullable BettingMean process(Direction direction, double limit) {
    return limit > 0 && limit < 1
        ? new BettingMean(new BettingMean.Parameters(direction, limit))
        : null;
  }

  @Override
  void pairs(PairTally tally) {
    if (tally.getRole() != Role.SHADOW) {
      return;
    }
    if (decisions) {
      long changes = tally.getChangedToPositive() + tally.getChangedToNegative();
      compared += tally.getComparedWithDecision();
      changed += changes;
      add(BettingMean.GRID_UNITS, changes);
      add(0, tally.getComparedWithDecision() - changes);
      return;
    }
    for (int i = 0; i < tally.getDivergenceCount(); i++) {
      divergence.add(tally.getDivergence(i), tally.getDivergenceCount(i));
      add(tally.getDivergence(i), tally.getDivergenceCount(i));
    }
  }

  private void add(int units, long count) {
    if (against != null) {
      against.addUnits(units, count);
    }
    if (proof != null) {
      proof.addUnits(units, count);
    }
  }

  @Override
  boolean critical() {
    return super.critical() && proof != null;
  }

  @Override
  boolean counts() {
    return against != null;
  }

  @Override
  boolean onCopies() {
    return true;
  }

  @Override
  double logAgainst() {
    return against == null ? 0 : against.logE();
  }

  @Override
  double logFor() {
    return proof == null ? 0 : proof.logE();
  }

  @Override
  long observations() {
    return decisions ? compared : divergence.n();
  }

  @Override
  @Nullable String unmeasurable() {
    if (decisions && !decided) {
      return "the contract states no decision";
    }
    return proof == null ? "no margin was declared, it only informs" : null;
  }

  @Override
  Estimate estimate() {
    return decisions ? RateInterval.of(changed, compared, Estimate.LEVEL) : divergence.estimate();
  }
}
