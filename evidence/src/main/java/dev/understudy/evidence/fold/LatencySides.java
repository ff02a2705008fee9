package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.process.QuantileInterval;
import dev.understudy.evidence.words.LatencyWords;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageMeans;
import dev.understudy.proto.v1.StageSums;
import java.util.List;
import java.util.TreeSet;

/**
 * Latency of both sides over the whole log, for display: percentiles with intervals, where the mean
 * time went, and the machines. What is compared is the canary against the live control, or against
 * the champion where the plan has none; before the canary has answered anybody, the copies of the
 * challenger against those of the mirrored control, if there are any.
 *
 * <p>Decisions are made by {@link LatencyFold}: the intervals here hold for independent latencies,
 * and stalls break that.
 */
final class LatencySides {
  private static final double[] QUANTILES = {.5, .75, .9, .95, .99, .999, .9999};
  private static final double DEFAULT_QUANTILE = .95;
  private static final int MOST_NODES = 64;

  private static final class Side {
    final SparseHistogram latency = new SparseHistogram();
    final TreeSet<String> nodes = new TreeSet<>();
    long calls;
    long network;
    long queue;
    long batchWait;
    long compute;
    long batchRows;

    void add(Cell cell) {
      BlockView.addTo(latency, cell.getLatency());
      for (String node : cell.getNodesList()) {
        if (!node.isEmpty() && nodes.size() < MOST_NODES) {
          nodes.add(node);
        }
      }
      StageSums stages = cell.getStages();
      calls += stages.getCalls();
      network += stages.getNetworkMicros();
      queue += stages.getQueueMicros();
      batchWait += stages.getBatchWaitMicros();
      compute += stages.getComputeMicros();
      batchRows += stages.getBatchRows();
    }

    StageMeans means() {
      if (calls == 0) {
        return StageMeans.getDefaultInstance();
      }
      double n = (double) calls;
      return StageMeans.newBuilder()
          .setCalls(calls)
          .setNetworkMicros((double) network / n)
          .setQueueMicros((double) queue / n)
          .setBatchWaitMicros((double) batchWait / n)
          .setComputeMicros((double) compute / n)
          .setMeanBatchRows((double) batchRows / n)
          .build();
    }
  }

  private final Versions versions;
  private final Role baselineRole;
  private final double quantile;
  private final Side canary = new Side();
  private final Side baseline = new Side();
  private final Side copies = new Side();
  private final Side controlCopies = new Side();

  LatencySides(EvaluationSpec spec) {
    versions = Versions.of(spec);
    baselineRole = spec.getLiveControl() ? Role.CONTROL : Role.CHAMPION;
    quantile =
        spec.getMetricsList().stream()
            .filter(metric -> metric.getKind() == MetricKind.LATENCY)
            .mapToDouble(MetricSpec::getQuantile)
            .findFirst()
            .orElse(DEFAULT_QUANTILE);
  }

  void block(JoinedBlock block) {
    for (Cell cell : block.getCellsList()) {
      if (cell.getCanaryWeightBp() == 0 || versions.promoted(cell)) {
        continue;
      }
      if (cell.getRole() == Role.CANARY) {
        canary.add(cell);
      } else if (cell.getRole() == baselineRole) {
        baseline.add(cell);
      }
    }
    for (PairCell cell : block.getPairsList()) {
      if (cell.getRole() == Role.SHADOW) {
        BlockView.addTo(copies.latency, cell.getCopyLatency());
      } else if (cell.getRole() == Role.MIRRORED_CONTROL) {
        BlockView.addTo(controlCopies.latency, cell.getCopyLatency());
      }
    }
  }

  /** Machines on which both sides ran. */
  List<String> sharedNodes() {
    return canary.nodes.stream().filter(baseline.nodes::contains).toList();
  }

  LatencyReport report() {
    boolean answered = canary.latency.total() > 0;
    Side ours = answered ? canary : copies;
    Side theirs = answered ? baseline : controlCopies;
    LatencyReport.Builder report =
        LatencyReport.newBuilder()
            .setBaselineRole(answered ? baselineRole : Role.MIRRORED_CONTROL)
            .setCanary(ours.means())
            .setBaseline(theirs.means())
            .addAllSharedNodes(sharedNodes());
    for (double p : QUANTILES) {
      quantile(report, p, ours.latency, theirs.latency);
    }
    return report.setStatement(LatencyWords.statement(report, quantile)).build();
  }

  /** Adds one percentile, unless the intervals are open above: then the data do not reach it. */
  private static void quantile(
      LatencyReport.Builder report, double p, SparseHistogram canary, SparseHistogram baseline) {
    if (canary.total() == 0 || baseline.total() == 0) {
      return;
    }
    QuantileInterval ours = QuantileInterval.of(canary, p, Estimate.LEVEL / 2);
    QuantileInterval theirs = QuantileInterval.of(baseline, p, Estimate.LEVEL / 2);
    if (ours.upperNanos() == Long.MAX_VALUE || theirs.upperNanos() == Long.MAX_VALUE) {
      return;
    }
    report.addQuantiles(
        QuantileReport.newBuilder()
            .setQuantile(p)
            .setCanary(middle(canary.quantileIndex(p)))
            .setCanaryLow(ours.lowerNanos())
            .setCanaryHigh(ours.upperNanos())
            .setBaseline(middle(baseline.quantileIndex(p)))
            .setBaselineLow(theirs.lowerNanos())
            .setBaselineHigh(theirs.upperNanos())
            .setDifferenceLow(ours.lowerNanos() - theirs.upperNanos())
            .setDifferenceHigh(ours.upperNanos() - theirs.lowerNanos()));
  }

  private static long middle(int bucket) {
    int inner = Math.clamp(bucket, 0, LatencyGrid.SIZE - 2);
    return (LatencyGrid.lowerNanos(inner) + LatencyGrid.upperNanos(inner)) / 2;
  }
}
