package dev.understudy.collector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.collector.predictions.Retention;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.GetPredictionRequest;
import dev.understudy.proto.v1.KnownOutcome;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LineageAck;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.OutcomeServiceGrpc;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.Prediction;
import dev.understudy.proto.v1.PredictionServiceGrpc;
import dev.understudy.proto.v1.ReportOutcomesRequest;
import dev.understudy.proto.v1.ReportOutcomesResponse;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CollectorTest {
  private static final Duration NO_WAIT = Duration.ofMillis(300);
  private static final Duration LONG_WAIT = Duration.ofMinutes(10);

  @TempDir Path folder;
  private final TimeOrderedIds ids = TimeOrderedIds.system();
  private final HttpClient http = HttpClient.newHttpClient();
  private FakeComparator comparator;
  private RunningService collector;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    comparator = new FakeComparator();
    collector = Collector.start(config(NO_WAIT));
    channel = open(collector);
  }

  @AfterEach
  void stop() {
    halt();
    comparator.close();
  }

  @Test
  void anOutcomeAfterTheAnswersBecomesALabelForBothArms() throws Exception {
    String id = ids.next();
    payloads(answer(id, Role.CHAMPION, 0.7), answer(id, Role.SHADOW, 0.9));
    assertEquals(1, report(outcome(id, 1)).getAccepted());
    LabelledPrediction label = labels(1).getFirst();
    assertEquals(id, label.getPredictionId());
    assertEquals("r-1", label.getRolloutId());
    assertEquals(Role.CHAMPION, label.getRole());
    assertEquals(0.7, label.getScore());
    assertEquals(Role.SHADOW, label.getCopies(0).getRole());
    assertEquals(0.9, label.getCopies(0).getScore());
    assertEquals(1.0, label.getOutcome());
    assertEquals(500, label.getCanaryWeightBp());
    assertEquals("abroad", label.getSlices(0).getValue());
  }

  @Test
  void aCopyThatAnsweredWithNoNumberHasNoNumberAsItsScore() throws Exception {
    String id = ids.next();
    payloads(answer(id, Role.CHAMPION, 0.7), answer(id, Role.SHADOW, Double.NaN));
    report(outcome(id, 1));
    assertEquals(Role.SHADOW, labels(1).getFirst().getCopies(0).getRole());
    assertEquals(Double.NaN, labels(1).getFirst().getCopies(0).getScore());
    String infinite = ids.next();
    payloads(
        answer(infinite, Role.CHAMPION, 0.7),
        answer(infinite, Role.SHADOW, Double.NEGATIVE_INFINITY));
    report(outcome(infinite, 1));
    assertEquals(Double.NaN, labels(2).getLast().getCopies(0).getScore());
  }

  @Test
  void anOutcomeBeforeTheAnswersWaitsForThem() throws Exception {
    String id = ids.next();
    assertEquals(1, report(outcome(id, 0)).getUnknown());
    payloads(answer(id, Role.CHAMPION, 0.2));
    payloads(answer(id, Role.SHADOW, 0.1));
    LabelledPrediction label = labels(1).getFirst();
    assertEquals(0.2, label.getScore());
  }

  @Test
  void theShadowsAnswerIsWaitedForInWhateverOrderItComes() throws Exception {
    halt();
    start(LONG_WAIT);
    String first = ids.next();
    report(outcome(first, 1));
    payloads(answer(first, Role.SHADOW, 0.3));
    payloads(answer(first, Role.CHAMPION, 0.4));
    assertEquals(0.3, labels(1).getFirst().getCopies(0).getScore());
    String second = ids.next();
    payloads(answer(second, Role.CHAMPION, 0.4));
    report(outcome(second, 1));
    payloads(answer(second, Role.SHADOW, 0.3));
    assertEquals(0.3, labels(2).getLast().getCopies(0).getScore());
  }

  @Test
  void withoutAShadowTheWaitEndsAndTheCanaryIsLabelledAlone() throws Exception {
    String id = ids.next();
    payloads(answer(id, Role.CANARY, 0.6));
    report(outcome(id, 1));
    LabelledPrediction label = labels(1).getFirst();
    assertEquals(Role.CANARY, label.getRole());
    assertEquals(0, label.getCopiesCount());
  }

  @Test
  void theClientsOwnIdIsAcceptedWithItsPrincipalBeforeAndAfterTheCall() throws Exception {
    String early = ids.next();
    String late = ids.next();
    KnownOutcome before = own("order-1", 1);
    assertEquals(1, report(before).getUnknown());
    assertEquals(1, report(before).getDuplicates());
    lineage(1, record(early, "order-1"), record(late, "order-2"));
    payloads(answer(early, Role.CHAMPION, 0.5), answer(early, Role.SHADOW, 0.6));
    assertEquals(early, labels(1).getFirst().getPredictionId());
    payloads(answer(late, Role.CHAMPION, 0.5), answer(late, Role.SHADOW, 0.6));
    assertEquals(1, report(own("order-2", 0)).getAccepted());
    assertEquals(late, labels(2).getLast().getPredictionId());
  }

  @Test
  void theSameOutcomeAgainIsADuplicateAndAnotherOneReplacesItOnce() throws Exception {
    String id = ids.next();
    assertEquals(1, report(outcome(id, 0)).getUnknown());
    assertEquals(1, report(outcome(id, 0)).getDuplicates());
    assertEquals(1, report(outcome(id, 1)).getReplaced());
    payloads(answer(id, Role.CHAMPION, 0.5), answer(id, Role.SHADOW, 0.5));
    assertEquals(1.0, labels(1).getFirst().getOutcome());
    assertEquals(1, report(outcome(id, 0)).getReplaced());
    assertEquals(0.0, prediction(id).getOutcome());
    // A second prediction shows that the correction was not passed on before it.
    String next = ids.next();
    payloads(answer(next, Role.CHAMPION, 0.5), answer(next, Role.SHADOW, 0.5));
    report(outcome(next, 1));
    assertEquals(next, labels(2).getLast().getPredictionId());
    assertEquals(1, state().getAsJsonObject("outcomes").get("replacedAfterJoin").getAsLong());
  }

  @Test
  void outcomesThatCannotBeUsedAreRefusedWithTheirPlace() {
    for (KnownOutcome bad :
        List.of(
            outcome("not-a-uuid", 1),
            outcome(ids.next(), Double.NaN),
            KnownOutcome.newBuilder().setValue(1).build())) {
      StatusRuntimeException refused =
          assertThrows(StatusRuntimeException.class, () -> report(outcome(ids.next(), 1), bad));
      assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
      assertTrue(refused.toString().contains("outcomes[1]"), refused.toString());
    }
  }

  @Test
  void labelsSurviveARestartOfEitherSideWithoutLossOrRepetition() throws Exception {
    comparator.acknowledge(false);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      all.add(labelled());
    }
    labels(20);
    halt();
    start(NO_WAIT);
    for (int i = 0; i < 20; i++) {
      all.add(labelled());
    }
    labels(40);
    int port = comparator.port();
    comparator.stop();
    for (int i = 0; i < 20; i++) {
      all.add(labelled());
    }
    comparator.acknowledge(true);
    comparator.startAgain(port);
    List<LabelledPrediction> labels = labels(60);
    assertEquals(all, labels.stream().map(LabelledPrediction::getPredictionId).toList());
    for (int i = 0; i < labels.size(); i++) {
      assertEquals(i + 1, labels.get(i).getSequence());
    }
    await(() -> state().getAsJsonObject("outcomes").get("unacknowledged").getAsLong() == 0);
  }

  @Test
  void anOutcomeThatWaitsForTheShadowIsTakenUpAfterARestart() throws Exception {
    halt();
    start(LONG_WAIT);
    String id = ids.next();
    payloads(answer(id, Role.CHAMPION, 0.4));
    assertEquals(1, report(outcome(id, 1)).getAccepted());
    halt();
    start(LONG_WAIT);
    assertEquals(id, labels(1).getFirst().getPredictionId());
  }

  @Test
  void outcomesThatWaitAreBoundedAndTheOldestAreGivenUp() throws Exception {
    halt();
    start(
        CollectorConfig.local(folder.resolve("state"))
            .withPeers(comparator.address(), null)
            .withRetention(
                new Retention(1 << 20, Duration.ofDays(1), 1 << 10, 1_000, 50), NO_WAIT));
    List<KnownOutcome> many = new ArrayList<>();
    for (int i = 0; i < 80; i++) {
      many.add(outcome(ids.next(), 1));
    }
    assertEquals(80, report(many.toArray(KnownOutcome[]::new)).getUnknown());
    await(() -> state().getAsJsonObject("outcomes").get("evicted").getAsLong() == 30);
  }

  @Test
  void aBatchIsAcknowledgedOnceStoredAndAgainWhenItIsSentAgain() throws Exception {
    String id = ids.next();
    assertEquals(1, lineage(1, record(id, "")).getSequence());
    assertEquals(1, lineage(1, record(id, "")).getSequence());
    assertEquals(3, lineage(3, record(ids.next(), "")).getSequence());
    halt();
    start(NO_WAIT);
    // The number outlives the process.
    assertEquals(3, lineage(3, record(ids.next(), "")).getSequence());
    JsonObject telemetry = state().getAsJsonObject("telemetry");
    assertEquals(0, telemetry.get("lineageStored").getAsLong());
    assertEquals(1, telemetry.get("lineageDuplicateBatches").getAsLong());
    Prediction found = prediction(id);
    assertEquals(Role.CANARY, found.getLineage().getAnsweredRole());
    assertEquals("router-1", found.getLineage().getPrincipal());
  }

  @Test
  void aBatchWithoutABootIdIsRefused() throws Exception {
    BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    var batches = CollectorIntakeGrpc.newStub(channel).sendLineage(into(heard));
    batches.onNext(LineageBatch.newBuilder().setRouter("r").setSequence(1).build());
    var refused = (StatusRuntimeException) heard.poll(10, TimeUnit.SECONDS);
    assertEquals(Status.Code.INVALID_ARGUMENT, Status.fromThrowable(refused).getCode());
  }

  @Test
  void aPredictionThatNobodyKnowsIsNotFound() {
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> prediction(ids.next()));
    assertEquals(Status.Code.NOT_FOUND, refused.getStatus().getCode());
    refused = assertThrows(StatusRuntimeException.class, () -> prediction("17"));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
  }

  @Test
  void thePageShowsWhatTheComparatorReportsAndSaysWhatItCannotReach() throws Exception {
    await(() -> state().getAsJsonArray("models").size() == 1);
    JsonObject model = state().getAsJsonArray("models").get(0).getAsJsonObject();
    assertEquals("nothing speaks against version 2", model.get("headline").getAsString());
    assertTrue(state().getAsJsonObject("comparator").get("reachable").getAsBoolean());
    comparator.stop();
    await(() -> !state().getAsJsonObject("comparator").get("reachable").getAsBoolean());
    assertEquals(1, state().getAsJsonArray("models").size());
  }

  @Test
  void metricsHaveBaseUnitsAndBoundedLabels() throws Exception {
    lineage(1, record(ids.next(), ""), record(ids.next(), ""));
    String text = get("/metrics").body();
    assertTrue(
        text.contains(
            "understudy_arm_requests_answered_total{model=\"fraud\",arm=\"canary\",version=\"2\"}"
                + " 2"),
        text);
    assertTrue(
        text.contains(
            "understudy_stage_duration_seconds_bucket{service=\"caller\",stage=\"call\","
                + "model=\"fraud\",arm=\"canary\",version=\"2\",le=\"0.0025\"} 2"),
        text);
    assertTrue(text.contains("understudy_requests_total{model=\"fraud\",code=\"OK\"} 2"), text);
    assertTrue(!text.contains("router-1"), "a principal is no label");
  }

  @Test
  void theConfigurationNamesAllProblemsAtOnce() {
    ConfigException wrong =
        assertThrows(
            ConfigException.class,
            () ->
                ConfigFile.parse(
                    "collector.yaml",
                    "listen: nowhere\nstat: x\ncopyWait: 2\n",
                    CollectorConfig::read));
    assertEquals(4, wrong.problems().size(), wrong.problems().toString());
    CollectorConfig read =
        ConfigFile.parse(
            "collector.yaml",
            "state: /tmp/x\nevidence: 127.0.0.1:8101\nretention: {bytes: 1GiB, age: 3d}\n",
            CollectorConfig::read);
    assertEquals(HostPort.loopback(8102), read.listen());
    assertEquals(HostPort.loopback(8080), read.http());
    assertEquals(HostPort.loopback(8101), read.evidence());
    assertEquals(1L << 30, read.retention().maxBytes());
  }

  @Test
  void offLoopbackBothPortsNeedProtection() {
    ConfigException open =
        assertThrows(
            ConfigException.class,
            () ->
                ConfigFile.parse(
                    "collector.yaml",
                    "state: /tmp/x\nlisten: 0.0.0.0:1\nhttp: 0.0.0.0:2\n",
                    CollectorConfig::read));
    assertEquals(2, open.problems().size(), open.problems().toString());
  }

  // ---- helpers ----

  private void start(Duration copyWait) throws Exception {
    start(config(copyWait));
  }

  private CollectorConfig config(Duration copyWait) {
    return CollectorConfig.local(folder.resolve("state"))
        .withPeers(comparator.address(), null)
        .withRetention(Retention.DEFAULT, copyWait);
  }

  private static ManagedChannel open(RunningService collector) {
    Integer port = collector.ports().get("grpc");
    return Channels.open(HostPort.loopback(port == null ? 0 : port), ChannelOptions.plaintext());
  }

  private void start(CollectorConfig config) throws Exception {
    collector = Collector.start(config);
    channel = open(collector);
  }

  private void halt() {
    Channels.close(channel, Duration.ofSeconds(2));
    collector.close();
  }

  private int port(String name) {
    Integer port = collector.ports().get(name);
    return port == null ? -1 : port;
  }

  private String labelled() throws Exception {
    String id = ids.next();
    payloads(answer(id, Role.CHAMPION, 0.5), answer(id, Role.SHADOW, 0.5));
    report(outcome(id, 1));
    return id;
  }

  private List<LabelledPrediction> labels(int count) throws Exception {
    List<LabelledPrediction> labels = comparator.await(count);
    assertEquals(count, labels.size());
    return labels;
  }

  private ReportOutcomesResponse report(KnownOutcome... outcomes) {
    return OutcomeServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .reportOutcomes(
            ReportOutcomesRequest.newBuilder().addAllOutcomes(List.of(outcomes)).build());
  }

  private Prediction prediction(String id) {
    return PredictionServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .getPrediction(GetPredictionRequest.newBuilder().setPredictionId(id).build());
  }

  private void payloads(PayloadRecord... records) throws Exception {
    BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    StreamObserver<PayloadSummary> summary = into(heard);
    var stream = CollectorIntakeGrpc.newStub(channel).sendPayloads(summary);
    for (PayloadRecord record : records) {
      stream.onNext(record);
    }
    stream.onCompleted();
    assertEquals(
        PayloadSummary.newBuilder().setReceived(records.length).build(),
        heard.poll(20, TimeUnit.SECONDS));
  }

  private LineageAck lineage(long sequence, LineageRecord... records) throws Exception {
    BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    StreamObserver<LineageAck> acks = into(heard);
    var stream = CollectorIntakeGrpc.newStub(channel).sendLineage(acks);
    stream.onNext(
        LineageBatch.newBuilder()
            .setRouter("router-1")
            .setBootId("boot-1")
            .setSequence(sequence)
            .addAllRecords(List.of(records))
            .build());
    Object first = heard.poll(20, TimeUnit.SECONDS);
    stream.onCompleted();
    if (first instanceof LineageAck ack) {
      return ack;
    }
    throw new AssertionError("no acknowledgement but " + first);
  }

  private static <T> StreamObserver<T> into(BlockingQueue<Object> heard) {
    return new StreamObserver<>() {
      @Override
      public void onNext(T message) {
        heard.add(message);
      }

      @Override
      public void onError(Throwable failure) {
        heard.add(failure);
      }

      @Override
      public void onCompleted() {}
    };
  }

  private HttpResponse<String> get(String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port("http") + path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private JsonObject state() throws Exception {
    return JsonParser.parseString(get("/api/state").body()).getAsJsonObject();
  }

  /** A condition that another thread or process brings about. */
  interface Condition {
    boolean holds() throws Exception;
  }

  /** Asks again and again; each question goes over HTTP. */
  private static void await(Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < deadline, "did not happen within 20 s");
    }
  }

  private static KnownOutcome outcome(String id, double value) {
    return KnownOutcome.newBuilder().setPredictionId(id).setValue(value).build();
  }

  private static KnownOutcome own(String request, double value) {
    return KnownOutcome.newBuilder()
        .setClientRequestId(request)
        .setPrincipal("router-1")
        .setValue(value)
        .build();
  }

  private static PayloadRecord answer(String id, Role role, double score) {
    return PayloadRecord.newBuilder()
        .setPredictionId(id)
        .setUnixMs(1)
        .setModel("fraud")
        .setRole(role)
        .setRolloutId("r-1")
        .setCanaryWeightBp(500)
        .addScores(score)
        .addSlices(SliceLabel.newBuilder().setSlice("country").setValue("abroad"))
        .build();
  }

  private static LineageRecord record(String id, String request) {
    return LineageRecord.newBuilder()
        .setPredictionId(id)
        .setUnixMs(System.currentTimeMillis())
        .setModel("fraud")
        .setAssignedRole(Role.CANARY)
        .setAnsweredRole(Role.CANARY)
        .setVersion("2")
        .setPrincipal("router-1")
        .setClientRequestId(request)
        .setLatencyNanos(1_500_000)
        .build();
  }
}
