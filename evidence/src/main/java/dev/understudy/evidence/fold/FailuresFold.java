package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.MarginProcess;
import dev.understudy.evidence.process.PairedProcess;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Failures. While nothing is answered by the challenger, pairs speak: discordant ones against it,
 * the mean of the paired difference for it. From the first second in which it answers a share of
 * the requests, those requests alone prove, and the pairs of such seconds are left aside: what
 * speaks is chosen by the weight in force, before the outcome, so the evidence against multiplies.
 */
final class FailuresFold extends MetricFold {
  private final LabelProcess against;
  private final PairedProcess pairsAgainst;
  private final MarginProcess proof;
  private final DifferenceMean pairsProof;
  private boolean canarySeen;
  private long canaryBad;
  private long canaryJudged;
  private long baselineBad;
  private long baselineJudged;
  private long pairs;
  private long copyBad;
  private long championBad;

  FailuresFold(MetricSpec metric) {
    super(metric);
    var abort = LabelProcess.Parameters.abort(metric.getLimit());
    against = new LabelProcess(abort);
    pairsAgainst = new PairedProcess(abort);
    proof = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, metric.getMargin()));
    pairsProof =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, metric.getMargin()));
  }

  @Override
  void block(BlockView view) {
    if (!view.canaryInForce()) {
      view.block().getPairsList().stream()
          .filter(cell -> cell.getRole() == Role.SHADOW)
          .forEach(this::pair);
      return;
    }
    canarySeen = true;
    view.groups()
        .forEach((force, group) -> {
          double w = force.w();
          if (w <= 0 || w >= 1) {
            return;
          }
          BlockView.Side canary = group.canary;
          BlockView.Side baseline = group.baseline;
          against.bad(w, canary.bad, baseline.bad);
          proof.add(w, canary.ok, canary.bad, baseline.ok, baseline.bad);
          canaryBad += canary.bad;
          canaryJudged += canary.ok + canary.bad;
          baselineBad += baseline.bad;
          baselineJudged += baseline.ok + baseline.bad;
        });
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
  double logAgainst() {
    return against.logEvidence() + pairsAgainst.logEvidence();
  }

  @Override
  double logFor() {
    return canarySeen ? proof.logE() : pairsProof.logE();
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
