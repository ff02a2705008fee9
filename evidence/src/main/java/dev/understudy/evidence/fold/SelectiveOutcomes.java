package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.Combination;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.SplitCheck;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Does it depend on the decision whether an outcome becomes known? A loan that was granted can
 * default; one that was refused cannot. Then the cases with an outcome are chosen by one of the
 * models that are to be compared, and any loss over them is a loss over that choice: such outcomes
 * are no evidence, paired or not.
 *
 * <p><b>Null hypothesis.</b> Among the outcomes that one arm's answers get, the odds of a positive
 * decision are, up to a factor of {@value #TOLERATED} either way, those among all of its decisions.
 * The factor covers the natural: reviews that look a little more often at one side, shares that
 * drift between decision and outcome, and the error of the estimate below.
 *
 * <p><b>Formula.</b> {@link LabelProcess} with outcomes as events, "the decision was positive" as
 * label, and as its probability the share of positive decisions of that version over all compared
 * pairs that the log held before the outcome; in both directions, for both versions: four e-values,
 * of which the mean counts. It speaks from {@value #LEAST} decisions of either kind on, so that the
 * estimated odds are within about a quarter of the true ones.
 *
 * <p><b>What it cannot see.</b> Without compared pairs, or without a cut-off in the contract, how
 * often a version decides positively is not known, and nothing is found. Outcomes that depend on
 * something else than the decision are not found either. It needs some tens of outcomes where half
 * of the decisions are positive, and some thousands where one in a hundred is.
 */
final class SelectiveOutcomes {
  static final double TOLERATED = 2;
  static final long LEAST = 30;

  /** One version's decisions, and the outcomes of the calls that it answered. */
  private static final class Side {
    final LabelProcess positive = process();
    final LabelProcess negative = process();
    long positives;

    private static LabelProcess process() {
      return new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, TOLERATED, 0));
    }

    void outcome(boolean decidedPositively, long decisions) {
      long negatives = decisions - positives;
      if (positives >= LEAST && negatives >= LEAST) {
        positive.bad((double) positives / (double) decisions, decidedPositively);
        negative.bad((double) negatives / (double) decisions, !decidedPositively);
      }
    }
  }

  private final @Nullable Double cutoff;
  private final Side champion = new Side();
  private final Side challenger = new Side();
  private long decisions;

  SelectiveOutcomes(EvaluationSpec spec) {
    Decision decision = spec.getContract().getDecision();
    cutoff = decision.hasCutoff() ? decision.getCutoff() : null;
  }

  void pairs(PairTally tally) {
    if (tally.getRole() == Role.SHADOW) {
      decisions += tally.getComparedWithDecision();
      champion.positives += tally.getChampionPositive();
      challenger.positives +=
          tally.getChampionPositive() + tally.getChangedToPositive() - tally.getChangedToNegative();
    }
  }

  /** An outcome, after the pairs that came before it. */
  void outcome(LabelledScore label) {
    double score = Scores.value(label.getScoreMicros());
    if (cutoff == null || Double.isNaN(score)) {
      return;
    }
    Side side = label.getRole() == Role.CANARY ? challenger : champion;
    side.outcome(score >= cutoff, decisions);
  }

  /** Natural logarithm of the evidence that outcomes depend on the decision. */
  double logE() {
    List<Combination.Part> parts = new ArrayList<>();
    for (Side side : List.of(champion, challenger)) {
      parts.add(new Combination.Part(0.25, side.positive.logE()));
      parts.add(new Combination.Part(0.25, side.negative.logE()));
    }
    return Combination.logWeightedMean(parts);
  }

  /** Why outcomes are refused, and of which decision they are missing; null when they are not. */
  @Nullable String reason() {
    if (logE() < -StrictMath.log(SplitCheck.DEFAULT_ALPHA)) {
      return null;
    }
    double positive = StrictMath.max(champion.positive.logE(), challenger.positive.logE());
    double negative = StrictMath.max(champion.negative.logE(), challenger.negative.logE());
    return Words.outcomesDependOnDecision(negative > positive);
  }
}
