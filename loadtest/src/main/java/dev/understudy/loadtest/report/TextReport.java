package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.statistics.PairedMedian;
import dev.understudy.loadtest.statistics.PercentileIntervals.Interval;
import io.grpc.Status;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A result for people at a terminal. */
public final class TextReport {
  private TextReport() {}

  /** Prints all of it. */
  public static void print(Result result, PrintWriter out) {
    for (int i = 0; i < result.targets().size(); i++) {
      String letter = result.targets().size() == 1 ? "" : i == 0 ? "A " : "B ";
      print(letter, result.targets().get(i), out);
    }
    if (result.comparison() != null) {
      print(result.comparison(), out);
    }
    if (result.sweep() != null) {
      print(result.sweep(), out);
    }
    result.notes().forEach(note -> out.println("Note: " + note));
    result.passedLimits().forEach(limit -> out.println("LIMIT PASSED: " + limit));
    out.flush();
  }

  private static void print(String letter, Measurement target, PrintWriter out) {
    Series series = target.counted();
    line(
        out,
        "%s%s: %,d calls in %.1f s (%,.0f/s), %,d errors%s%s",
        letter,
        target.name(),
        series.calls(),
        series.nanos() / 1e9,
        series.calls() / (series.nanos() / 1e9),
        series.errors(),
        series.notSent() == 0
            ? ""
            : String.format(
                Locale.ROOT, ", of which %,d not sent: too many outstanding", series.notSent()),
        series.interrupted() ? " (interrupted)" : "");
    Durations ok = series.ok();
    if (ok.count() > 0) {
      StringBuilder latency = new StringBuilder("  latency from the scheduled send, ms: ");
      for (double p : Measurement.percentiles()) {
        latency.append(' ').append(Measurement.name(p)).append(' ').append(ms(ok.percentile(p)));
      }
      out.println(latency);
      intervals(target, out);
      Durations lag = series.lag();
      line(
          out,
          "  sent late by, ms:  p50 %s p99 %s max %s; own CPU time %.1f us per call",
          ms(lag.percentile(50)),
          ms(lag.percentile(99)),
          ms(lag.max()),
          target.cpuMicrosPerCall());
      steady(target, out);
    }
    for (Map.Entry<Status.Code, Long> entry : series.byStatus().entrySet()) {
      String reason = series.reasons().getOrDefault(entry.getKey(), "");
      line(
          out,
          "  %-20s %,d%s",
          entry.getKey(),
          entry.getValue(),
          reason.isEmpty() ? "" : "  first: " + reason);
    }
    if (series.kinds().size() > 1) {
      for (int kind = 0; kind < series.kinds().size(); kind++) {
        Durations of = series.ok(kind);
        line(
            out,
            "  %-20s %,d OK, p50 %s p99 %s ms",
            series.kinds().get(kind),
            of.count(),
            ms(of.percentile(50)),
            ms(of.percentile(99)));
      }
    }
  }

  private static void intervals(Measurement target, PrintWriter out) {
    List<Interval> known =
        target.intervals().intervals().stream()
            .filter(interval -> interval.known() && interval.percentile() < 100)
            .toList();
    if (known.isEmpty()) {
      out.println("  no intervals: too few calls or blocks of time");
      return;
    }
    line(
        out,
        "  95 %% intervals, ms: %s (%d blocks of %.0f ms%s)",
        known.stream()
            .map(each ->
                Measurement.name(each.percentile())
                    + " "
                    + ms(each.lower())
                    + ".."
                    + ms(each.upper()))
            .collect(Collectors.joining("  ")),
        target.intervals().blocks(),
        blockMillis(target),
        target.intervals().correlated() ? ", still correlated: too narrow" : "");
  }

  static double blockMillis(Measurement target) {
    return target.intervals().joined() * target.whole().blocks().getFirst().nanos() / 1e6;
  }

  private static void steady(Measurement target, PrintWriter out) {
    if (target.steadyFrom().isEmpty()) {
      out.println("  not settled: latency was still changing (MSER-5); measure longer");
    } else if (target.steadyFrom().getAsInt() > 0) {
      line(
          out,
          "  steady from %.1f s on (MSER-5)%s",
          target.steadyFromSeconds(),
          target.counted().blocks().size() == target.whole().blocks().size()
              ? ""
              : "; what came before is left out");
    } else {
      out.println("  steady from the start (MSER-5)");
    }
  }

  private static void print(Comparison comparison, PrintWriter out) {
    PairedMedian first = comparison.rows().getFirst().ratio();
    line(
        out,
        "What B adds to A, median of %d interleaved pairs of turns (%s):",
        first.pairs(),
        first.bounded() ? "95 % bounds" : "no bounds: 6 pairs or more are needed");
    for (Comparison.Row row : comparison.rows()) {
      PairedMedian difference = row.differenceNanos();
      PairedMedian ratio = row.ratio();
      line(
          out,
          "  %-5s %+8.0f us%s   ratio %.2f%s",
          Measurement.name(row.percentile()),
          difference.median() / 1e3,
          difference.bounded()
              ? String.format(
                  Locale.ROOT,
                  " (%+.0f .. %+.0f)",
                  difference.lower() / 1e3,
                  difference.upper() / 1e3)
              : "",
          ratio.median(),
          ratio.bounded()
              ? String.format(Locale.ROOT, " (%.2f .. %.2f)", ratio.lower(), ratio.upper())
              : "");
    }
  }

  private static void print(SweepResult sweep, PrintWriter out) {
    out.println("      rate/s       OK/s  errors        p50        p99  sent late   verdict");
    for (SweepResult.Step step : sweep.steps()) {
      Series series = step.measurement().counted();
      line(
          out,
          "  %,10.0f %,10.0f %6.2f%% %8s ms %8s ms %7s ms   %s",
          step.rate(),
          series.okPerSecond(),
          100 * series.errorShare(),
          ms(series.ok().percentile(50)),
          ms(series.ok().percentile(99)),
          ms(series.lag().percentile(99)),
          step.sustained() ? "sustained" : String.join("; ", step.failing()));
    }
    out.println(
        sweep.knee().isPresent()
            ? String.format(
                Locale.ROOT, "Knee: %,.0f calls per second.", sweep.knee().getAsDouble())
            : "Knee: none; not even the first rate was sustained.");
    out.println(sweep.whyOver());
    out.println(sweep.rule());
  }

  static String ms(long nanos) {
    return String.format(Locale.ROOT, "%.3f", nanos / 1e6);
  }

  private static void line(PrintWriter out, String format, Object... arguments) {
    out.printf(Locale.ROOT, format + "%n", arguments);
  }
}
