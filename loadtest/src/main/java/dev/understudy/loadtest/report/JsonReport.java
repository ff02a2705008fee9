package dev.understudy.loadtest.report;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.statistics.PairedMedian;
import dev.understudy.loadtest.statistics.PercentileIntervals.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A result as data: durations in nanoseconds, shares from 0 to 1; what is unknown is left out. */
public final class JsonReport {
  private JsonReport() {}

  /** Writes pretty JSON. */
  public static void write(Result result, Path file) throws IOException {
    Files.writeString(
        file, new GsonBuilder().setPrettyPrinting().create().toJson(of(result)) + "\n");
  }

  /** One target's fields at the top; two as {@code a} and {@code b}; a sweep as {@code sweep}. */
  public static JsonObject of(Result result) {
    JsonObject body = new JsonObject();
    Comparison comparison = result.comparison();
    SweepResult sweep = result.sweep();
    if (result.targets().size() == 1) {
      body = of(result.targets().getFirst());
    } else if (result.targets().size() == 2) {
      body.add("a", of(result.targets().get(0)));
      body.add("b", of(result.targets().get(1)));
    }
    if (comparison != null) {
      body.addProperty("pairs", comparison.rows().getFirst().ratio().pairs());
      JsonArray adds = new JsonArray();
      comparison.rows().forEach(row -> adds.add(of(row)));
      body.add("b_adds_to_a", adds);
    }
    if (sweep != null) {
      body.add("sweep", of(sweep));
    }
    body.addProperty("load", result.load());
    JsonArray notes = new JsonArray();
    result.notes().forEach(notes::add);
    body.add("notes", notes);
    JsonArray limits = new JsonArray();
    result.passedLimits().forEach(limits::add);
    body.add("limits_passed", limits);
    return body;
  }

  private static JsonObject of(Comparison.Row row) {
    JsonObject body = new JsonObject();
    body.addProperty("percentile", row.percentile());
    put(body, "difference_ns", row.differenceNanos());
    put(body, "ratio", row.ratio());
    return body;
  }

  private static void put(JsonObject body, String name, PairedMedian median) {
    body.addProperty(name + "_median", median.median());
    if (median.bounded()) {
      body.addProperty(name + "_lower", median.lower());
      body.addProperty(name + "_upper", median.upper());
    }
  }

  private static JsonObject of(SweepResult sweep) {
    JsonObject body = new JsonObject();
    if (sweep.knee().isPresent()) {
      body.addProperty("knee_per_second", sweep.knee().getAsDouble());
    }
    body.addProperty("rule", sweep.rule());
    body.addProperty("why_over", sweep.whyOver());
    JsonArray steps = new JsonArray();
    for (SweepResult.Step step : sweep.steps()) {
      JsonObject row = of(step.measurement());
      row.addProperty("rate", step.rate());
      row.addProperty("sustained", step.sustained());
      JsonArray failing = new JsonArray();
      step.failing().forEach(failing::add);
      row.add("failing", failing);
      steps.add(row);
    }
    body.add("steps", steps);
    return body;
  }

  /** One target. */
  static JsonObject of(Measurement target) {
    Series series = target.counted();
    JsonObject body = new JsonObject();
    body.addProperty("target", target.name());
    body.addProperty("seconds", series.nanos() / 1e9);
    body.addProperty("interrupted", series.interrupted());
    body.addProperty("due", series.due());
    body.addProperty("calls", series.calls());
    body.addProperty("calls_per_second", series.calls() / (series.nanos() / 1e9));
    body.addProperty("ok_per_second", series.okPerSecond());
    body.addProperty("errors", series.errors());
    body.addProperty("not_sent", series.notSent());
    body.addProperty("cpu_us_per_call", target.cpuMicrosPerCall());
    JsonObject statuses = new JsonObject();
    series.byStatus().forEach((code, count) -> statuses.addProperty(code.name(), count));
    body.add("by_status", statuses);
    JsonObject reasons = new JsonObject();
    series.reasons().forEach((code, reason) -> reasons.addProperty(code.name(), reason));
    body.add("first_reasons", reasons);
    JsonObject latency = latency(series.ok());
    latency.addProperty("counted_from", "scheduled send");
    body.add("latency_ns", latency);
    body.add("latency_from_actual_send_ns", latency(series.service()));
    body.add("sent_late_ns", latency(series.lag()));
    JsonObject intervals = new JsonObject();
    for (Interval interval : target.intervals().intervals()) {
      if (interval.known()) {
        JsonArray bounds = new JsonArray();
        bounds.add(interval.lower());
        bounds.add(interval.upper());
        intervals.add(Measurement.name(interval.percentile()), bounds);
      }
    }
    body.add("latency_95_percent_intervals_ns", intervals);
    body.addProperty("interval_blocks", target.intervals().blocks());
    body.addProperty("interval_blocks_correlated", target.intervals().correlated());
    if (target.steadyFrom().isPresent()) {
      body.addProperty("steady_from_seconds", target.steadyFromSeconds());
    }
    if (series.kinds().size() > 1) {
      JsonObject kinds = new JsonObject();
      for (int kind = 0; kind < series.kinds().size(); kind++) {
        kinds.add(series.kinds().get(kind), latency(series.ok(kind)));
      }
      body.add("latency_by_model_ns", kinds);
    }
    return body;
  }

  private static JsonObject latency(Durations durations) {
    JsonObject body = new JsonObject();
    body.addProperty("count", durations.count());
    body.addProperty("mean", durations.mean());
    for (double p : Measurement.percentiles()) {
      body.addProperty(Measurement.name(p), durations.percentile(p));
    }
    return body;
  }
}
