package dev.understudy.comparator;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.Blocks;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.testing.FakeRouter;
import dev.understudy.comparator.testing.FullDisk;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StopEvaluationRequest;
import dev.understudy.proto.v1.TensorValue;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The comparator over real gRPC on loopback, with a router that is not ours. */
class ComparatorTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final ReportRequest REPORT = ReportRequest.newBuilder().setRolloutId("r").build();

  @TempDir Path folder;

  private final FullDisk disk = new FullDisk();
  private @Nullable Comparator running;
  private @Nullable ManagedChannel open;

  @BeforeEach
  void start() throws IOException {
    Comparator comparator =
        Comparator.start(ComparatorConfig.local(folder), TimeSource.system(), disk);
    running = comparator;
    open =
        Channels.open(
            HostPort.loopback(comparator.ports().getOrDefault("grpc", 0)),
            ChannelOptions.plaintext());
  }

  @AfterEach
  void stop() {
    if (open != null) {
      Channels.close(open, Duration.ZERO);
    }
    if (running != null) {
      running.close();
    }
  }

  private void restart() throws IOException {
    stop();
    start();
  }

  private Comparator comparator() {
    return Objects.requireNonNull(running);
  }

  private ManagedChannel channel() {
    return Objects.requireNonNull(open);
  }

  private EvidenceServiceBlockingStub service() {
    return EvidenceServiceGrpc.newBlockingStub(channel())
        .withDeadlineAfter(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  private static EvaluationSpec spec() {
    return Blocks.spec("r")
        .setContract(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("p")
                        .setKind(OutputKind.PROBABILITIES)
                        .setColumn(1)
                        .setCutoff(0.5)))
        .build();
  }

  private static List<Cell> good() {
    return List.of(Blocks.cell("r", Role.CANARY, 25, 0), Blocks.cell("r", Role.CHAMPION, 75, 0));
  }

  private EvidenceReport awaitReport(Predicate<EvidenceReport> wanted) {
    Iterator<EvidenceReport> reports = service().watchReport(REPORT);
    while (true) {
      EvidenceReport report = reports.next();
      if (wanted.test(report)) {
        return report;
      }
    }
  }

  @Test
  void evidenceFromTwoRoutersBecomesAReport() throws Exception {
    service().startEvaluation(spec());
    FakeRouter a = new FakeRouter("a", "a1");
    FakeRouter b = new FakeRouter("b", "b1");
    a.connect(channel());
    b.connect(channel());
    for (int i = 1; i <= 20; i++) {
      a.second(START + i, good(), List.of());
      b.second(START + i, good(), List.of());
    }
    assertTrue(a.awaitAcknowledged(20, PATIENCE));
    assertTrue(b.awaitAcknowledged(20, PATIENCE));
    EvidenceReport report = service().getReport(REPORT);
    assertEquals(20 * 200, report.getMetrics(0).getObservations());
    assertEquals(Result.PROVED, report.getMetrics(0).getResult());
    assertEquals(List.of("r"), list());
  }

  private List<String> list() {
    return service()
        .listEvaluations(ListEvaluationsRequest.getDefaultInstance())
        .getRolloutIdsList();
  }

  @Test
  void aChallengerThatFailsIsSeenByWhoeverWatches() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    router.second(START + 1, good(), List.of());
    router.second(
        START + 2,
        List.of(Blocks.cell("r", Role.CANARY, 0, 25), Blocks.cell("r", Role.CHAMPION, 75, 0)),
        List.of());
    EvidenceReport report = awaitReport(r -> r.getOverall() == Result.AGAINST);
    assertTrue(report.getStatement().startsWith("stop: evidence against: "));
  }

  @Test
  void theSameSpecIsAcceptedAgainAndAnotherIsRefused() {
    String digest = service().startEvaluation(spec()).getSpecDigest();
    assertEquals(digest, service().startEvaluation(spec()).getSpecDigest());
    assertEquals(1, service().getReport(REPORT).getLogSequence());
    var e =
        assertThrows(
            StatusRuntimeException.class,
            () -> service().startEvaluation(spec().toBuilder().setAlpha(0.2).build()));
    assertEquals(Status.Code.FAILED_PRECONDITION, e.getStatus().getCode());
    service().startEvaluation(spec().toBuilder().setAttempt(2).build());
    EvidenceReport report = service().getReport(REPORT);
    assertEquals(2, report.getLogSequence());
    assertEquals(0.05 / 4, report.getBeta(), 1e-12);
  }

  @Test
  void aSpecThatCannotBeJudgedIsRefusedWithAllItsProblems() {
    var e =
        assertThrows(
            StatusRuntimeException.class,
            () -> service().startEvaluation(spec().toBuilder().setAlpha(2).setBeta(0).build()));
    assertEquals(Status.Code.INVALID_ARGUMENT, e.getStatus().getCode());
    String description = String.valueOf(e.getStatus().getDescription());
    assertTrue(description.contains("alpha") && description.contains("beta"), description);
  }

  @Test
  void whatIsNotEvaluatedIsNotFound() {
    for (Runnable call :
        List.<Runnable>of(
            () -> service().getReport(REPORT),
            () -> service().watchReport(REPORT).next(),
            () -> service().readLog(ReadLogRequest.newBuilder().setRolloutId("r").build()).next(),
            () ->
                service()
                    .stopEvaluation(
                        StopEvaluationRequest.newBuilder().setRolloutId("r").build()))) {
      var e = assertThrows(StatusRuntimeException.class, call::run);
      assertEquals(Status.Code.NOT_FOUND, e.getStatus().getCode());
    }
  }

  @Test
  void aRestartInMidStreamLosesNothingAndCountsNothingTwice() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    for (int i = 1; i <= 10; i++) {
      router.second(START + i, good(), List.of());
    }
    assertTrue(router.awaitAcknowledged(3, PATIENCE));
    restart();
    assertTrue(router.awaitDisconnected(PATIENCE));
    for (int i = 11; i <= 20; i++) {
      router.second(START + i, good(), List.of());
    }
    router.connect(channel());
    assertTrue(router.awaitAcknowledged(20, PATIENCE));
    EvidenceReport report = service().getReport(REPORT);
    assertEquals(20, report.getBlocks());
    assertEquals(2000, report.getMetrics(0).getObservations());
    assertEquals(0, report.getGaps());
    restart();
    assertEquals(report, service().getReport(REPORT));
  }

  @Test
  void theLogThatIsReadFoldsToTheReport() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    for (int i = 1; i <= 300; i++) {
      router.second(START + i, good(), List.of());
    }
    assertTrue(router.awaitAcknowledged(300, PATIENCE));
    service().stopEvaluation(StopEvaluationRequest.newBuilder().setRolloutId("r").build());
    EvidenceFold fold = new EvidenceFold();
    service()
        .readLog(ReadLogRequest.newBuilder().setRolloutId("r").build())
        .forEachRemaining(fold::accept);
    EvidenceReport report = service().getReport(REPORT);
    assertEquals(report, fold.report());
    assertTrue(report.getStopped());
  }

  @Test
  void aFullDiskStopsAcknowledgementsAndRoomBringsThemBack() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    router.second(START + 1, good(), List.of());
    assertTrue(router.awaitAcknowledged(1, PATIENCE));
    disk.full(true);
    router.second(START + 2, good(), List.of());
    assertTrue(router.awaitDisconnected(PATIENCE));
    assertEquals(
        Status.Code.UNAVAILABLE,
        Status.fromThrowable(Objects.requireNonNull(router.failure())).getCode());
    disk.full(false);
    router.connect(channel());
    assertTrue(router.awaitAcknowledged(2, PATIENCE));
    assertEquals(2, service().getReport(REPORT).getBlocks());
  }

  @Test
  void aRingThatOverranIsReportedAsLostBlocks() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    router.second(START + 1, good(), List.of());
    assertTrue(router.awaitAcknowledged(1, PATIENCE));
    restart();
    assertTrue(router.awaitDisconnected(PATIENCE));
    for (int i = 2; i <= 9; i++) {
      router.second(START + i, good(), List.of());
    }
    router.overrun(5);
    router.connect(channel());
    assertTrue(router.awaitAcknowledged(9, PATIENCE));
    assertEquals(5, service().getReport(REPORT).getGaps());
  }

  @Test
  void comparisonsAreMeasuredAndJudged() throws Exception {
    service().startEvaluation(spec());
    CompletableFuture<ComparisonSummary> summary = new CompletableFuture<>();
    StreamObserver<Comparison> stream =
        EvidenceIntakeGrpc.newStub(channel()).sendComparisons(future(summary));
    for (int i = 0; i < 40; i++) {
      stream.onNext(
          Comparison.newBuilder()
              .setRolloutId("r")
              .setPredictionId("p" + i)
              .setRole(Role.SHADOW)
              .setVersion(i < 35 ? "8" : "9")
              .addChampionOutputs(probability(0.4f))
              .addOutputs(probability(i == 0 ? 0.9f : 0.4f))
              .build());
    }
    stream.onCompleted();
    assertEquals(40, summary.get(10, TimeUnit.SECONDS).getReceived());
    assertEquals(0, summary.get(10, TimeUnit.SECONDS).getDropped());
    EvidenceReport report = awaitReport(r -> r.getSwapSet().getPairs() == 35);
    assertEquals(1, report.getSwapSet().getToPositive());
    assertEquals("p0", report.getExamples(0).getPredictionId());
    assertEquals(5, comparator().counters().get(Counter.COMPARISONS_UNKNOWN));
  }

  @Test
  void outcomesAreAcknowledgedBySequence() throws Exception {
    service().startEvaluation(spec());
    CompletableFuture<LabelAck> ack = new CompletableFuture<>();
    StreamObserver<LabelledPrediction> stream =
        EvidenceIntakeGrpc.newStub(channel()).sendLabels(future(ack));
    stream.onNext(
        LabelledPrediction.newBuilder()
            .setSequence(17)
            .setPredictionId("p")
            .setRolloutId("r")
            .setRole(Role.CHAMPION)
            .setScore(0.3)
            .setOutcome(1)
            .build());
    assertEquals(17, ack.get(10, TimeUnit.SECONDS).getSequence());
    assertEquals(1, service().getReport(REPORT).getLabels());
    stream.onCompleted();
  }

  @Test
  void aStreamThatIsEndedByTheRouterIsAnsweredInFull() throws Exception {
    service().startEvaluation(spec());
    FakeRouter router = new FakeRouter("a", "a1");
    router.connect(channel());
    for (int i = 1; i <= 5; i++) {
      router.second(START + i, good(), List.of());
    }
    router.complete();
    assertTrue(router.awaitDisconnected(PATIENCE));
    assertEquals(5, router.acknowledged());
    assertFalse(router.connected());
  }

  private static TensorValue probability(float p) {
    ByteBuffer bytes =
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putFloat(1 - p).putFloat(p).flip();
    return TensorValue.newBuilder()
        .setName("p")
        .setDatatype("FP32")
        .addShape(1)
        .addShape(2)
        .setData(ByteString.copyFrom(bytes))
        .build();
  }

  private static <T> StreamObserver<T> future(CompletableFuture<T> first) {
    return new StreamObserver<>() {
      @Override
      public void onNext(T value) {
        first.complete(value);
      }

      @Override
      public void onError(Throwable t) {
        first.completeExceptionally(t);
      }

      @Override
      public void onCompleted() {}
    };
  }
}
