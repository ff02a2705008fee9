package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.evidence.process.SplitCheck;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Loss against what turned out to be true. Where a copy has judged the same case, the difference of
 * both losses counts; until the first such pair arrives, cases that only one arm has answered count
 * with the inverse of their probability. From the first pair on only pairs count: mixing both would
 * count the champion's half twice. What an outcome counts as is settled by the outcomes before it.
 *
 * <p>Unpaired outcomes are evidence only while both arms' outcomes arrive as their requests were
 * split; where that fails, whether an outcome arrives depends on the arm, and they are refused.
 */
final class QualityFold extends MetricFold {
  private static final double UNITS = 1024;
  private static final double BASIS_POINTS = 10_000;

  private final Losses losses;
  private final DifferenceMean pairedAgainst;
  private final DifferenceMean pairedProof;
  private final MarginProcess against;
  private final MarginProcess proof;
  private final SplitCheck coverage = new SplitCheck();
  private final MeanInterval difference = new MeanInterval();
  private final MeanInterval canaryLoss = new MeanInterval();
  private final MeanInterval baselineLoss = new MeanInterval();
  private boolean pairsSeen;
  private long labels;
  private long paired;

  QualityFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    losses = new Losses(metric, spec);
    double limit = metric.getLimit() / losses.scale();
    double margin = metric.getMargin() / losses.scale();
    pairedAgainst = new DifferenceMean(new DifferenceMean.Parameters(Direction.ABORT, limit));
    pairedProof = new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, margin));
    against = new MarginProcess(new MarginProcess.Parameters(Direction.ABORT, limit));
    proof = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
  }

  @Override
  void labels(LabelTally tally) {
    tally.getScoresList().forEach(this::label);
  }

  private void label(LabelledScore label) {
    labels++;
    boolean onCanary = label.getRole() == Role.CANARY;
    if (label.hasShadowScoreMicros() && !onCanary) {
      pairsSeen = true;
      paired++;
      int units = units(label.getShadowScoreMicros(), label) - units(label.getScoreMicros(), label);
      pairedAgainst.addUnits(units, 1);
      pairedProof.addUnits(units, 1);
      difference.add(units, 1);
    } else if (!pairsSeen) {
      unpaired(label, onCanary);
    }
  }

  private int units(long scoreMicros, LabelledScore label) {
    return losses.units(Scores.value(scoreMicros), Scores.value(label.getOutcomeMicros()));
  }

  private Estimate scaled(Estimate e) {
    double scale = losses.scale();
    return new Estimate(e.value() * scale, e.low() * scale, e.high() * scale);
  }

  private void unpaired(LabelledScore label, boolean onCanary) {
    double w = label.getCanaryWeightBp() / BASIS_POINTS;
    if (w <= 0 || w >= 1) {
      return;
    }
    int units = units(label.getScoreMicros(), label);
    double loss = units / UNITS;
    coverage.assigned(w, onCanary ? 1 : 0, onCanary ? 0 : 1);
    against.loss(w, onCanary, loss);
    proof.loss(w, onCanary, loss);
    (onCanary ? canaryLoss : baselineLoss).add(units, 1);
  }

  long labels() {
    return labels;
  }

  long paired() {
    return paired;
  }

  /** Refused evidence may not speak for anything, but what it has lost stays lost. */
  private double trusted(MarginProcess process) {
    double logE = process.logE();
    return unevenlyCovered() ? StrictMath.min(logE, 0) : logE;
  }

  private boolean unevenlyCovered() {
    return coverage.mismatch(SplitCheck.DEFAULT_ALPHA);
  }

  @Override
  double logAgainst() {
    return pairedAgainst.logE() + trusted(against);
  }

  @Override
  double logFor() {
    return pairedProof.logE() + trusted(proof);
  }

  @Override
  long observations() {
    return pairsSeen ? paired : canaryLoss.n() + baselineLoss.n();
  }

  @Override
  @Nullable String unmeasurable() {
    return !pairsSeen && unevenlyCovered()
        ? "outcomes do not arrive in equal shares for both arms, so their absence may depend on the"
            + " arm"
        : null;
  }

  @Override
  Estimate estimate() {
    if (pairsSeen) {
      return scaled(difference.estimate());
    }
    Estimate a = canaryLoss.estimate();
    Estimate b = baselineLoss.estimate();
    return scaled(new Estimate(a.value() - b.value(), a.low() - b.high(), a.high() - b.low()));
  }
}
