package dev.understudy.collector.dashboard;

import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.collector.intake.IntakeCounts;
import dev.understudy.collector.latency.Latencies;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.Database;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.Retention;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.collector.rollouts.EvidencePoint;
import dev.understudy.collector.rollouts.Overview;
import dev.understudy.collector.rollouts.Source;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.LatencyReport;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureReport;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceMetric;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.StageMeans;
import dev.understudy.proto.v1.Step;
import dev.understudy.proto.v1.SwapSet;
import dev.understudy.proto.v1.ToleranceLearned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Invented but plausible states of a fraud model, the same at every run. */
final class FakeStates implements AutoCloseable {
  private static final String MODEL = "card-fraud";
  private static final String ROLLOUT = "r-2026-01-01-card-fraud-2";
  private static final int SECONDS = 240;

  /** What the page is to show. */
  enum Scene {
    EMPTY,
    SERVING,
    SHADOWING,
    CANARY,
    ABORTED,
    PROMOTED
  }

  private final ManualTime time = new ManualTime();
  private final Latencies latencies = new Latencies(time);
  private final Traffic traffic = new Traffic(time, latencies);
  private final WriteThread writer;
  private final Facts facts;
  private final Scene scene;
  private final Overview overview;

  FakeStates(Scene scene) throws IOException, SQLException {
    this.scene = scene;
    Path folder = Files.createTempDirectory("fake-collector");
    Database database = Database.open(folder.resolve("collector.db"));
    PredictionStore store = PredictionStore.open(folder, database, Retention.DEFAULT, 0);
    writer = new WriteThread(database, store, time, 1 << 20);
    Outcomes outcomes =
        new Outcomes(database, store, null, Retention.DEFAULT, Duration.ofSeconds(2));
    facts =
        new Facts(traffic, latencies, outcomes, null, store, writer, new IntakeCounts(), () -> "");
    if (scene != Scene.EMPTY) {
      drive();
    }
    overview = makeOverview();
  }

  Facts facts() {
    return facts;
  }

  ManualTime time() {
    return time;
  }

  Overview overview() {
    return overview;
  }

  @Override
  public void close() {
    writer.close();
  }

  private void drive() {
    Random random = new Random(7);
    for (int second = 0; second < SECONDS; second++) {
      List<LineageRecord> records = new ArrayList<>();
      for (int i = 0; i < 118 + random.nextInt(30); i++) {
        records.add(call(random, second));
      }
      traffic.add(records);
      time.advance(Duration.ofSeconds(1));
    }
  }

  private LineageRecord call(Random random, int second) {
    double canaryShare =
        switch (scene) {
          case CANARY -> second > 120 ? 0.25 : second > 60 ? 0.05 : 0;
          case ABORTED ->
              second > 120 && second < 190 ? 0.25 : second > 60 && second < 190 ? 0.05 : 0;
          default -> 0;
        };
    boolean canary = random.nextDouble() < canaryShare;
    boolean bad = canary && scene == Scene.ABORTED && second > 170 && random.nextDouble() < 0.3;
    double millis = (canary ? 1.45 : 1.3) * Math.exp(0.35 * random.nextGaussian());
    boolean promoted = scene == Scene.PROMOTED && second > 180;
    Role assigned = canary ? Role.CANARY : Role.CHAMPION;
    Role answered = bad ? Role.CHAMPION : assigned;
    return LineageRecord.newBuilder()
        .setModel(MODEL)
        .setAssignedRole(assigned)
        .setAnsweredRole(answered)
        .setVersion(answered == Role.CANARY || promoted ? "2" : "1")
        .setOutcome(bad ? Outcome.BAD_INTERNAL : Outcome.OK)
        .setUnixMs(time.wallMillis())
        .setLatencyNanos((long) (millis * 1e6))
        .build();
  }

  private Overview makeOverview() {
    if (scene == Scene.EMPTY) {
      return Overview.EMPTY;
    }
    Source controller = new Source("127.0.0.1:8401", true, "");
    Source comparator = new Source("127.0.0.1:8201", true, "");
    long now = time.wallMillis();
    RouterState router =
        RouterState.newBuilder()
            .setRouter("router-1")
            .setAppliedEpoch(1)
            .setAppliedRevision(4)
            .setAppliedUnixMs(now - 51_000)
            .build();
    if (scene == Scene.SERVING) {
      return new Overview(
          controller, comparator, List.of(), List.of(), Map.of(), Map.of(), List.of(router));
    }
    EvidenceReport report = report(now);
    return new Overview(
        controller,
        comparator,
        List.of(),
        List.of(status(now)),
        Map.of(ROLLOUT, report),
        Map.of(ROLLOUT, course(report, now)),
        List.of(router, router.toBuilder().setRouter("router-2").build()));
  }

  private RolloutStatus status(long now) {
    RolloutStatus.Builder status =
        RolloutStatus.newBuilder()
            .setRolloutId(ROLLOUT)
            .setModel(MODEL)
            .setChampionVersion("1")
            .setChallengerVersion("2")
            .setSteps(4)
            .setAttempt(1)
            .setStartedUnixMs(now - 212_000)
            .setPhaseSinceUnixMs(now - 51_000)
            .setRoutingEpoch(1)
            .setRoutingRevision(4)
            .setPlan(
                RolloutPlan.newBuilder()
                    .setModel(MODEL)
                    .setIntent(Intent.IMPROVED)
                    .addSteps(Step.newBuilder().setSetMirrorBp(10_000).setMinSamples(2_000))
                    .addSteps(Step.newBuilder().setSetWeightBp(500).setMinSamples(300))
                    .addSteps(Step.newBuilder().setSetWeightBp(2_500).setMinSamples(1_000))
                    .addSteps(Step.newBuilder().setSetWeightBp(5_000).setMinSamples(1_000)))
            .addDecisions(
                decision(
                    now - 212_000,
                    Phase.SHADOWING,
                    0,
                    "cli:ana",
                    "started: version 2 receives copies of every call"));
    switch (scene) {
      case SHADOWING ->
          status
              .setPhase(Phase.SHADOWING)
              .setMirrorBp(10_000)
              .setHeadline("version 2 · shadow · needs about 1,200 more labelled calls");
      case CANARY ->
          status
              .setPhase(Phase.PROGRESSING)
              .setStep(2)
              .setCanaryWeightBp(2_500)
              .setMirrorBp(10_000)
              .setHeadline("version 2 · canary 25 % · needs about 3,100 more requests")
              .addDecisions(
                  decision(
                      now - 180_000,
                      Phase.PROGRESSING,
                      500,
                      "policy",
                      "changed decisions inside the declared band, quality proved: Brier score"
                          + " lower"))
              .addDecisions(
                  decision(
                      now - 120_000,
                      Phase.PROGRESSING,
                      2_500,
                      "policy",
                      "errors at most 1 point higher: proved; 312 requests as canary"));
      case ABORTED ->
          status
              .setPhase(Phase.DEGRADED)
              .setStep(2)
              .setReason("Aborted")
              .setEndedUnixMs(now - 50_000)
              .setHeadline("version 2 · aborted at 25 % · version 1 answers everything")
              .addDecisions(
                  decision(
                      now - 180_000,
                      Phase.PROGRESSING,
                      500,
                      "policy",
                      "changed decisions inside the declared band"))
              .addDecisions(
                  decision(
                      now - 120_000,
                      Phase.PROGRESSING,
                      2_500,
                      "policy",
                      "errors at most 1 point higher: proved"))
              .addDecisions(
                  decision(
                      now - 50_000,
                      Phase.DEGRADED,
                      0,
                      "policy",
                      "failures: evidence against 3,480×, stops at 100×"));
      case PROMOTED ->
          status
              .setPhase(Phase.WATCHING)
              .setStep(4)
              .setHeadline("version 2 · champion · watched for 60 s more")
              .addDecisions(
                  decision(
                      now - 60_000,
                      Phase.WATCHING,
                      0,
                      "policy",
                      "every critical metric proved at 50 %"));
      default -> {}
    }
    return status.build();
  }

  private static DecisionRecord decision(
      long at, Phase phase, int weight, String actor, String reason) {
    return DecisionRecord.newBuilder()
        .setUnixMs(at)
        .setPhase(phase)
        .setCanaryWeightBp(weight)
        .setActor(actor)
        .setReason(reason)
        .setAppliedUnixMs(at + 140)
        .build();
  }

  private EvidenceReport report(long now) {
    boolean aborted = scene == Scene.ABORTED;
    boolean shadow = scene == Scene.SHADOWING;
    return EvidenceReport.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel(MODEL)
        .setAsOfUnixMs(now)
        .setAlpha(0.01)
        .setBeta(0.025)
        .setLogAgainst(aborted ? Math.log(3480) : Math.log(1.6))
        .setLogAgainstStop(Math.log(100))
        .setOverall(aborted ? Result.AGAINST : Result.UNDECIDED)
        .setStatement(
            aborted
                ? "stopped: evidence against 3,480× (stops at 100×)"
                : "nothing speaks against version 2")
        .addMetrics(
            metric(
                    "failures",
                    MetricKind.FAILURES,
                    aborted ? Result.AGAINST : shadow ? Result.UNDECIDED : Result.PROVED)
                .setStatement(
                    aborted
                        ? "errors 29.4 points higher than the champion's"
                        : shadow
                            ? "copies fail as rarely as the champion"
                            : "proved: errors at most 1 point higher")
                .setLogAgainst(aborted ? Math.log(10_440) : 0.2)
                .setLogFor(shadow ? 1.1 : aborted ? 0 : 4.1)
                .setObservations(shadow ? 900 : 6_212))
        .addMetrics(
            metric("quality", MetricKind.QUALITY, Result.PROVED)
                .setStatement("proved: Brier score lower by 0.0021 (at least 0.0005)")
                .setLogFor(4.9)
                .setObservations(9_310))
        .addMetrics(
            metric("changed decisions", MetricKind.CHANGED_DECISIONS, Result.PROVED)
                .setStatement("proved: 1.31 % of decisions change, at most 3 % declared")
                .setLogFor(6)
                .setLogAgainst(-1.2)
                .setObservations(14_201))
        .addMetrics(
            metric(
                    "p95 latency",
                    MetricKind.LATENCY,
                    shadow ? Result.CANNOT_MEASURE : Result.UNDECIDED)
                .setReason(
                    shadow
                        ? "latency is measured when customers are answered: from the first canary"
                            + " step on"
                        : "")
                .setStatement("p95 at most 25 % higher is likely, not proved")
                .setLogFor(2.2)
                .setLogAgainst(0.4)
                .setObservations(shadow ? 0 : 3_904)
                .setNeedsMore(3_100)
                .setEtaSeconds(40)
                .setFlipsIf("p95 of the canary above 2.4 ms"))
        .setSplit(
            SplitReport.newBuilder()
                .setResult(Result.PROVED)
                .setExpectedShare(0.25)
                .setActualShare(0.2493))
        .setSwapSet(
            SwapSet.newBuilder()
                .setPairs(14_201)
                .setToPositive(112)
                .setToNegative(74)
                .addAllToPositiveByBand(List.of(0L, 1L, 4L, 21L, 64L, 18L, 3L, 1L, 0L, 0L))
                .addAllToNegativeByBand(List.of(0L, 0L, 0L, 2L, 5L, 44L, 17L, 5L, 1L, 0L)))
        .addSlices(slice("amount", ">=1000", 811, 0.071, 0.047))
        .addSlices(slice("country", "abroad", 2_204, 0.043, 0.021))
        .addSlices(slice("amount", "100..1000", 5_390, 0.028, 0.012))
        .addSlices(slice("amount", "<100", 8_000, 0.019, 0.008))
        .addExamples(
            ExamplePair.newBuilder()
                .setPredictionId("019b76da-1c00-7a4e-9d1f-3c5f0f6b2a11")
                .setDivergence(498)
                .setChampionScore(0.41)
                .setScore(0.93))
        .setPairs(14_201)
        .setPairsDropped(12)
        .setMeanDivergence(0.0262)
        .setMeanNoise(0.0004)
        .setLabels(9_310)
        .setLabelsPaired(9_102)
        .setBlocks(212)
        .setNext(
            aborted
                ? "Version 4 no longer answers anybody. Read the slices and the most divergent"
                    + " pairs."
                : "Wait: latency needs about 3,100 more requests, 40 s at this rate.")
        .setLatency(shadow ? LatencyReport.getDefaultInstance() : latency())
        .addMeasures(measure(Measure.TOTAL_VARIATION, 0.0262, 0.486, 0.0004, 0.011))
        .addMeasures(measure(Measure.JENSEN_SHANNON, 0.0041, 0.221, 0.0001, 0.002))
        .addMeasures(measure(Measure.TOP_ONE, 0.0131, 1, 0, 0))
        .addTolerances(
            ToleranceLearned.newBuilder()
                .setOutput("raw_score")
                .setAtol(2e-5)
                .setRtol(1e-4)
                .setPairs(200))
        .setSliceHypotheses(36)
        .setBatchSizeDiffers(9_411)
        .build();
  }

  private static LatencyReport latency() {
    StageMeans.Builder means = StageMeans.newBuilder().setQueueMicros(210).setMeanBatchRows(6.2);
    return LatencyReport.newBuilder()
        .setBaselineRole(Role.CONTROL)
        .setStatement(
            "p95 is 0.3 ms higher; of the mean difference of 0.2 ms, 0.2 ms are spent computing.")
        .addQuantiles(quantile(0.5, 1_420_000, 1_310_000))
        .addQuantiles(quantile(0.95, 2_300_000, 2_010_000))
        .addQuantiles(quantile(0.99, 4_900_000, 4_600_000))
        .setCanary(
            means
                .clone()
                .setCalls(3_100)
                .setNetworkMicros(310)
                .setBatchWaitMicros(90)
                .setComputeMicros(820))
        .setBaseline(
            means
                .clone()
                .setCalls(3_080)
                .setNetworkMicros(305)
                .setBatchWaitMicros(95)
                .setComputeMicros(620))
        .addSharedNodes("node-7")
        .build();
  }

  private static QuantileReport quantile(double quantile, long canary, long baseline) {
    return QuantileReport.newBuilder()
        .setQuantile(quantile)
        .setCanary(canary)
        .setCanaryLow(canary * 9 / 10)
        .setCanaryHigh(canary * 11 / 10)
        .setBaseline(baseline)
        .setBaselineLow(baseline * 9 / 10)
        .setBaselineHigh(baseline * 11 / 10)
        .setDifferenceLow((canary * 9 - baseline * 11) / 10)
        .setDifferenceHigh((canary * 11 - baseline * 9) / 10)
        .build();
  }

  private static MeasureReport measure(
      Measure measure, double mean, double max, double noiseMean, double noiseMax) {
    return MeasureReport.newBuilder()
        .setOutput("probabilities")
        .setMeasure(measure)
        .setPairs(14_201)
        .setMean(mean)
        .setMax(max)
        .setNoiseMean(noiseMean)
        .setNoiseMax(noiseMax)
        .build();
  }

  private static MetricReport.Builder metric(String name, MetricKind kind, Result result) {
    return MetricReport.newBuilder()
        .setName(name)
        .setKind(kind)
        .setCritical(true)
        .setResult(result)
        .setLogAgainstStop(Math.log(100))
        .setLogForNeeded(Math.log(40));
  }

  private static SliceReport slice(
      String name, String value, long pairs, double divergence, double changed) {
    return SliceReport.newBuilder()
        .setLabel(SliceLabel.newBuilder().setSlice(name).setValue(value))
        .setPairs(pairs)
        .setMeanDivergence(divergence)
        .setChangedShare(changed)
        .setAgainst(changed > 0.04)
        .addMetrics(
            SliceMetric.newBuilder()
                .setName("failures")
                .setKind(MetricKind.FAILURES)
                .setObservations(pairs)
                .setEstimate(divergence / 10))
        .addMetrics(
            SliceMetric.newBuilder()
                .setName("p95 latency")
                .setKind(MetricKind.LATENCY)
                .setObservations(pairs)
                .setEstimate(-divergence / 100))
        .setStatement(name + " " + value + ": 4.7 % of decisions change instead of 1.3 % overall")
        .build();
  }

  private List<EvidencePoint> course(EvidenceReport report, long now) {
    Random random = new Random(3);
    List<EvidencePoint> points = new ArrayList<>();
    double against = 0;
    int count = 200;
    for (int i = 0; i <= count; i++) {
      double noise = 0.012 / Math.sqrt(i + 1.0);
      boolean failing = scene == Scene.ABORTED && i > 140;
      against =
          failing
              ? Math.min(report.getLogAgainst(), against + 0.45 * random.nextDouble())
              : Math.max(-0.8, against * 0.97 + 0.12 * random.nextGaussian());
      points.add(
          new EvidencePoint(
              now - (count - i) * 1000L,
              report.getMeanDivergence() + noise * random.nextGaussian(),
              report.getMeanNoise() * (1 + 0.1 * random.nextGaussian()),
              i == count ? report.getLogAgainst() : against,
              report.getLogAgainstStop(),
              i * 70L));
    }
    return points;
  }
}
