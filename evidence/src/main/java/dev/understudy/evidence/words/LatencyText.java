package dev.understudy.evidence.words;

import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StageMeans;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Latency side by side, and where the time went. */
final class LatencyText {
  private LatencyText() {}

  static void write(Page page, LatencyReport latency) {
    boolean stages = latency.getCanary().getCalls() > 0 && latency.getBaseline().getCalls() > 0;
    if (latency.getQuantilesCount() == 0 && !stages) {
      return;
    }
    String baseline = latency.getBaselineRole() == Role.CONTROL ? "control" : "champion";
    page.heading("Latency of the challenger against the " + baseline);
    if (!latency.getStatement().isEmpty()) {
      page.sentence(latency.getStatement());
    }
    if (latency.getQuantilesCount() > 0) {
      page.table(1, quantiles(latency, baseline));
      page.sentence(
          "Each true value lies between its two ends in at least 95 % of rollouts, however often"
              + " one looks, if requests are slow independently of each other. The verdict does not"
              + " need that.");
    }
    if (stages) {
      page.heading("Where the mean time went (means add up, percentiles do not)");
      page.table(1, stages(latency.getCanary(), latency.getBaseline(), baseline));
    }
  }

  private static List<List<String>> quantiles(LatencyReport latency, String baseline) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of("percentile", "challenger", "between", baseline, "between", "difference between"));
    for (QuantileReport q : latency.getQuantilesList()) {
      rows.add(
          List.of(
              Numbers.shortPercentile(q.getQuantile()),
              Numbers.nanos(q.getCanary()),
              Numbers.nanos(q.getCanaryLow()) + " – " + Numbers.nanos(q.getCanaryHigh()),
              Numbers.nanos(q.getBaseline()),
              Numbers.nanos(q.getBaselineLow()) + " – " + Numbers.nanos(q.getBaselineHigh()),
              signed((double) q.getDifferenceLow())
                  + " and "
                  + signed((double) q.getDifferenceHigh())));
    }
    return rows;
  }

  private static List<List<String>> stages(StageMeans c, StageMeans b, String baseline) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "challenger", baseline, "difference"));
    rows.add(stage("network and router", c, b, StageMeans::getNetworkMicros));
    rows.add(stage("waiting for a free instance", c, b, StageMeans::getQueueMicros));
    rows.add(stage("waiting to fill a batch", c, b, StageMeans::getBatchWaitMicros));
    rows.add(stage("computing", c, b, StageMeans::getComputeMicros));
    rows.add(stage("all", c, b, LatencyText::all));
    rows.add(
        List.of(
            "rows in a batch",
            Numbers.decimal(c.getMeanBatchRows()),
            Numbers.decimal(b.getMeanBatchRows()),
            ""));
    rows.add(List.of("calls", Numbers.count(c.getCalls()), Numbers.count(b.getCalls()), ""));
    return rows;
  }

  private static double all(StageMeans s) {
    return s.getNetworkMicros()
        + s.getQueueMicros()
        + s.getBatchWaitMicros()
        + s.getComputeMicros();
  }

  private static List<String> stage(
      String name, StageMeans c, StageMeans b, ToDoubleFunction<StageMeans> part) {
    double canary = 1000 * part.applyAsDouble(c);
    double baseline = 1000 * part.applyAsDouble(b);
    return List.of(name, Numbers.nanos(canary), Numbers.nanos(baseline), signed(canary - baseline));
  }

  private static String signed(double nanos) {
    return (nanos > 0 ? "+" : "") + Numbers.nanos(nanos);
  }
}
