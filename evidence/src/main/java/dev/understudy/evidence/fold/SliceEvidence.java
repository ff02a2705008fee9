package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.process.BettingMean;
import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.QuantileInterval;
import dev.understudy.evidence.tally.ChangedShare;
import dev.understudy.evidence.tally.Scores;
import dev.understudy.evidence.words.SliceWords;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceTally;
import org.jspecify.annotations.Nullable;

/**
 * What one metric makes of one slice: the same test as {@link MetricFold} against the same limit,
 * fed with the slice alone. Only evidence against; nothing is proved of a slice.
 */
abstract sealed class SliceEvidence {
  final MetricSpec metric;
  private final boolean tested;

  SliceEvidence(MetricSpec metric, boolean tested) {
    this.metric = metric;
    this.tested = tested;
  }

  /**
   * @param sound whether a call counts at most once in this slice; otherwise nothing is tested
   */
  static SliceEvidence of(MetricSpec metric, EvaluationSpec spec, boolean sound) {
    return switch (metric.getKind()) {
      case FAILURES -> new Failures(metric, sound && tests(metric, spec));
      case LATENCY -> new Latency(metric, spec.getLiveControl());
      case DIVERGENCE, CHANGED_DECISIONS -> new Pairs(metric, spec, sound && tests(metric, spec));
      case QUALITY -> new Quality(metric, new Losses(metric, spec), sound && tests(metric, spec));
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "kind of metric: " + metric.getKindValue() + " (expected: a metric kind)");
    };
  }

  /**
   * Whether a metric can be tested within a slice. Not latency, which needs whole seconds of both
   * arms; not failures where requests of one key stay together, because slices count requests; and
   * not a divergence above the champion's noise, because that is not known per slice and request.
   */
  static boolean tests(MetricSpec metric, EvaluationSpec spec) {
    return switch (metric.getKind()) {
      case FAILURES -> spec.getUnit() != RandomisationUnit.KEY;
      case DIVERGENCE, CHANGED_DECISIONS ->
          metric.getLimit() > 0 && !DivergenceFold.aboveNoise(metric, spec);
      case QUALITY -> true;
      case LATENCY, METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> false;
    };
  }

  final boolean tested() {
    return tested;
  }

  void cell(Cell cell, SliceCell slice) {}

  void pairs(Role role, SliceTally tally) {}

  void label(LabelledScore label) {}

  abstract long observations();

  /** Natural logarithm of the evidence against, where the slice is tested. */
  abstract double logAgainst();

  abstract Estimate estimate();

  /**
   * @param overall the same metric's estimate over all, or NaN
   */
  abstract String words(double overall);

  private static final class Failures extends SliceEvidence {
    private final LabelProcess against;
    private long canary;
    private long canaryBad;
    private long baseline;
    private long baselineBad;

    Failures(MetricSpec metric, boolean tested) {
      super(metric, tested);
      against = new LabelProcess(LabelProcess.Parameters.abort(metric.getLimit()));
    }

    @Override
    void cell(Cell cell, SliceCell slice) {
      double w = cell.getCanaryWeightBp() / BlockView.BASIS_POINTS;
      long calls = slice.getOk() + slice.getBad();
      if (cell.getRole() == Role.CANARY) {
        canary += calls;
        canaryBad += slice.getBad();
        against.bad(w, slice.getBad(), 0);
      } else {
        baseline += calls;
        baselineBad += slice.getBad();
        against.bad(w, 0, slice.getBad());
      }
    }

    @Override
    long observations() {
      return canary + baseline;
    }

    @Override
    double logAgainst() {
      return against.logEvidence();
    }

    @Override
    Estimate estimate() {
      return RateInterval.difference(canaryBad, canary, baselineBad, baseline);
    }

    @Override
    String words(double overall) {
      return SliceWords.failures(
          (double) canaryBad / (double) canary, (double) baselineBad / (double) baseline);
    }
  }

  private static final class Latency extends SliceEvidence {
    private static final double NANOS = 1e9;

    private final boolean liveControl;
    private final SparseHistogram canary = new SparseHistogram();
    private final SparseHistogram reference = new SparseHistogram();

    Latency(MetricSpec metric, boolean liveControl) {
      super(metric, false);
      this.liveControl = liveControl;
    }

    @Override
    void cell(Cell cell, SliceCell slice) {
      LatencyCounts latency = slice.getLatency();
      if (cell.getRole() == Role.CANARY) {
        BlockView.addTo(canary, latency);
      } else if ((cell.getRole() == Role.CONTROL) == liveControl) {
        BlockView.addTo(reference, latency);
      }
    }

    @Override
    long observations() {
      return canary.total() == 0 || reference.total() == 0 ? 0 : canary.total() + reference.total();
    }

    @Override
    double logAgainst() {
      return 0;
    }

    @Override
    Estimate estimate() {
      double p = metric.getQuantile();
      QuantileInterval ours = QuantileInterval.of(canary, p, Estimate.LEVEL / 2);
      QuantileInterval theirs = QuantileInterval.of(reference, p, Estimate.LEVEL / 2);
      return new Estimate(
          seconds(canary) - seconds(reference),
          theirs.upperNanos() == Long.MAX_VALUE
              ? Double.NEGATIVE_INFINITY
              : (double) (ours.lowerNanos() - theirs.upperNanos()) / NANOS,
          ours.upperNanos() == Long.MAX_VALUE
              ? Double.POSITIVE_INFINITY
              : (double) (ours.upperNanos() - theirs.lowerNanos()) / NANOS);
    }

    private double seconds(SparseHistogram latencies) {
      int bucket =
          Math.clamp(latencies.quantileIndex(metric.getQuantile()), 1, LatencyGrid.SIZE - 2);
      return ((double) LatencyGrid.lowerNanos(bucket) + (double) LatencyGrid.upperNanos(bucket))
          / 2
          / NANOS;
    }

    @Override
    String words(double overall) {
      return SliceWords.latency(metric.getQuantile(), seconds(canary), seconds(reference));
    }
  }

  /** Divergence, or changed decisions, of the calls that have rows of the slice. */
  private static final class Pairs extends SliceEvidence {
    private final boolean decisions;
    private final boolean aboveNoise;
    private final @Nullable BettingMean against;
    private final MeanInterval divergence = new MeanInterval();
    private final MeanInterval noise = new MeanInterval();
    private final ShareInterval changed = new ShareInterval();

    Pairs(MetricSpec metric, EvaluationSpec spec, boolean tested) {
      super(metric, tested);
      decisions = metric.getKind() == MetricKind.CHANGED_DECISIONS;
      aboveNoise = DivergenceFold.aboveNoise(metric, spec);
      against =
          tested
              ? new BettingMean(new BettingMean.Parameters(Direction.ABORT, metric.getLimit()))
              : null;
    }

    @Override
    void pairs(Role role, SliceTally tally) {
      if (role == Role.MIRRORED_CONTROL && !decisions) {
        for (int i = 0; i < tally.getDivergenceCount(); i++) {
          noise.add(tally.getDivergence(i), tally.getDivergenceCount(i));
        }
      }
      if (role != Role.SHADOW) {
        return;
      }
      if (decisions) {
        for (int i = 0; i < tally.getChangedShareCount(); i++) {
          changed.add(tally.getChangedShare(i), tally.getChangedShareCount(i));
          add(ChangedShare.least(tally.getChangedShare(i)), tally.getChangedShareCount(i));
        }
        return;
      }
      for (int i = 0; i < tally.getDivergenceCount(); i++) {
        divergence.add(tally.getDivergence(i), tally.getDivergenceCount(i));
        add((double) tally.getDivergence(i) / BettingMean.GRID_UNITS, tally.getDivergenceCount(i));
      }
    }

    private void add(double value, long count) {
      if (against != null) {
        against.add(value, count);
      }
    }

    @Override
    long observations() {
      return decisions ? changed.n() : divergence.n();
    }

    @Override
    double logAgainst() {
      return against == null ? 0 : against.logE();
    }

    @Override
    Estimate estimate() {
      if (decisions) {
        return changed.estimate();
      }
      Estimate here = divergence.estimate();
      return aboveNoise && noise.n() > 0 ? above(here, noise.estimate()) : here;
    }

    /**
     * As a rise above the floor, in the terms of the metric; wide, because requests are not
     * matched.
     */
    private static Estimate above(Estimate here, Estimate floor) {
      return new Estimate(
          here.value() - floor.value(), here.low() - floor.high(), here.high() - floor.low());
    }

    @Override
    String words(double overall) {
      if (decisions) {
        return SliceWords.changed(changed.mean(), overall);
      }
      return aboveNoise
          ? SliceWords.divergenceAboveNoise(divergence.mean(), noise.mean())
          : SliceWords.divergence(divergence.mean(), overall);
    }
  }

  /** Outcomes of which a copy judged the same case. */
  private static final class Quality extends SliceEvidence {
    private final Losses losses;
    private final DifferenceMean against;
    private final MeanInterval difference = new MeanInterval(Losses.UNITS);
    private final MeanInterval challenger = new MeanInterval(Losses.UNITS);
    private final MeanInterval champion = new MeanInterval(Losses.UNITS);

    Quality(MetricSpec metric, Losses losses, boolean tested) {
      super(metric, tested);
      this.losses = losses;
      against =
          new DifferenceMean(
              new DifferenceMean.Parameters(Direction.ABORT, metric.getLimit() / losses.scale()));
    }

    @Override
    void label(LabelledScore label) {
      if (!label.hasShadowScoreMicros()
          || label.getRole() == Role.CANARY
          || label.getOutcomeMicros() == Scores.NOT_A_NUMBER) {
        return;
      }
      double outcome = Scores.value(label.getOutcomeMicros());
      double ours = losses.of(Scores.value(label.getShadowScoreMicros()), outcome);
      double theirs = losses.of(Scores.value(label.getScoreMicros()), outcome);
      challenger.add(Losses.shown(ours), 1);
      champion.add(Losses.shown(theirs), 1);
      difference.add(Losses.shown(ours) - Losses.shown(theirs), 1);
      against.add(ours - theirs);
    }

    @Override
    long observations() {
      return difference.n();
    }

    @Override
    double logAgainst() {
      return against.logE();
    }

    @Override
    Estimate estimate() {
      return difference.estimate().times(losses.scale());
    }

    @Override
    String words(double overall) {
      return SliceWords.quality(
          metric.getLoss(), challenger.mean() * losses.scale(), champion.mean() * losses.scale());
    }
  }
}
