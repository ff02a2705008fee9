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
    return "so far: "
        + estimate(kind, value)
        + interval(kind, metric.getLow(), metric.getHigh())
        + accepted(metric)
        + "; from "
        + Numbers.count(metric.getObservations())
        + " "
        + observations(kind);
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

  /** "between 1.9 points and 3.6 points higher", "between 0.2 points lower and 3 points higher". */
  static String between(double low, double high, DoubleFunction<String> unit) {
    boolean oneSide = low != 0 && high != 0 && low > 0 == high > 0;
    return "between "
        + (oneSide ? unit.apply(StrictMath.abs(low)) : change(low, unit))
        + " and "
        + change(high, unit);
  }

  private static String interval(MetricKind kind, double low, double high) {
    if (Double.isNaN(low) || Double.isNaN(high) || Double.isInfinite(low)) {
      return "";
    }
    String between =
        switch (kind) {
          case FAILURES -> between(low, high, Numbers::points);
          case QUALITY -> between(low, high, Numbers::decimal);
          case CHANGED_DECISIONS ->
              "between " + Numbers.percent(low) + " and " + Numbers.percent(high);
          case LATENCY, DIVERGENCE, METRIC_KIND_UNSPECIFIED, UNRECOGNIZED ->
              Double.isInfinite(high)
                  ? "at least " + Numbers.decimal(low)
                  : "between " + Numbers.decimal(low) + " and " + Numbers.decimal(high);
        };
    return " (" + between + ")";
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

  private static String observations(MetricKind kind) {
    return switch (kind) {
      case FAILURES -> "requests";
      case LATENCY -> "blocks of time";
      case DIVERGENCE -> "compared requests";
      case CHANGED_DECISIONS -> "requests with compared decisions";
      case QUALITY -> "outcomes";
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "observations";
    };
  }
}
