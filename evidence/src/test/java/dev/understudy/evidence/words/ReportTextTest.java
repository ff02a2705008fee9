package dev.understudy.evidence.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.StageMeans;
import dev.understudy.proto.v1.SwapSet;
import dev.understudy.proto.v1.WatchReport;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ReportTextTest {
  private static final double STOP = Math.log(100);
  private static final Pattern JARGON =
      Pattern.compile(
          "[\\p{IsGreek}&&[^µ]]|\\b(A1|A2|A3|B1|B5|C1|C3|SRM|e-value|e-process|p-value|alpha|beta"
              + "|null hypothesis|supermartingale|detector)\\b",
          Pattern.CASE_INSENSITIVE);

  private static SliceLabel uruguay() {
    return SliceLabel.newBuilder().setSlice("country").setValue("UY").build();
  }

  private static MetricReport.Builder metric(String name, MetricKind kind) {
    return MetricReport.newBuilder()
        .setName(name)
        .setKind(kind)
        .setCritical(true)
        .setLogAgainstStop(Math.log(300))
        .setLogForNeeded(Math.log(20))
        .setNoiseFloor(Double.NaN);
  }

  /** A challenger that fails in one country, slow in computing. */
  static EvidenceReport.Builder against() {
    EvidenceReport.Builder report =
        EvidenceReport.newBuilder()
            .setModel("fraud")
            .setRolloutId("fraud-8")
            .setSpecDigest("9b1f".repeat(16))
            .setLogSequence(1240)
            .setAsOfUnixMs(1_767_226_000_000L)
            .setOverall(Result.AGAINST)
            .setStatement("stop: evidence against: 230× (stops at 100×)")
            .setLogAgainst(Math.log(230.5))
            .setLogAgainstStop(STOP)
            .setAlpha(0.01)
            .setBeta(0.05)
            .setBlocks(400)
            .setLateBlocks(2)
            .setGaps(1)
            .setPairs(1900)
            .setPairsDropped(12)
            .setPairDiscordantCopyBad(14)
            .setPairDiscordantChampionBad(1)
            .setPairBothBad(2)
            .setLabels(120)
            .setLabelsPaired(110)
            .setSliceHypotheses(24)
            .setBatchSizeDiffers(7);
    report.addMetrics(
        metric("errors", MetricKind.FAILURES)
            .setResult(Result.AGAINST)
            .setStatement(
                "against: the challenger fails more often than the champion; evidence against:"
                    + " 690× (stops at 300×)")
            .setLogAgainst(Math.log(690.5))
            .setLogFor(-4)
            .setObservations(41_200)
            .setEstimate(0.027)
            .setLow(0.019)
            .setHigh(0.036)
            .setMargin(0.01)
            .setLimit(1));
    report.addMetrics(
        metric("p95", MetricKind.LATENCY)
            .setResult(Result.UNDECIDED)
            .setStatement("needs about 30 more seconds of traffic, 30 s at this rate")
            .setLogFor(Math.log(4.21))
            .setObservations(61)
            .setEstimate(1.12)
            .setLow(0.98)
            .setHigh(1.31)
            .setMargin(0.25));
    report.addMetrics(
        metric("brier", MetricKind.QUALITY)
            .setCritical(false)
            .setResult(Result.CANNOT_MEASURE)
            .setStatement(
                "quality cannot be judged: outcomes do not arrive in equal shares for both arms, so"
                    + " their absence may depend on the arm")
            .setEstimate(Double.NaN));
    report.setLatency(
        LatencyReport.newBuilder()
            .setBaselineRole(Role.CONTROL)
            .addQuantiles(quantile(.5, 4_100_000, 3_900_000))
            .addQuantiles(quantile(.95, 12_900_000, 10_800_000))
            .setCanary(stages(41_000, 310, 420, 110, 4100))
            .setBaseline(stages(40_800, 300, 260, 100, 2700))
            .setStatement(
                "p95 is 2.1 ms higher (between 840 µs and 3.4 ms higher); the mean is 1.58"
                    + " ms higher, of which 1.4 ms are spent computing"));
    report.addMeasures(
        MeasureReport.newBuilder()
            .setOutput("probabilities")
            .setMeasure(Measure.TOTAL_VARIATION)
            .setPairs(1880)
            .setMean(0.0123)
            .setMax(0.41)
            .setNoiseMean(0.0004)
            .setNoiseMax(0.002)
            .setMaxAbs(0.38));
    report.addMeasures(
        MeasureReport.newBuilder()
            .setOutput("probabilities")
            .setMeasure(Measure.TOP_ONE)
            .setPairs(1880)
            .setMean(0.031)
            .setMax(1)
            .setNoiseMean(Double.NaN));
    report.setSwapSet(
        SwapSet.newBuilder()
            .setPairs(1880)
            .setToPositive(40)
            .setToNegative(18)
            .addAllToPositiveByBand(List.of(0L, 0L, 0L, 3L, 37L, 0L, 0L, 0L, 0L, 0L))
            .addAllToNegativeByBand(List.of(0L, 0L, 0L, 0L, 0L, 18L, 0L, 0L, 0L, 0L)));
    report.addSlices(
        SliceReport.newBuilder()
            .setLabel(uruguay())
            .setAgainst(true)
            .setPairs(210)
            .setStatement("country=UY: errors 3.1 % instead of 0.4 %"));
    report.addSlices(
        SliceReport.newBuilder()
            .setLabel(SliceLabel.newBuilder().setSlice("amount").setValue("<10"))
            .setPairs(800)
            .setChangedShare(0.04)
            .setMeanDivergence(0.013));
    for (int i = 0; i < 4; i++) {
      report.addExamples(
          ExamplePair.newBuilder()
              .setPredictionId("0194c0de-0000-7000-8000-00000000000" + i)
              .setDivergence(420 - 10 * i)
              .setChampionScore(0.48)
              .setScore(0.89)
              .addSlices(uruguay()));
    }
    report.addArms(
        ArmReport.newBuilder()
            .setRole(Role.CHAMPION)
            .setVersion("7")
            .setAssigned(370_000)
            .setOk(368_400)
            .setBad(1580)
            .setCensored(20)
            .setLongestBadRun(3)
            .setLeftOut(17));
    report.addArms(
        ArmReport.newBuilder()
            .setRole(Role.CANARY)
            .setVersion("8")
            .setAssigned(20_600)
            .setOk(19_960)
            .setBad(640)
            .setRescued(640)
            .setLongestBadRun(9)
            .setFirstBadUnixMs(1_767_225_700_123L));
    report.setSplit(
        SplitReport.newBuilder()
            .setResult(Result.UNDECIDED)
            .setStatement("no sign against the split: 5.01 % to the challenger, configured 5 %"));
    return report.setNext(Advice.next(report));
  }

  private static QuantileReport quantile(double p, long canary, long baseline) {
    return QuantileReport.newBuilder()
        .setQuantile(p)
        .setCanary(canary)
        .setCanaryLow(canary - 300_000)
        .setCanaryHigh(canary + 350_000)
        .setBaseline(baseline)
        .setBaselineLow(baseline - 310_000)
        .setBaselineHigh(baseline + 320_000)
        .setDifferenceLow(canary - baseline - 620_000)
        .setDifferenceHigh(canary - baseline + 660_000)
        .build();
  }

  private static StageMeans stages(
      long calls, double network, double queue, double batchWait, double compute) {
    return StageMeans.newBuilder()
        .setCalls(calls)
        .setNetworkMicros(network)
        .setQueueMicros(queue)
        .setBatchWaitMicros(batchWait)
        .setComputeMicros(compute)
        .setMeanBatchRows(3.4)
        .build();
  }

  /** Just promoted, watched, and little to say. */
  private static EvidenceReport.Builder watched() {
    EvidenceReport.Builder report =
        EvidenceReport.newBuilder()
            .setModel("fraud")
            .setRolloutId("fraud-9")
            .setOverall(Result.PROVED)
            .setStatement("every critical metric that can be judged now is proved")
            .setLogAgainst(-1)
            .setLogAgainstStop(STOP)
            .setAlpha(0.01)
            .setBeta(0.05)
            .setBlocks(90)
            .addMetrics(
                metric("errors", MetricKind.FAILURES)
                    .setResult(Result.PROVED)
                    .setStatement("proved: errors at most 1 point higher")
                    .setLogAgainst(-2)
                    .setLogFor(Math.log(31.5))
                    .setObservations(11_600)
                    .setEstimate(0)
                    .setLow(-0.002)
                    .setHigh(0.003)
                    .setMargin(0.01)
                    .setLimit(1))
            .setWatch(
                WatchReport.newBuilder()
                    .setResult(Result.UNDECIDED)
                    .setBlocks(30)
                    .setHorizonBlocks(600)
                    .setStatement(WatchWords.quiet(30, 600, 0.2, STOP)))
            .addArms(
                ArmReport.newBuilder()
                    .setRole(Role.CHAMPION)
                    .setVersion("9")
                    .setAssigned(3000)
                    .setOk(3000));
    return report.setNext(Advice.next(report));
  }

  private static void assertGolden(String name, String text) throws IOException {
    try (InputStream in = ReportTextTest.class.getResourceAsStream(name)) {
      String golden = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(golden, text, () -> name + " should be:\n" + text);
    }
  }

  @Test
  void aRolloutThatWasStoppedReadsAsItShould() throws IOException {
    assertGolden("report-against.txt", ReportText.of(against().build()));
  }

  @Test
  void aPromotionThatIsWatchedReadsAsItShould() throws IOException {
    assertGolden("report-watched.txt", ReportText.of(watched().build()));
  }

  @Test
  void noLineIsWiderThanTheTerminalAndNoWordIsJargon() {
    for (EvidenceReport.Builder report : List.of(against(), watched())) {
      String text = ReportText.of(report.build());
      text.lines()
          .forEach(line ->
              assertTrue(line.codePointCount(0, line.length()) <= 100, () -> "too wide: " + line));
      assertFalse(JARGON.matcher(text).find(), text);
    }
  }

  @Test
  void sectionsWithoutContentAreLeftOut() {
    String text = ReportText.of(EvidenceReport.newBuilder().setModel("m").build());
    for (String title :
        List.of("Metrics", "Latency", "slices", "Most different", "Changed", "Left out")) {
      assertFalse(text.contains(title), title);
    }
  }

  @Test
  void namesFromOutsideCannotSteerATerminal() {
    EvidenceReport hostile =
        against()
            .setModel("fraud\u001b[2Jx\u202e")
            .setSlices(
                0,
                SliceReport.newBuilder()
                    .setLabel(
                        SliceLabel.newBuilder().setSlice("name").setValue("a\nb\u001b]0;x\u0007")))
            .setExamples(0, ExamplePair.newBuilder().setPredictionId("\u009b31m\r\n"))
            .build();
    String text = ReportText.of(hostile);
    text.codePoints()
        .filter(point -> point != '\n')
        .forEach(point ->
            assertFalse(
                Character.isISOControl(point) || Character.getType(point) == Character.FORMAT,
                () -> "U+" + Integer.toHexString(point)));
    assertEquals(
        ReportText.of(against().build()).lines().count(),
        text.lines().count(),
        "no value breaks a line");
  }
}
