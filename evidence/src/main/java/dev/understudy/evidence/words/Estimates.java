package dev.understudy.evidence.words;

import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import java.util.function.DoubleFunction;

/** Estimates and their intervals beside what was accepted, in the unit of each metric. */
final class Estimates {
  private Estimates() {}

  /** One sentence about how it looks; empty where nothing has been observed. */
  static String sentence(MetricReport metric) {
    double value = metric.getEstimate();
    if (metric.getObservations() == 0 || Double.isNaN(value)) {
      return "";
    }
    MetricKind kind = metric.getKind();
    return "looks like "
        + estimate(kind, value)
        + interval(kind, metric.getLow(), metric.getHigh())
        + accepted(metric)
        + "; from "
        + Page.counted(metric.getObservations(), observation(kind));
  }

  /** An estimate of a metric in words: "0.2 points higher", "1.1 times as long", "3 %". */
  static String estimate(MetricKind kind, double value) {
    return switch (kind) {
      case FAILURES -> change(value, Numbers::points);
      case LATENCY -> Numbers.decimal(value) + " times the latency";
      case CHANGED_DECISIONS -> Numbers.percent(value);
      case QUALITY -> "a mean loss " + change(value, Numbers::decimal);
      case DIVERGENCE, METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> Numbers.decimal(value);
    };
  }

  /** "0.2 points higher", "0.2 points lower", "equal". */
  static String change(double difference, DoubleFunction<String> unit) {
    if (difference == 0) {
      return "equal";
    }
    return unit.apply(StrictMath.abs(difference)) + (difference > 0 ? " higher" : " lower");
  }

  private static String interval(MetricKind kind, double low, double high) {
    if (Double.isNaN(low) || Double.isNaN(high) || (Double.isInfinite(low) && low < 0)) {
      return "";
    }
    String upper = Double.isInfinite(high) ? "any" : bound(kind, high);
    return " (between " + bound(kind, low) + " and " + upper + ")";
  }

  private static String bound(MetricKind kind, double value) {
    return switch (kind) {
      case FAILURES -> change(value, Numbers::points);
      case QUALITY -> change(value, Numbers::decimal);
      case CHANGED_DECISIONS -> Numbers.percent(value);
      case LATENCY, DIVERGENCE, METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> Numbers.decimal(value);
    };
  }

  private static String accepted(MetricReport metric) {
    double margin = metric.getMargin();
    double limit = metric.getLimit();
    return switch (metric.getKind()) {
      case FAILURES -> "; accepted: up to " + change(margin, Numbers::points);
      case LATENCY -> "; accepted: up to " + Numbers.decimal(1 + margin);
      case CHANGED_DECISIONS -> margin > 0 ? "; accepted: up to " + Numbers.percent(margin) : "";
      case QUALITY -> "; accepted: up to " + change(margin, Numbers::decimal);
      case DIVERGENCE ->
          (margin > 0 ? "; accepted: up to " + Numbers.decimal(margin) : "")
              + (limit > 0 ? "; too much: above " + Numbers.decimal(limit) : "")
              + (Double.isNaN(metric.getNoiseFloor())
                  ? ""
                  : "; the champion differs from itself by "
                      + Numbers.decimal(metric.getNoiseFloor()));
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "";
    };
  }

  private static String observation(MetricKind kind) {
    return switch (kind) {
      case FAILURES -> "request";
      case LATENCY -> "block of time";
      case DIVERGENCE -> "compared request";
      case CHANGED_DECISIONS -> "compared decision";
      case QUALITY -> "outcome";
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "observation";
    };
  }
}
