package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.evidence.process.SplitCheck;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Loss against what turned out to be true. Where a copy has judged the same case, the difference of
 * both losses counts; until the first such pair arrives, cases that only one arm has answered count
 * with the inverse of their probability. From the first pair on only pairs count: mixing both would
 * count the champion's half twice. What an outcome counts as is settled by the outcomes before it.
 *
 * <p>Outcomes are evidence only while their presence depends neither on the decision ({@link
 * SelectiveOutcomes}, for paired and unpaired ones) nor on the arm: unpaired ones of both arms must
 * arrive as their requests were split. Where that fails they are refused with the reason. An
 * outcome that is not a number is none, and is left out; a score that is not a number loses all.
 */
final class QualityFold extends MetricFold {
  private static final double BASIS_POINTS = 10_000;

  private final Losses losses;
  private final DifferenceMean pairedAgainst;
  private final DifferenceMean pairedProof;
  private final MarginProcess against;
  private final MarginProcess proof;
  private final SelectiveOutcomes selective;
  private final SplitCheck coverage = new SplitCheck();
  private final MeanInterval difference = new MeanInterval(Losses.UNITS);
  private final MeanInterval canaryLoss = new MeanInterval(Losses.UNITS);
  private final MeanInterval baselineLoss = new MeanInterval(Losses.UNITS);
  private boolean pairsSeen;
  private long paired;

  QualityFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    losses = new Losses(metric, spec);
    selective = new SelectiveOutcomes(spec);
    double limit = metric.getLimit() / losses.scale();
    double margin = metric.getMargin() / losses.scale();
    pairedAgainst = new DifferenceMean(new DifferenceMean.Parameters(Direction.ABORT, limit));
    pairedProof = new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, margin));
    against = new MarginProcess(new MarginProcess.Parameters(Direction.ABORT, limit));
    proof = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
  }

  @Override
  void pairs(PairTally tally) {
    selective.pairs(tally);
  }

  @Override
  void labels(LabelTally tally) {
    tally.getScoresList().forEach(this::label);
  }

  private void label(LabelledScore label) {
    if (label.getOutcomeMicros() == Scores.NOT_A_NUMBER) {
      return;
    }
    selective.outcome(label);
    boolean onCanary = label.getRole() == Role.CANARY;
    if (label.hasShadowScoreMicros() && !onCanary) {
      pairsSeen = true;
      paired++;
      double ours = loss(label.getShadowScoreMicros(), label);
      double theirs = loss(label.getScoreMicros(), label);
      pairedAgainst.add(ours - theirs);
      pairedProof.add(ours - theirs);
      difference.add(Losses.shown(ours) - Losses.shown(theirs), 1);
    } else if (!pairsSeen) {
      unpaired(label, onCanary);
    }
  }

  private double loss(long scoreMicros, LabelledScore label) {
    return losses.of(Scores.value(scoreMicros), Scores.value(label.getOutcomeMicros()));
  }

  private void unpaired(LabelledScore label, boolean onCanary) {
    double w = label.getCanaryWeightBp() / BASIS_POINTS;
    if (w <= 0 || w >= 1) {
      return;
    }
    double loss = loss(label.getScoreMicros(), label);
    coverage.assigned(w, onCanary ? 1 : 0, onCanary ? 0 : 1);
    against.loss(w, onCanary, loss);
    proof.loss(w, onCanary, loss);
    (onCanary ? canaryLoss : baselineLoss).add(Losses.shown(loss), 1);
  }

  /** Refused evidence may not speak for anything, but what it has lost stays lost. */
  private static double trusted(double logE, boolean refused) {
    return refused ? StrictMath.min(logE, 0) : logE;
  }

  /** Whether outcomes are no evidence now, of either kind. */
  boolean refused() {
    return selective.reason() != null;
  }

  private double both(double paired, double unpaired) {
    boolean refused = refused();
    return trusted(paired, refused) + trusted(unpaired, refused || unevenlyCovered());
  }

  private boolean unevenlyCovered() {
    return coverage.mismatch(SplitCheck.DEFAULT_ALPHA);
  }

  @Override
  double logAgainst() {
    return both(pairedAgainst.logE(), against.logE());
  }

  @Override
  double logFor() {
    return both(pairedProof.logE(), proof.logE());
  }

  @Override
  long observations() {
    return pairsSeen ? paired : canaryLoss.n() + baselineLoss.n();
  }

  @Override
  @Nullable String unmeasurable() {
    String reason = selective.reason();
    if (reason == null && !pairsSeen && unevenlyCovered()) {
      reason = Words.outcomesDependOnArm();
    }
    return reason;
  }

  @Override
  Estimate estimate() {
    if (pairsSeen) {
      return difference.estimate().times(losses.scale());
    }
    Estimate a = canaryLoss.estimate();
    Estimate b = baselineLoss.estimate();
    return new Estimate(a.value() - b.value(), a.low() - b.high(), a.high() - b.low())
        .times(losses.scale());
  }
}
