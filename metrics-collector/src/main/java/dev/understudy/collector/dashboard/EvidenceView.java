package dev.understudy.collector.dashboard;

import com.google.gson.JsonArray;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceMetric;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.StageMeans;
import dev.understudy.proto.v1.SwapSet;
import dev.understudy.proto.v1.ToleranceLearned;
import dev.understudy.proto.v1.WatchReport;
import java.util.List;
import java.util.stream.Collectors;

/** An evidence report for the page. */
final class EvidenceView {
  private static final int MAX_SLICES = 8;
  private static final double NANOS_PER_MS = 1e6;
  private static final double MICROS_PER_MS = 1e3;

  private EvidenceView() {}

  static Json of(EvidenceReport report) {
    Json json = new Json();
    json.put("overall", Json.word(report.getOverall()))
        .put("statement", report.getStatement())
        .put("guardrail", report.getGuardrail())
        .put("logAgainst", report.getLogAgainst())
        .put("logAgainstStop", report.getLogAgainstStop())
        .put("alpha", report.getAlpha())
        .put("beta", report.getBeta())
        .put("asOf", report.getAsOfUnixMs())
        .put("logSequence", report.getLogSequence())
        .put("specDigest", report.getSpecDigest())
        .put("stopped", report.getStopped())
        .put("pairs", report.getPairs())
        .put("pairsDropped", report.getPairsDropped())
        .put("onlyCopyFailed", report.getPairDiscordantCopyBad())
        .put("onlyChampionFailed", report.getPairDiscordantChampionBad())
        .put("divergence", report.getPairs() == 0 ? Double.NaN : report.getMeanDivergence())
        .put("noise", report.getMeanNoise())
        .put("labels", report.getLabels())
        .put("labelsPaired", report.getLabelsPaired())
        .put("gaps", report.getGaps())
        .put("lateBlocks", report.getLateBlocks())
        .put("blocks", report.getBlocks())
        .put("next", report.getNext())
        .put("drill", report.getDrill())
        .put("sliceHypotheses", report.getSliceHypotheses())
        .put("batchSizeDiffers", report.getBatchSizeDiffers());
    json.list("metrics", report.getMetricsList(), EvidenceView::metric);
    if (report.hasSplit()) {
      json.put("split", split(report.getSplit()));
    } else {
      json.none("split");
    }
    if (report.hasSwapSet() && report.getSwapSet().getPairs() > 0) {
      json.put("swap", swap(report.getSwapSet()));
    } else {
      json.none("swap");
    }
    List<SliceReport> slices = report.getSlicesList();
    json.list(
        "slices", slices.subList(0, Math.min(MAX_SLICES, slices.size())), EvidenceView::slice);
    json.list("examples", report.getExamplesList(), EvidenceView::example);
    json.list("measures", report.getMeasuresList(), EvidenceView::measure);
    json.list("tolerances", report.getTolerancesList(), EvidenceView::tolerance);
    if (report.hasLatency() && report.getLatency().getQuantilesCount() > 0) {
      json.put("latency", latency(report.getLatency()));
    } else {
      json.none("latency");
    }
    if (report.hasWatch()) {
      json.put("watch", watch(report.getWatch()));
    } else {
      json.none("watch");
    }
    return json;
  }

  private static Json latency(LatencyReport latency) {
    JsonArray nodes = new JsonArray();
    latency.getSharedNodesList().forEach(nodes::add);
    return new Json()
        .put("baseline", Json.word(latency.getBaselineRole()))
        .put("statement", latency.getStatement())
        .put("sharedNodes", nodes)
        .list("quantiles", latency.getQuantilesList(), EvidenceView::quantile)
        .put("canaryStages", means(latency.getCanary()))
        .put("baselineStages", means(latency.getBaseline()));
  }

  /** Times in milliseconds. */
  private static void quantile(Json json, QuantileReport quantile) {
    json.put("quantile", quantile.getQuantile())
        .put("canary", quantile.getCanary() / NANOS_PER_MS)
        .put("canaryLow", quantile.getCanaryLow() / NANOS_PER_MS)
        .put("canaryHigh", quantile.getCanaryHigh() / NANOS_PER_MS)
        .put("baseline", quantile.getBaseline() / NANOS_PER_MS)
        .put("baselineLow", quantile.getBaselineLow() / NANOS_PER_MS)
        .put("baselineHigh", quantile.getBaselineHigh() / NANOS_PER_MS)
        .put("differenceLow", quantile.getDifferenceLow() / NANOS_PER_MS)
        .put("differenceHigh", quantile.getDifferenceHigh() / NANOS_PER_MS);
  }

  /** Times in milliseconds. */
  private static Json means(StageMeans means) {
    return new Json()
        .put("calls", means.getCalls())
        .put("network", means.getNetworkMicros() / MICROS_PER_MS)
        .put("queue", means.getQueueMicros() / MICROS_PER_MS)
        .put("batchWait", means.getBatchWaitMicros() / MICROS_PER_MS)
        .put("compute", means.getComputeMicros() / MICROS_PER_MS)
        .put("batchRows", means.getMeanBatchRows());
  }

  private static void measure(Json json, MeasureReport measure) {
    json.put("output", measure.getOutput())
        .put("measure", Json.word(measure.getMeasure()))
        .put("pairs", measure.getPairs())
        .put("mean", measure.getMean())
        .put("max", measure.getMax())
        .put("noiseMean", measure.getNoiseMean())
        .put("noiseMax", measure.getNoiseMax());
  }

  private static void tolerance(Json json, ToleranceLearned tolerance) {
    json.put("output", tolerance.getOutput())
        .put("atol", tolerance.getAtol())
        .put("rtol", tolerance.getRtol())
        .put("pairs", tolerance.getPairs());
  }

  private static Json watch(WatchReport watch) {
    return new Json()
        .put("result", Json.word(watch.getResult()))
        .put("statement", watch.getStatement())
        .put("logEvidence", watch.getLogEvidence())
        .put("logAlarm", watch.getLogAlarm())
        .put("blocks", watch.getBlocks())
        .put("horizonBlocks", watch.getHorizonBlocks());
  }

  private static void metric(Json json, MetricReport metric) {
    json.put("name", metric.getName())
        .put("kind", Json.word(metric.getKind()))
        .put("critical", metric.getCritical())
        .put("result", Json.word(metric.getResult()))
        .put("statement", metric.getStatement())
        .put("logAgainst", metric.getLogAgainst())
        .put("logAgainstStop", metric.getLogAgainstStop())
        .put("logFor", metric.getLogFor())
        .put("logForNeeded", metric.getLogForNeeded())
        .put("observations", metric.getObservations())
        .put("estimate", metric.getEstimate())
        .put("low", metric.getLow())
        .put("high", metric.getHigh())
        .put("needsMore", metric.getNeedsMore())
        .put("eta", metric.getEtaSeconds())
        .put("reason", metric.getReason())
        .put("flipsIf", metric.getFlipsIf())
        .put("margin", metric.getMargin())
        .put("limit", metric.getLimit())
        .put("noise", metric.getNoiseFloor());
  }

  private static Json split(SplitReport split) {
    return new Json()
        .put("result", Json.word(split.getResult()))
        .put("statement", split.getStatement())
        .put("expected", split.getExpectedShare())
        .put("actual", split.getActualShare());
  }

  private static Json swap(SwapSet swap) {
    JsonArray bands = new JsonArray();
    int count = Math.max(swap.getToPositiveByBandCount(), swap.getToNegativeByBandCount());
    for (int i = 0; i < count; i++) {
      JsonArray band = new JsonArray();
      band.add(i < swap.getToPositiveByBandCount() ? swap.getToPositiveByBand(i) : 0);
      band.add(i < swap.getToNegativeByBandCount() ? swap.getToNegativeByBand(i) : 0);
      bands.add(band);
    }
    return new Json()
        .put("pairs", swap.getPairs())
        .put("toPositive", swap.getToPositive())
        .put("toNegative", swap.getToNegative())
        .put("bands", bands);
  }

  private static void slice(Json json, SliceReport slice) {
    json.put("slice", label(slice.getLabel()))
        .put("pairs", slice.getPairs())
        .put("divergence", slice.getMeanDivergence())
        .put("changed", slice.getChangedShare())
        .put("against", slice.getAgainst())
        .put("statement", slice.getStatement())
        .list("metrics", slice.getMetricsList(), EvidenceView::sliceMetric);
  }

  private static void sliceMetric(Json json, SliceMetric metric) {
    json.put("name", metric.getName())
        .put("kind", Json.word(metric.getKind()))
        .put("observations", metric.getObservations())
        .put("estimate", metric.getEstimate())
        .put("low", metric.getLow())
        .put("high", metric.getHigh())
        .put("against", metric.getAgainst());
  }

  private static void example(Json json, ExamplePair example) {
    json.put("prediction", example.getPredictionId())
        .put("divergence", example.getDivergence() / 1024.0)
        .put("champion", example.getChampionScore())
        .put("challenger", example.getScore())
        .put(
            "slices",
            example.getSlicesList().stream()
                .map(EvidenceView::label)
                .collect(Collectors.joining(", ")));
  }

  private static String label(SliceLabel label) {
    return label.getSlice() + " " + label.getValue();
  }
}
