package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.process.BlockLatency;
import dev.understudy.evidence.process.QuantileInterval;
import dev.understudy.evidence.words.Advice;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Latency, second by second, of the canary against the live control. Without a control arm the
 * lightly loaded canary meets a busy champion: that comparison may stop a canary that is very much
 * slower, with at least {@value #WIDE_TOLERANCE} as tolerance, and proves nothing. With sticky keys
 * seconds are not exchangeable, and latency has no say.
 */
final class LatencyFold extends MetricFold {
  static final double WIDE_TOLERANCE = 1.0;

  private final boolean liveControl;
  private final boolean byKey;
  private final BlockLatency process;
  private final SparseHistogram canary = new SparseHistogram();
  private final SparseHistogram reference = new SparseHistogram();
  private long lastSecond = Long.MIN_VALUE;
  private boolean canarySeen;

  LatencyFold(MetricSpec metric, EvaluationSpec spec) {
    super(metric);
    liveControl = spec.getLiveControl();
    byKey = spec.getUnit() == RandomisationUnit.KEY;
    double tolerance =
        liveControl ? metric.getMargin() : StrictMath.max(metric.getMargin(), WIDE_TOLERANCE);
    process =
        new BlockLatency(
            BlockLatency.Parameters.of(metric.getQuantile(), tolerance, spec.getSeed()));
  }

  @Override
  void block(BlockView view) {
    canarySeen |= view.canaryInForce();
    // A second that comes late, or in which decision or weights changed, is not comparable.
    if (view.block().getLate()
        || view.block().getSecond() <= lastSecond
        || view.groups().isEmpty()) {
      return;
    }
    BlockView.Force force = view.groups().firstKey();
    for (BlockView.Force other : view.groups().keySet()) {
      if (!other.isDecidedAs(force)) {
        return;
      }
    }
    if (force.canaryBp() == 0) {
      process.learn(joined(view, group -> group.championLatency));
      return;
    }
    double referenceShare = liveControl ? force.controlShare() : force.championShare();
    if (referenceShare <= 0) {
      return;
    }
    lastSecond = view.block().getSecond();
    SparseHistogram canaryNow = joined(view, group -> group.canaryLatency);
    SparseHistogram referenceNow =
        joined(view, group -> liveControl ? group.controlLatency : group.championLatency);
    process.add(
        new BlockLatency.Second(
            lastSecond, force.revision(), force.w(), canaryNow, referenceShare, referenceNow));
    canary.merge(canaryNow);
    reference.merge(referenceNow);
  }

  /** One arm's latencies of a second, over the rules that it was routed by. */
  private static SparseHistogram joined(
      BlockView view, Function<BlockView.Group, List<LatencyCounts>> arm) {
    SparseHistogram all = new SparseHistogram();
    for (BlockView.Group group : view.groups().values()) {
      arm.apply(group).forEach(counts -> BlockView.addTo(all, counts));
    }
    return all;
  }

  @Override
  boolean critical() {
    return super.critical() && liveControl && !byKey;
  }

  @Override
  boolean counts() {
    return !byKey;
  }

  @Override
  double logAgainst() {
    return byKey ? 0 : process.logEAgainst();
  }

  @Override
  double logFor() {
    return liveControl && !byKey ? process.logEFor() : 0;
  }

  @Override
  long observations() {
    return process.judgedBlocks();
  }

  @Override
  @Nullable String unmeasurable() {
    if (!liveControl) {
      return Advice.NO_CONTROL;
    }
    if (byKey) {
      return "requests of one key stay on one arm";
    }
    return canarySeen ? null : "the challenger answers no customer yet";
  }

  /** Ratio of the canary's quantile to the reference's. */
  @Override
  Estimate estimate() {
    if (canary.total() == 0 || reference.total() == 0) {
      return Estimate.NONE;
    }
    double p = metric().getQuantile();
    QuantileInterval ours = QuantileInterval.of(canary, p, Estimate.LEVEL / 2);
    QuantileInterval theirs = QuantileInterval.of(reference, p, Estimate.LEVEL / 2);
    return new Estimate(
        middle(canary.quantileIndex(p)) / middle(reference.quantileIndex(p)),
        theirs.upperNanos() == Long.MAX_VALUE
            ? 0
            : (double) ours.lowerNanos() / (double) theirs.upperNanos(),
        theirs.lowerNanos() == 0 || ours.upperNanos() == Long.MAX_VALUE
            ? Double.POSITIVE_INFINITY
            : (double) ours.upperNanos() / (double) theirs.lowerNanos());
  }

  private static double middle(int bucket) {
    int inner = Math.clamp(bucket, 1, LatencyGrid.SIZE - 2);
    return ((double) LatencyGrid.lowerNanos(inner) + (double) LatencyGrid.upperNanos(inner)) / 2;
  }
}
