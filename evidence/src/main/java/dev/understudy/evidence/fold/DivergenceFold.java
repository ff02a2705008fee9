package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.BettingMean;
import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.tally.ChangedShare;
import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/**
 * Mean divergence of the challenger's answers, or the share of decisions that change. A limit or a
 * margin of 0 means that none was declared: then that side only informs.
 *
 * <p><b>Above the noise.</b> A champion that is asked twice may differ from itself. Where a plan
 * that claims {@code intent: equivalent} has a mirrored control, what counts is each request's
 * divergence of the challenger's copy less that of the champion's second copy, and limit and margin
 * are rises above that floor. The spec chooses, before there are data: requests that only one of
 * the copies answered are then left aside, and while there is none that both answered, the metric
 * waits.
 *
 * <p>Both count calls. Rows of one call may change together, so of its decisions the share that
 * changed is one observation, however many rows it has (see {@link ChangedShare}).
 */
final class DivergenceFold extends MetricFold {
  /** One side of the test. */
  private interface Bet {
    /** So many calls of one value, in [0, 1]; above the noise in [-1, 1]. */
    void add(double value, long count);

    double logE();
  }

  private final boolean decisions;
  private final boolean decided;
  private final boolean aboveNoise;
  private final @Nullable Bet against;
  private final @Nullable Bet proof;
  private final MeanInterval divergence = new MeanInterval();
  private final ShareInterval changed = new ShareInterval();

  DivergenceFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    decisions = metric.getKind() == MetricKind.CHANGED_DECISIONS;
    decided = spec.getContract().getDecision().hasCutoff();
    aboveNoise = aboveNoise(metric, spec);
    against = bet(Direction.ABORT, metric.getLimit(), aboveNoise);
    proof = bet(Direction.PROMOTE, metric.getMargin(), aboveNoise);
  }

  /** Whether the metric is judged with the champion's own noise taken off. */
  static boolean aboveNoise(MetricSpec metric, EvaluationSpec spec) {
    return metric.getKind() == MetricKind.DIVERGENCE
        && spec.getMirroredControl()
        && spec.getIntent() == Intent.EQUIVALENT;
  }

  private static @Nullable Bet bet(Direction direction, double limit, boolean aboveNoise) {
    if (!(limit > 0 && limit < 1)) {
      return null;
    }
    return aboveNoise
        ? difference(new DifferenceMean(new DifferenceMean.Parameters(direction, limit)))
        : mean(new BettingMean(new BettingMean.Parameters(direction, limit)));
  }

  private static Bet mean(BettingMean mean) {
    return new Bet() {
      @Override
      public void add(double value, long count) {
        mean.add(value, count);
      }

      @Override
      public double logE() {
        return mean.logE();
      }
    };
  }

  private static Bet difference(DifferenceMean difference) {
    return new Bet() {
      @Override
      public void add(double value, long count) {
        difference.add(value, count);
      }

      @Override
      public double logE() {
        return difference.logE();
      }
    };
  }

  @Override
  void pairs(PairTally tally) {
    if (tally.getRole() != Role.SHADOW) {
      return;
    }
    if (decisions) {
      for (int i = 0; i < tally.getChangedShareCount(); i++) {
        int units = tally.getChangedShare(i);
        long calls = tally.getChangedShareCount(i);
        changed.add(units, calls);
        add(ChangedShare.least(units), ChangedShare.most(units), calls);
      }
    } else if (aboveNoise) {
      for (int i = 0; i < tally.getCancelledCount(); i++) {
        divergence.add(tally.getCancelled(i), tally.getCancelledCount(i));
        add(tally.getCancelled(i), tally.getCancelledCount(i));
      }
    } else {
      for (int i = 0; i < tally.getDivergenceCount(); i++) {
        divergence.add(tally.getDivergence(i), tally.getDivergenceCount(i));
        add(tally.getDivergence(i), tally.getDivergenceCount(i));
      }
    }
  }

  private void add(int units, long count) {
    double value = (double) units / BettingMean.GRID_UNITS;
    add(value, value, count);
  }

  private void add(double least, double most, long count) {
    if (against != null) {
      against.add(least, count);
    }
    if (proof != null) {
      proof.add(most, count);
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
  String claim() {
    return aboveNoise ? Words.claimAboveNoise(metric().getMargin()) : super.claim();
  }

  @Override
  String reproach() {
    return aboveNoise ? Words.reproachAboveNoise(metric().getLimit()) : super.reproach();
  }

  @Override
  @Nullable String awaited() {
    return aboveNoise ? Words.noTriplesYet() : null;
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
    return decisions ? changed.n() : divergence.n();
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
    return decisions ? changed.estimate() : divergence.estimate();
  }
}
