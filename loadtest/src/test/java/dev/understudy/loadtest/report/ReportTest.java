package dev.understudy.loadtest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import dev.understudy.loadtest.drive.Block;
import dev.understudy.loadtest.drive.Counts;
import dev.understudy.loadtest.drive.Durations;
import dev.understudy.loadtest.drive.Series;
import io.grpc.Status;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import javax.xml.parsers.DocumentBuilderFactory;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xml.sax.InputSource;

class ReportTest {
  private static final long BLOCK = 100_000_000;

  /** 60 blocks of 50 calls around so many milliseconds, the last call of each block failed. */
  private static Series series(double millis, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Block> blocks = new ArrayList<>();
    for (int b = 0; b < 60; b++) {
      Counts ok = new Counts();
      Counts lag = new Counts();
      for (int i = 0; i < 49; i++) {
        ok.record((long) (1e6 * millis * (.8 + .4 * random.nextDouble())));
        lag.record(50_000);
      }
      long[] byStatus = new long[17];
      byStatus[0] = 49;
      byStatus[Status.Code.UNAVAILABLE.value()] = 1;
      Durations taken = ok.take();
      blocks.add(
          new Block(
              b * BLOCK,
              BLOCK,
              50,
              0,
              taken,
              new Durations(new long[] {5}, new int[] {1}, 5),
              taken,
              lag.take(),
              byStatus,
              List.of()));
    }
    return new Series(
        blocks,
        List.of("m"),
        30_000_000,
        Map.of(Status.Code.UNAVAILABLE, "<b>no & way</b>"),
        0,
        false);
  }

  private static Measurement measured(String name, double millis, long seed) {
    return Measurement.of(name, series(millis, seed), false, 1, 1_700_000_000_000L);
  }

  private static Result two() {
    return new Result(
        "Load test of a & b",
        "Open loop.",
        List.of(measured("host-<a>:1", 2, 1), measured("host-b:2", 3, 2)),
        Comparison.of(
            java.util.stream.LongStream.range(0, 8).mapToObj(i -> series(2, i)).toList(),
            java.util.stream.LongStream.range(0, 8).mapToObj(i -> series(3, 50 + i)).toList()),
        null,
        List.of("A note with 'quotes'."),
        List.of("p99>1ms: was 2.4 ms"));
  }

  private static Result sweep() {
    return new Result(
        "Sweep",
        "From 100.",
        List.of(),
        null,
        new SweepResult(
            List.of(
                new SweepResult.Step(100, measured("t", 1, 1), List.of()),
                new SweepResult.Step(200, measured("t", 9, 2), List.of("p99>5ms: was 9 ms"))),
            OptionalDouble.of(100),
            "The rule.",
            "The next rate failed."),
        List.of(),
        List.of());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void thePageNeedsNothingElseAndIsWellFormed(boolean sweep) throws Exception {
    String page = HtmlReport.of(sweep ? sweep() : two());
    assertFalse(page.matches("(?s).*(https?:|//|@import|<link|src=|url\\().*"), "refers elsewhere");
    // Everything but the style sheet, the script and void elements is also XML.
    String xml =
        page.replaceFirst("<!doctype html>", "")
            .replaceFirst("(?s)<style>.*</style>", "")
            .replaceFirst("(?s)<script>.*</script>", "")
            .replaceAll("<meta[^>]*>", "")
            .replace(" hidden>", ">");
    var document =
        DocumentBuilderFactory.newDefaultInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(xml)));
    assertEquals(sweep ? 2 : 4, document.getElementsByTagName("svg").getLength());
    assertFalse(page.contains("<b>no"), "texts of servers are escaped");
    assertFalse(page.contains("NaN") || page.contains("Infinity"), "every number is one");
  }

  @Test
  void textSaysWhatWasFound() {
    StringWriter text = new StringWriter();
    TextReport.print(two(), new PrintWriter(text, true));
    TextReport.print(sweep(), new PrintWriter(text, true));
    for (String words :
        new String[] {
          "A host-<a>:1: 3,000 calls in 6.0 s (500/s), 60 errors",
          "B host-b:2: 3,000 calls",
          "  UNAVAILABLE          60  first: <b>no & way</b>",
          "own CPU time 10.0 us per call",
          "median of 8 interleaved pairs of turns (95 % bounds)",
          "ratio 1.5",
          "LIMIT PASSED: p99>1ms: was 2.4 ms",
          "Knee: 100 calls per second.",
          "p99>5ms: was 9 ms",
        }) {
      assertTrue(text.toString().contains(words), words + " in:\n" + text);
    }
  }

  @Test
  void theLogAndTheJsonSayTheSame(@TempDir Path directory) throws Exception {
    Measurement target = measured("a, b", 2, 1);
    Path hlog = directory.resolve("run.hlog");
    HlogFile.write(target, hlog);
    Histogram all = new Histogram(1, 1L << 36, 3);
    int intervals = 0;
    try (HistogramLogReader reader = new HistogramLogReader(Files.newInputStream(hlog))) {
      while (reader.nextIntervalHistogram() instanceof Histogram interval) {
        all.add(interval);
        intervals++;
      }
    }
    assertEquals(60, intervals);
    JsonObject json = JsonReport.of(target);
    JsonObject latency = json.getAsJsonObject("latency_ns");
    assertEquals(all.getTotalCount(), latency.get("count").getAsLong());
    double p99 = latency.get("p99").getAsDouble();
    assertEquals((double) all.getValueAtPercentile(99), p99, p99 * .002);
    assertEquals(10, json.get("cpu_us_per_call").getAsDouble(), 1e-9);
    assertEquals(60, json.getAsJsonObject("by_status").get("UNAVAILABLE").getAsLong());
    assertEquals(
        2, json.getAsJsonObject("latency_95_percent_intervals_ns").getAsJsonArray("p50").size());
  }

  @ParameterizedTest
  @CsvSource({
    "p99>2.5ms, ''",
    "p50>1.5ms, p50>1.5ms: was 1.9",
    "max<1s, max<1s: was 0.002 s",
    "mean > 1900us, mean > 1900us: was 199",
    "errors>1%, errors>1%: was 2.000 %",
    "errors>2.5%, ''",
    "errors>59, errors>59: was 60",
    "rate<491, rate<491: was 490.0",
    "rate<489, ''",
    "lag>40us, lag>40us: was 50.0",
    "cpu>9us, cpu>9us: was 10.000 us",
    "ratio-p50>1.1, ''"
  })
  void limitsArePassedExactlyWhenTheirConditionHolds(String limit, String expected) {
    Optional<String> passed = Threshold.parse(limit).passedBy(series(2, 1));
    assertTrue(
        expected.isEmpty() ? passed.isEmpty() : passed.orElse("").startsWith(expected),
        limit + ": " + passed);
  }

  @Test
  void aRatiosLimitIsPassedByItsWholeInterval() {
    Threshold slower = Threshold.parse("ratio-p99>1.1");
    assertEquals(Optional.empty(), slower.passedByRatio(1.05, 1.4));
    assertEquals(Optional.of("ratio-p99>1.1: was 1.200 to 1.400"), slower.passedByRatio(1.2, 1.4));
    assertEquals(99, slower.percentile());
  }

  @Test
  void noAnswerAtAllPassesEveryLimitOfLatency() {
    Series none = new Series(List.of(), List.of("m"), 0, Map.of(), 0, false);
    assertEquals(
        Optional.of("p99>20ms: no call ended OK"), Threshold.parse("p99>20ms").passedBy(none));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "p99",
        "p99>20",
        "p99>20%",
        "errors>5ms",
        "rate<5s",
        "p100>1ms",
        "p99>=1ms",
        "ratio-mean>2",
        "ratio-p99>2ms",
        "p99>-1ms"
      })
  void whatIsNoLimitIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Threshold.parse(text));
  }

  @Test
  void oneSpoiltPairDoesNotSpoilTheComparison() {
    List<Series> a = new ArrayList<>();
    List<Series> b = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      a.add(series(2, i));
      b.add(series(i == 4 ? 200 : 3, 100 + i));
    }
    Comparison.Row median = Comparison.of(a, b).rows().getFirst();
    assertEquals(1.5, median.ratio().median(), .05);
    assertTrue(median.ratio().bounded() && median.ratio().upper() < 1.7, median.toString());
    assertThrows(IllegalArgumentException.class, () -> Comparison.of(List.of(), List.of()));
  }
}
