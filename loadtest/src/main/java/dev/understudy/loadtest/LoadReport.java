package dev.understudy.loadtest;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

/** Writes a {@link Tally} for people, as JSON, and as an HdrHistogram log. */
public final class LoadReport {

  static final double[] PERCENTILES = {50, 75, 90, 95, 99, 99.9, 99.99, 100};

  private LoadReport() {}

  /** A table of percentiles and statuses. */
  public static void print(String target, Tally tally, PrintWriter out) {
    double seconds = tally.durationNanos() / 1e9;
    out.printf(
        Locale.ROOT,
        "%s: %,d calls in %.1f s (%,.0f/s), %,d errors%s%n",
        target,
        tally.calls(),
        seconds,
        tally.calls() / seconds,
        tally.errors(),
        tally.notSent() == 0
            ? ""
            : String.format(
                Locale.ROOT, ", of which %,d not sent: too many outstanding", tally.notSent()));
    if (tally.ok().getTotalCount() > 0) {
      out.print("  latency from the scheduled send, ms: ");
      for (double p : PERCENTILES) {
        out.printf(Locale.ROOT, " %s %s", name(p), millis(tally.ok(), p));
      }
      out.println();
    }
    tally.byStatus().entrySet().stream()
        .sorted(java.util.Map.Entry.comparingByKey())
        .forEach(e -> out.printf(Locale.ROOT, "  %-20s %,d%n", e.getKey(), e.getValue()));
  }

  static String name(double percentile) {
    if (percentile == 100) {
      return "max";
    }
    return "p"
        + (percentile == Math.rint(percentile)
            ? Integer.toString((int) percentile)
            : Double.toString(percentile));
  }

  static String millis(Histogram histogram, double percentile) {
    return String.format(Locale.ROOT, "%.3f", histogram.getValueAtPercentile(percentile) / 1e6);
  }

  /** The same as data: durations in nanoseconds. */
  public static JsonObject json(String target, Tally tally) {
    JsonObject body = new JsonObject();
    body.addProperty("target", target);
    body.addProperty("seconds", tally.durationNanos() / 1e9);
    body.addProperty("calls", tally.calls());
    body.addProperty("calls_per_second", tally.calls() / (tally.durationNanos() / 1e9));
    body.addProperty("errors", tally.errors());
    body.addProperty("not_sent", tally.notSent());
    JsonObject statuses = new JsonObject();
    tally.byStatus().forEach((code, count) -> statuses.addProperty(code.name(), count));
    body.add("by_status", statuses);
    JsonObject latency = new JsonObject();
    latency.addProperty("counted_from", "scheduled send");
    latency.addProperty("mean", tally.ok().getMean());
    for (double p : PERCENTILES) {
      latency.addProperty(name(p), tally.ok().getValueAtPercentile(p));
    }
    body.add("latency_ns", latency);
    return body;
  }

  /** Writes pretty JSON. */
  public static void writeJson(JsonObject body, Path file) throws IOException {
    Files.writeString(file, new GsonBuilder().setPrettyPrinting().create().toJson(body) + "\n");
  }

  /** Writes the latencies of calls that ended OK in HdrHistogram's log format, nanoseconds. */
  public static void writeHlog(String tag, Tally tally, long startUnixMillis, Path file)
      throws IOException {
    try (PrintStream stream =
        new PrintStream(Files.newOutputStream(file), false, StandardCharsets.UTF_8)) {
      HistogramLogWriter log = new HistogramLogWriter(stream);
      log.outputComment("[Latency from the scheduled send, nanoseconds]");
      log.outputStartTime(startUnixMillis);
      log.outputLogFormatVersion();
      log.outputLegend();
      Histogram histogram = tally.ok().copy();
      histogram.setTag(tag);
      histogram.setStartTimeStamp(startUnixMillis);
      histogram.setEndTimeStamp(startUnixMillis + tally.durationNanos() / 1_000_000);
      log.outputIntervalHistogram(histogram);
    }
  }
}
