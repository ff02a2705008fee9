package dev.understudy.collector.dashboard;

import com.google.gson.JsonArray;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.SwapSet;
import java.util.List;
import java.util.stream.Collectors;

/** An evidence report for the page. */
final class EvidenceView {
  private static final int MAX_SLICES = 8;

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
        .put("blocks", report.getBlocks());
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
    return json;
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
        .put("changed", slice.getChangedShare());
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
