package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Block;
import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.statistics.PairedMedian;
import dev.understudy.loadtest.statistics.PercentileIntervals.Interval;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;

/**
 * A result as one HTML file that needs nothing else: no network, no other file. It follows the
 * reader's dark or light mode and prints in black on white.
 */
public final class HtmlReport {
  private static final int POINTS = 80;
  private static final int BARS = 70;
  private static final Pattern NUMBER = Pattern.compile("[-+]?[0-9]|–");
  private static final String[] NAMES = {"a", "b"};
  private static final double[] SHARES = {0, 50, 90, 99, 99.9, 99.99, 99.999};

  private final Result result;
  private final StringBuilder out = new StringBuilder();

  private HtmlReport(Result result) {
    this.result = result;
  }

  /** Writes the page. */
  public static void write(Result result, Path file) throws IOException {
    Files.writeString(file, of(result));
  }

  /** The page. */
  public static String of(Result result) {
    return new HtmlReport(result).page();
  }

  private String page() {
    out.append("<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>")
        .append("<meta name='viewport' content='width=device-width, initial-scale=1'><title>")
        .append(Chart.escape(result.title()))
        .append("</title><style>\n")
        .append(resource("report.css"))
        .append("</style></head><body><main>\n<header><h1>")
        .append(Chart.escape(result.title()))
        .append("</h1><p class='load'>")
        .append(Chart.escape(result.load()))
        .append(began())
        .append("</p></header>\n");
    for (String limit : result.passedLimits()) {
      out.append("<p class='alarm'>Limit passed: ").append(Chart.escape(limit)).append("</p>\n");
    }
    for (String note : result.notes()) {
      out.append("<p class='note'>").append(Chart.escape(note)).append("</p>\n");
    }
    List<Measurement> targets = result.targets();
    for (int i = 0; i < targets.size(); i++) {
      cards(targets.size() == 1 ? "" : i == 0 ? "A  " : "B  ", targets.get(i));
    }
    if (result.comparison() != null) {
      comparison(result.comparison());
    }
    if (result.sweep() != null) {
      sweep(result.sweep());
    }
    if (!targets.isEmpty()) {
      out.append("<section class='charts'>\n")
          .append(overTime())
          .append(percentiles())
          .append(histogram())
          .append(throughput())
          .append("</section>\n");
      targets.forEach(this::tables);
    }
    out.append("<footer>Latency counts from the scheduled send. Intervals: 95 %, block bootstrap;")
        .append(" steady state: MSER-5; ratios of two targets: median of interleaved pairs with")
        .append(" the interval of the sign test. Made by <b>understudy loadtest</b>.</footer>\n")
        .append("</main><div id='tip' hidden></div><script>\n")
        .append(resource("report.js"))
        .append("</script></body></html>\n");
    return out.toString();
  }

  private String began() {
    return result.targets().stream()
        .findFirst()
        .map(first ->
            " Began "
                + DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
                    .withZone(ZoneOffset.UTC)
                    .format(Instant.ofEpochMilli(first.startUnixMillis()))
                + ".")
        .orElse("");
  }

  private static String resource(String name) {
    try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("resource " + name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  // --- Figures at the top

  private void cards(String letter, Measurement target) {
    Series series = target.counted();
    Durations ok = series.ok();
    out.append("<section class='cards'><h2>")
        .append(Chart.escape(letter + target.name()))
        .append("</h2>\n");
    for (double p : new double[] {50, 99, 99.9}) {
      card(ms(ok.percentile(p)), "ms " + Measurement.name(p), interval(target, p), false);
    }
    card(ms(ok.max()), "ms longest", "", false);
    card(
        number(series.okPerSecond()),
        "answers per second",
        number(series.due() / (series.nanos() / 1e9)) + " were due",
        false);
    card(
        String.format(Locale.ROOT, "%.2f %%", 100 * series.errorShare()),
        "errors",
        String.format(Locale.ROOT, "%,d of %,d calls", series.errors(), series.due()),
        series.errors() > 0);
    card(
        ms(series.lag().percentile(99)), "ms late (p99)", "how late this tool sent", target.late());
    card(
        String.format(Locale.ROOT, "%.1f", target.cpuMicrosPerCall()),
        "µs CPU per call",
        "of this tool",
        false);
    out.append("</section>\n");
  }

  private void card(String value, String what, String more, boolean alarming) {
    out.append("<div class='card")
        .append(alarming ? " alarming" : "")
        .append("'><b>")
        .append(Chart.escape(value))
        .append("</b><span>")
        .append(Chart.escape(what))
        .append("</span><small>")
        .append(Chart.escape(more))
        .append("</small></div>\n");
  }

  private static String interval(Measurement target, double percentile) {
    for (Interval interval : target.intervals().intervals()) {
      if (interval.percentile() == percentile && interval.known()) {
        return ms(interval.lower()) + " to " + ms(interval.upper());
      }
    }
    return "no interval: too few calls";
  }

  // --- Charts

  /** Blocks joined so that a chart has at most so many points. */
  private static List<List<Block>> joined(Series series) {
    int each = Math.max(1, Math.ceilDiv(series.blocks().size(), POINTS));
    List<List<Block>> groups = new ArrayList<>();
    for (int i = 0; i < series.blocks().size(); i += each) {
      groups.add(series.blocks().subList(i, Math.min(i + each, series.blocks().size())));
    }
    return groups;
  }

  private static double[] each(List<List<Block>> groups, ToDoubleFunction<List<Block>> of) {
    return groups.stream().mapToDouble(of).toArray();
  }

  private static double middleSeconds(List<Block> group) {
    Block last = group.getLast();
    return (group.getFirst().startNanos() + last.startNanos() + last.nanos()) / 2e9;
  }

  private static double seconds(List<Block> group) {
    return group.stream().mapToLong(Block::nanos).sum() / 1e9;
  }

  private static double latencyMillis(List<Block> group, double percentile) {
    Durations ok = Durations.sum(group.stream().map(Block::ok).toList());
    return ok.values().length == 0 ? Double.NaN : ok.percentile(percentile) / 1e6;
  }

  private double longestSeconds() {
    return result.targets().stream().mapToDouble(t -> t.whole().nanos() / 1e9).max().orElse(1);
  }

  private double lowMillis() {
    return result.targets().stream()
        .map(target -> target.whole().ok())
        .filter(ok -> ok.values().length > 0)
        .mapToDouble(ok -> ok.values()[0] / 1e6)
        .min()
        .orElse(.1);
  }

  private double highMillis() {
    return result.targets().stream().mapToDouble(t -> t.whole().ok().max() / 1e6).max().orElse(1);
  }

  private String overTime() {
    Chart chart =
        new Chart(
            "Latency over time",
            "All that was measured, by the moment at which calls ended; logarithmic.",
            Chart.Axis.linear(0, longestSeconds(), "seconds since the start", HtmlReport::plain),
            Chart.Axis.log(lowMillis(), highMillis(), "milliseconds", HtmlReport::plain));
    boolean single = result.targets().size() == 1;
    for (int i = 0; i < result.targets().size(); i++) {
      Measurement target = result.targets().get(i);
      List<List<Block>> groups = joined(target.whole());
      double[] xs = each(groups, HtmlReport::middleSeconds);
      double[] p50 = each(groups, group -> latencyMillis(group, 50));
      double[] p99 = each(groups, group -> latencyMillis(group, 99));
      String letter = single ? "" : i == 0 ? "A " : "B ";
      if (single) {
        double[] max = each(groups, group -> latencyMillis(group, 100));
        chart.line("c max", "longest", xs, max);
      }
      chart.line(single ? "b" : NAMES[i], letter + "p99", xs, p99);
      chart.line(single ? "a" : NAMES[i] + " dashed", letter + "p50", xs, p50);
      for (int g = 0; g < xs.length && single; g++) {
        chart.hint(
            xs[g],
            String.format(
                Locale.ROOT,
                "at %.1f s\np50 %s ms\np99 %s ms",
                xs[g],
                shown(p50[g]),
                shown(p99[g])));
      }
      if (single && target.steadyFrom().orElse(0) > 0) {
        chart.mark(target.steadyFromSeconds(), "steady from here");
      }
    }
    return chart.html();
  }

  private String percentiles() {
    double most = 100;
    for (Measurement target : result.targets()) {
      most = Math.max(most, (double) target.counted().ok().count());
    }
    double end = Math.log10(most);
    double[] ticks = Arrays.stream(SHARES).map(HtmlReport::nines).filter(t -> t <= end).toArray();
    Chart chart =
        new Chart(
            "Latency by percentile",
            "How many calls were answered within how long; whiskers are 95 % intervals.",
            new Chart.Axis(value -> value / end, ticks, HtmlReport::shareOfNines, "% of calls"),
            Chart.Axis.log(lowMillis(), highMillis(), "milliseconds", HtmlReport::plain));
    for (int i = 0; i < result.targets().size(); i++) {
      Measurement target = result.targets().get(i);
      Durations ok = target.counted().ok();
      if (ok.count() == 0) {
        continue;
      }
      int points = 120;
      double[] xs = new double[points];
      double[] ys = new double[points];
      double own = Math.log10((double) ok.count());
      for (int p = 0; p < points; p++) {
        xs[p] = own * p / (points - 1);
        double percentile = 100 * (1 - Math.pow(10, -xs[p]));
        ys[p] = ok.percentile(percentile) / 1e6;
        if (p % 3 == 0 && result.targets().size() == 1) {
          chart.hint(
              xs[p],
              String.format(
                  Locale.ROOT, "%.5g %% of calls\nwithin %s ms", percentile, shown(ys[p])));
        }
      }
      chart.line(NAMES[i], target.name(), xs, ys);
      for (Interval interval : target.intervals().intervals()) {
        if (interval.known() && interval.percentile() < 100) {
          chart.whisker(
              NAMES[i],
              nines(interval.percentile()),
              interval.lower() / 1e6,
              interval.upper() / 1e6);
        }
      }
    }
    return chart.html();
  }

  private static double nines(double percentile) {
    return -Math.log10(1 - percentile / 100);
  }

  private static String shareOfNines(double nines) {
    double share = 100 * (1 - Math.pow(10, -nines));
    return share < .01 ? "0" : String.format(Locale.ROOT, "%.6g", share).replaceAll("\\.?0+$", "");
  }

  private String histogram() {
    double low = lowMillis();
    double high = Math.max(highMillis(), low * 1.5);
    double[] from = new double[BARS];
    double[] to = new double[BARS];
    for (int i = 0; i < BARS; i++) {
      from[i] = low * Math.pow(high / low, (double) i / BARS);
      to[i] = low * Math.pow(high / low, (i + 1.0) / BARS);
    }
    List<double[]> shares = new ArrayList<>();
    double most = 0;
    for (Measurement target : result.targets()) {
      double[] bars = new double[BARS];
      Durations ok = target.counted().ok();
      double count = Math.max(1, ok.count());
      for (int v = 0; v < ok.values().length; v++) {
        double place = Math.log(ok.values()[v] / 1e6 / low) / Math.log(high / low);
        bars[Math.clamp((int) (place * BARS), 0, BARS - 1)] += 100 * ok.times()[v] / count;
      }
      most = Math.max(most, Arrays.stream(bars).max().orElse(0));
      shares.add(bars);
    }
    Chart chart =
        new Chart(
            "How latencies are spread",
            "Share of calls per bar; every bar is the same ratio wide.",
            Chart.Axis.log(low, high, "milliseconds", HtmlReport::plain),
            Chart.Axis.linear(0, most, "% of calls", HtmlReport::plain));
    for (int i = 0; i < shares.size(); i++) {
      chart.bars(NAMES[i], result.targets().get(i).name(), from, to, shares.get(i));
    }
    for (int b = 0; b < BARS; b++) {
      StringBuilder hint = new StringBuilder(shown(from[b]) + " to " + shown(to[b]) + " ms");
      for (double[] bars : shares) {
        hint.append(String.format(Locale.ROOT, "\n%.2f %% of calls", bars[b]));
      }
      chart.hint(Math.sqrt(from[b] * to[b]), hint.toString());
    }
    return chart.html();
  }

  private String throughput() {
    double most = 0;
    boolean failures = false;
    for (Measurement target : result.targets()) {
      for (List<Block> group : joined(target.whole())) {
        most = Math.max(most, group.stream().mapToLong(Block::due).sum() / seconds(group));
        most = Math.max(most, group.stream().mapToLong(Block::ended).sum() / seconds(group));
      }
      failures |= target.whole().errors() > 0;
    }
    Chart chart =
        new Chart(
            failures ? "Throughput and errors" : "Throughput",
            failures
                ? "Calls per second that were due, that were answered, and that failed."
                : "Calls per second that were due and that were answered; none failed.",
            Chart.Axis.linear(0, longestSeconds(), "seconds since the start", HtmlReport::plain),
            Chart.Axis.linear(0, most * 1.05, "calls per second", HtmlReport::plain));
    boolean single = result.targets().size() == 1;
    for (int i = 0; i < result.targets().size(); i++) {
      List<List<Block>> groups = joined(result.targets().get(i).whole());
      String letter = single ? "" : i == 0 ? "A " : "B ";
      double[] xs = each(groups, HtmlReport::middleSeconds);
      double[] due = each(groups, g -> g.stream().mapToLong(Block::due).sum() / seconds(g));
      double[] ok =
          each(groups, g -> g.stream().mapToLong(b -> b.byStatus()[0]).sum() / seconds(g));
      double[] errors = each(groups, g -> g.stream().mapToLong(Block::errors).sum() / seconds(g));
      if (single) {
        chart.line("dashed c", "due", xs, due);
      }
      chart.line(NAMES[i], letter + "answered", xs, ok);
      if (failures) {
        chart.line("errors" + (i == 0 ? "" : " dashed"), letter + "failed", xs, errors);
      }
      for (int g = 0; g < xs.length && single; g++) {
        chart.hint(
            xs[g],
            String.format(
                Locale.ROOT,
                "at %.1f s\n%,.0f/s due\n%,.0f/s answered\n%,.0f/s failed",
                xs[g],
                due[g],
                ok[g],
                errors[g]));
      }
    }
    return chart.html();
  }

  // --- Comparison and sweep

  private void comparison(Comparison comparison) {
    out.append("<section><h2>What B adds to A</h2><table><thead><tr><th></th><th>B − A, µs</th>")
        .append("<th>95 % bounds</th><th>B / A</th><th>95 % bounds</th></tr></thead><tbody>");
    for (Comparison.Row row : comparison.rows()) {
      PairedMedian difference = row.differenceNanos();
      PairedMedian ratio = row.ratio();
      cells(
          Measurement.name(row.percentile()),
          String.format(Locale.ROOT, "%+,.0f", difference.median() / 1e3),
          difference.bounded()
              ? String.format(
                  Locale.ROOT,
                  "%+,.0f to %+,.0f",
                  difference.lower() / 1e3,
                  difference.upper() / 1e3)
              : "fewer than 6 pairs",
          String.format(Locale.ROOT, "%.3f", ratio.median()),
          ratio.bounded()
              ? String.format(Locale.ROOT, "%.3f to %.3f", ratio.lower(), ratio.upper())
              : "fewer than 6 pairs");
    }
    out.append("</tbody></table><p>Median of ")
        .append(comparison.rows().getFirst().ratio().pairs())
        .append(" pairs of turns that were measured alternately.</p></section>\n");
  }

  private void sweep(SweepResult sweep) {
    TreeMap<Double, SweepResult.Step> lastTries = new TreeMap<>();
    sweep.steps().forEach(step -> lastTries.put(step.rate(), step));
    List<SweepResult.Step> steps = List.copyOf(lastTries.values());
    if (steps.isEmpty()) {
      return;
    }
    double first = steps.getFirst().rate();
    double last = steps.getLast().rate();
    double[] rates = steps.stream().mapToDouble(SweepResult.Step::rate).toArray();
    double[] p50 = of(steps, s -> s.ok().percentile(50) / 1e6);
    double[] p99 = of(steps, s -> s.ok().percentile(99) / 1e6);
    double[] answered = of(steps, Series::okPerSecond);
    double low = Arrays.stream(p50).filter(v -> v > 0).min().orElse(.1);
    double high = Arrays.stream(p99).max().orElse(1);
    Chart latency =
        new Chart(
            "Latency by rate",
            "Each dot is a rate, at its last try; filled ones were sustained.",
            Chart.Axis.log(first, last, "calls per second that were due", HtmlReport::plain),
            Chart.Axis.log(low, high, "milliseconds", HtmlReport::plain));
    latency.line("b", "p99", rates, p99).line("a", "p50", rates, p50);
    Chart throughput =
        new Chart(
            "Answers by rate",
            "Calls per second that ended OK against those that were due; the dashed line is both.",
            Chart.Axis.log(first, last, "calls per second that were due", HtmlReport::plain),
            Chart.Axis.log(
                Math.max(1, Arrays.stream(answered).min().orElse(1)),
                last,
                "calls per second that ended OK",
                HtmlReport::plain));
    throughput.line("dashed c", "due", rates, rates).line("a", "answered", rates, answered);
    for (int i = 0; i < rates.length; i++) {
      boolean good = steps.get(i).sustained();
      latency.dot(good ? "b" : "b hollow", rates[i], p99[i]);
      throughput.dot(good ? "a" : "a hollow", rates[i], answered[i]);
      String hint =
          String.format(
              Locale.ROOT,
              "%,.0f/s due\n%,.0f/s answered\np50 %s ms, p99 %s ms\n%s",
              rates[i],
              answered[i],
              shown(p50[i]),
              shown(p99[i]),
              good ? "sustained" : String.join("; ", steps.get(i).failing()));
      latency.hint(rates[i], hint);
      throughput.hint(rates[i], hint);
    }
    sweep
        .knee()
        .ifPresent(knee -> {
          latency.mark(knee, "knee");
          throughput.mark(knee, "knee");
        });
    out.append("<section class='cards'><h2>Rate sweep</h2>");
    card(
        sweep.knee().isPresent() ? number(sweep.knee().getAsDouble()) : "none",
        "calls per second: the knee",
        sweep.whyOver(),
        sweep.knee().isEmpty());
    out.append("<p>")
        .append(Chart.escape(sweep.rule()))
        .append("</p></section><section class='charts'>")
        .append(latency.html())
        .append(throughput.html())
        .append("</section><section><h2>Steps</h2><table><thead><tr><th>due/s</th><th>OK/s</th>")
        .append("<th>errors</th><th>p50 ms</th><th>p99 ms</th><th>sent late p99 ms</th>")
        .append("<th class='words'>verdict</th></tr></thead><tbody>");
    for (SweepResult.Step step : sweep.steps()) {
      Series series = step.measurement().counted();
      cells(
          number(step.rate()),
          number(series.okPerSecond()),
          String.format(Locale.ROOT, "%.2f %%", 100 * series.errorShare()),
          ms(series.ok().percentile(50)),
          ms(series.ok().percentile(99)),
          ms(series.lag().percentile(99)),
          step.sustained() ? "sustained" : String.join("; ", step.failing()));
    }
    out.append("</tbody></table></section>\n");
  }

  private static double[] of(List<SweepResult.Step> steps, ToDoubleFunction<Series> of) {
    return steps.stream()
        .mapToDouble(step -> of.applyAsDouble(step.measurement().counted()))
        .toArray();
  }

  // --- Tables

  private void tables(Measurement target) {
    Series series = target.counted();
    Durations ok = series.ok();
    Durations service = series.service();
    out.append("<section><h2>")
        .append(Chart.escape(target.name()))
        .append("</h2><div class='tables'><table><thead><tr><th></th><th>ms</th>")
        .append("<th>95 % interval</th><th>from actual send, ms</th></tr></thead><tbody>");
    for (Interval interval : target.intervals().intervals()) {
      double p = interval.percentile();
      cells(
          Measurement.name(p),
          ms(ok.percentile(p)),
          interval.known() && p < 100 ? ms(interval.lower()) + " to " + ms(interval.upper()) : "–",
          ms(service.percentile(p)));
    }
    out.append(
            "</tbody></table><table><thead><tr><th>status</th><th>calls</th><th class='words'>first"
                + " reason")
        .append("</th></tr></thead><tbody>");
    for (Map.Entry<Status.Code, Long> entry : series.byStatus().entrySet()) {
      cells(
          entry.getKey().name(),
          String.format(Locale.ROOT, "%,d", entry.getValue()),
          series.reasons().getOrDefault(entry.getKey(), "–"));
    }
    if (series.notSent() > 0) {
      cells(
          "not sent",
          String.format(Locale.ROOT, "%,d", series.notSent()),
          "too many calls were outstanding");
    }
    out.append("</tbody></table>");
    if (series.kinds().size() > 1) {
      out.append("<table><thead><tr><th>model</th><th>OK</th><th>p50 ms</th><th>p99 ms</th></tr>")
          .append("</thead><tbody>");
      for (int kind = 0; kind < series.kinds().size(); kind++) {
        Durations of = series.ok(kind);
        cells(
            series.kinds().get(kind),
            String.format(Locale.ROOT, "%,d", of.count()),
            ms(of.percentile(50)),
            ms(of.percentile(99)));
      }
      out.append("</tbody></table>");
    }
    out.append("</div><p>")
        .append(
            target.steadyFrom().isEmpty()
                ? "Latency had not settled (MSER-5)."
                : target.steadyFrom().getAsInt() == 0
                    ? "Steady from the start (MSER-5)."
                    : String.format(
                        Locale.ROOT, "Steady from %.1f s on (MSER-5).", target.steadyFromSeconds()))
        .append(
            String.format(
                Locale.ROOT,
                " Intervals drawn from %d blocks of %.0f ms%s.",
                target.intervals().blocks(),
                TextReport.blockMillis(target),
                target.intervals().correlated()
                    ? ", which are still correlated: the intervals are too narrow"
                    : ""))
        .append("</p></section>\n");
  }

  private void cells(String... texts) {
    out.append("<tr>");
    for (int i = 0; i < texts.length; i++) {
      boolean number = NUMBER.matcher(texts[i]).lookingAt();
      out.append(i == 0 ? "<th>" : number ? "<td>" : "<td class='words'>")
          .append(Chart.escape(texts[i]))
          .append(i == 0 ? "</th>" : "</td>");
    }
    out.append("</tr>");
  }

  // --- Numbers

  private static String ms(long nanos) {
    return shown(nanos / 1e6);
  }

  /** Three significant digits, never in exponents. */
  private static String shown(double value) {
    if (!Double.isFinite(value)) {
      return "–";
    }
    double size = Math.abs(value);
    String format = size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, format, value);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value >= 100 ? "%,.0f" : "%.1f", value);
  }

  private static String plain(double value) {
    if (Math.abs(value) >= 10_000) {
      return String.format(Locale.ROOT, "%,.0fk", value / 1e3);
    }
    String text = String.format(Locale.ROOT, "%.4f", value);
    return text.replaceAll("\\.?0+$", "");
  }
}
