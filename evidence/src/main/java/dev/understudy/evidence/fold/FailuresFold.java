package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.evidence.process.PairedProcess;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Failures. While nothing is answered by the challenger, pairs speak: discordant ones against it,
 * the mean of the paired difference for it. From the first second in which it answers a share of
 * the requests, those requests alone prove, and the pairs of such seconds are left aside: what
 * speaks is chosen by the weight in force, before the outcome, so the evidence against multiplies.
 *
 * <p>A request enters the proof not when it ends but when its time to fail is over ({@link
 * MaturingProof} says why). Pairs enter when both attempts have ended: a slow copy is then counted
 * with its original, not without it.
 *
 * <p>When traffic is split by key, keys take the place of requests: the evidence against looks at
 * the first failure of each key, the proof at whether a key failed within its first minute ({@link
 * KeyLedger} says why). Copies are compared request by request also then: both versions get the
 * same request, so nothing is drawn per key.
 */
final class FailuresFold extends MetricFold {
  private final LabelProcess against;
  private final PairedProcess pairsAgainst;
  private final MarginProcess proof;
  private final DifferenceMean pairsProof;
  private final boolean byKey;
  private final @Nullable MaturingProof maturing;
  private boolean canarySeen;
  private long canaryBad;
  private long canaryJudged;
  private long baselineBad;
  private long baselineJudged;
  private long pairs;
  private long copyBad;
  private long championBad;

  FailuresFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    byKey = spec.getUnit() == RandomisationUnit.KEY;
    var abort = LabelProcess.Parameters.abort(metric.getLimit());
    against = new LabelProcess(abort);
    pairsAgainst = new PairedProcess(abort);
    proof = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, metric.getMargin()));
    maturing =
        byKey || spec.getLongestAttemptMs() == 0
            ? null
            : new MaturingProof(
                metric.getMargin(), MaturingProof.seconds(spec.getLongestAttemptMs()));
    pairsProof =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, metric.getMargin()));
  }

  @Override
  void block(BlockView view) {
    for (BlockView.Outcomes o : view.outcomes()) {
      if (o.w() > 0 && o.w() < 1) {
        if (maturing == null) {
          proof.add(o.w(), o.canaryOk(), o.canaryBad(), o.baselineOk(), o.baselineBad());
        }
        canaryBad += o.canaryBad();
        canaryJudged += o.canaryOk() + o.canaryBad();
        baselineBad += o.baselineBad();
        baselineJudged += o.baselineOk() + o.baselineBad();
      }
    }
    if (maturing != null) {
      maturing.block(view);
    }
    if (!view.canaryInForce()) {
      view.block().getPairsList().stream()
          .filter(cell -> cell.getRole() == Role.SHADOW)
          .forEach(this::pair);
      return;
    }
    canarySeen = true;
    view.groups()
        .forEach((force, group) -> against.bad(force.w(), group.canary.bad, group.baseline.bad));
  }

  private void pair(PairCell cell) {
    long concordant = cell.getBothOk() + cell.getBothBad();
    pairsAgainst.add(cell.getOnlyCopyBad(), cell.getOnlyChampionBad());
    pairsProof.add(0, concordant);
    pairsProof.add(1, cell.getOnlyCopyBad());
    pairsProof.add(-1, cell.getOnlyChampionBad());
    pairs += concordant + cell.getOnlyCopyBad() + cell.getOnlyChampionBad();
    copyBad += cell.getOnlyCopyBad() + cell.getBothBad();
    championBad += cell.getOnlyChampionBad() + cell.getBothBad();
  }

  @Override
  boolean onCopies() {
    return !canarySeen;
  }

  @Override
  String claim() {
    return byKey && canarySeen
        ? Words.claimByKey(metric().getMargin(), KeyLedger.WINDOW_SECONDS)
        : super.claim();
  }

  @Override
  String unit() {
    return byKey && canarySeen ? Words.KEYS : super.unit();
  }

  @Override
  double logAgainst() {
    return against.logEvidence() + pairsAgainst.logEvidence();
  }

  @Override
  double logFor() {
    if (!canarySeen) {
      return pairsProof.logE();
    }
    return maturing == null ? proof.logE() : maturing.logE();
  }

  @Override
  long observations() {
    return canarySeen ? canaryJudged + baselineJudged : pairs;
  }

  @Override
  @Nullable String unmeasurable() {
    return null;
  }

  @Override
  Estimate estimate() {
    return canarySeen
        ? RateInterval.difference(canaryBad, canaryJudged, baselineBad, baselineJudged)
        : RateInterval.difference(copyBad, pairs, championBad, pairs);
  }
}
