package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Result;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Copies as a proxy sends them, over real connections. */
class TapTest {
  @TempDir Path folder;

  @TempDir static Path models;

  @SuppressWarnings("NullAway.Init")
  private static Local servers;

  @BeforeAll
  static void serveBothVersions() throws Exception {
    servers =
        Local.serve(
            List.of("m", "other", "fails"),
            List.of(
                file("m", Fixtures.failsFrom(1000)),
                file("other", Fixtures.failsFrom(1000)),
                file("fails", Fixtures.failsFrom(1))));
  }

  @AfterAll
  static void stop() throws Exception {
    servers.close();
  }

  @Test
  void copiesAreAnsweredAtOnceWithNothingAndCompared() throws Exception {
    Path log = folder.resolve("tap.evidence");
    try (Tap tap = Tap.start(options(served("m"), served("other"), log, 1, 1024))) {
      ModelInferResponse answer = mirror(tap, "m", 0, 400);
      assertEquals(0, answer.getOutputsCount());
      await(() -> tap.counts().asked() + tap.counts().dropped() == 400);
      EvidenceReport report = tap.finish();
      Tap.Counts counts = tap.counts();
      assertEquals(400, counts.copies());
      assertEquals(counts.asked(), report.getPairs());
      assertEquals(0, counts.dropped());
      assertEquals(0, report.getPairBothBad());
      assertEquals(0, report.getMeanDivergence());
      assertEquals(0, report.getMeanNoise());
      assertEquals(report.getLogSequence(), EvidenceFile.read(log, record -> {}));
    }
  }

  @Test
  void aChallengerThatFailsIsFoundOut() throws Exception {
    try (Tap tap = Tap.start(options(served("m"), served("fails"), null, 1, 256))) {
      mirror(tap, "m", 1, 60);
      await(() -> tap.counts().asked() + tap.counts().dropped() == 60);
      EvidenceReport report = tap.finish();
      assertEquals(Result.AGAINST, report.getOverall(), report::getStatement);
      assertEquals(tap.counts().asked(), report.getPairDiscordantCopyBad());
    }
  }

  @Test
  void onlyTheShareAndOnlyTheModelAreTaken() throws Exception {
    try (Tap tap = Tap.start(options(served("m"), served("other"), null, 0.25, 256))) {
      mirror(tap, "m", 0, 400);
      mirror(tap, "stranger", 0, 3);
      await(() -> tap.counts().underWay() == 0);
      Tap.Counts counts = tap.counts();
      assertEquals(3, counts.others());
      assertEquals(400, counts.asked() + counts.dropped() + counts.leftOut());
      assertTrue(counts.leftOut() > 260 && counts.leftOut() < 340, counts.toString());
    }
  }

  @Test
  void ourOwnQuestionsThatComeBackAreNotAskedAgain() throws Exception {
    try (Tap tap = Tap.start(options(served("m"), served("other"), null, 1, 256));
        // A champion behind a route that mirrors: every question reaches the tap as a copy.
        Endpoint mirrored =
            Endpoint.open(
                new Subject.Served(HostPort.loopback(tap.port()), "m", ""),
                "mirrored",
                ChannelOptions.plaintext())) {
      CountDownLatch answered = new CountDownLatch(1);
      mirrored.infer(
          ModelInferRequest.getDefaultInstance(),
          Duration.ofSeconds(5),
          answer -> answered.countDown());
      assertTrue(answered.await(10, TimeUnit.SECONDS));
      await(() -> tap.counts().others() == 1);
      assertEquals(0, tap.counts().underWay());
    }
  }

  @Test
  void aSlowServerCostsRoomAndNeverAnAnswer() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    try (RpcServer slow = server(new Slow(release));
        Tap tap =
            Tap.start(
                options(
                    served("m"),
                    new Subject.Served(HostPort.loopback(slow.port()), "m", ""),
                    null,
                    1,
                    5))) {
      // Every copy is answered although the challenger answers none.
      mirror(tap, "m", 0, 50);
      assertEquals(5, tap.counts().underWay());
      assertEquals(45, tap.counts().dropped());
      // The deadline gives the room back.
      await(() -> tap.counts().underWay() == 0);
      mirror(tap, "m", 0, 5);
      EvidenceReport report = tap.finish();
      assertEquals(45, report.getPairsDropped());
      assertEquals(10, report.getPairDiscordantCopyBad());
      release.countDown();
    }
  }

  @Test
  void aServerThatDiesCountsAsFailed() throws Exception {
    CountDownLatch none = new CountDownLatch(0);
    RpcServer dying = server(new Slow(none));
    try (Tap tap =
        Tap.start(
            options(
                served("m"),
                new Subject.Served(HostPort.loopback(dying.port()), "m", ""),
                null,
                1,
                64))) {
      dying.close();
      mirror(tap, "m", 0, 30);
      await(() -> tap.counts().asked() + tap.counts().dropped() == 30);
      EvidenceReport report = tap.finish();
      assertEquals(tap.counts().asked(), report.getPairDiscordantCopyBad());
    }
  }

  @Test
  void whatIsNotThereIsSaidBeforeListening() {
    OfflineException e =
        assertThrows(
            OfflineException.class,
            () -> Tap.start(options(served("m"), served("missing"), null, 1, 64)));
    assertEquals(OfflineException.Kind.MODEL, e.kind());
    assertTrue(String.valueOf(e.getMessage()).contains("missing"), e.getMessage());
    assertThrows(
        IllegalArgumentException.class, () -> options(served("m"), served("m"), null, 0, 64));
  }

  private static Tap.Options options(
      Subject.Served champion,
      Subject.Served challenger,
      @Nullable Path log,
      double fraction,
      int maxCalls) {
    return new Tap.Options(
        ServerOptions.at(HostPort.loopback(0)),
        champion,
        challenger,
        ChannelOptions.plaintext(),
        null,
        null,
        Intent.EQUIVALENT,
        true,
        fraction,
        maxCalls,
        1 << 20,
        5,
        Duration.ofMillis(1500),
        log);
  }

  private static Subject.Served served(String model) {
    return new Subject.Served(servers.address(), model, "");
  }

  private static Subject file(String name, byte[] onnx) throws Exception {
    return new Subject.OnnxFile(Files.write(models.resolve(name + ".onnx"), onnx));
  }

  /** Sends copies one after the other, with an authority as a proxy rewrites it. */
  private static ModelInferResponse mirror(Tap tap, String model, float value, int copies) {
    ManagedChannel proxy = Channels.open(HostPort.loopback(tap.port()), ChannelOptions.plaintext());
    try {
      ModelInferRequest request =
          ModelInferRequest.newBuilder()
              .setModelName(model)
              .addInputs(
                  ModelInferRequest.InferInputTensor.newBuilder()
                      .setName("x")
                      .setDatatype("FP32")
                      .addShape(1)
                      .addShape(1))
              .addRawInputContents(
                  ByteString.copyFrom(
                      ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).flip()))
              .build();
      ModelInferResponse last = ModelInferResponse.getDefaultInstance();
      for (int i = 0; i < copies; i++) {
        last =
            GRPCInferenceServiceGrpc.newBlockingStub(proxy)
                .withDeadlineAfter(5, TimeUnit.SECONDS)
                .modelInfer(request);
      }
      return last;
    } finally {
      Channels.close(proxy, Duration.ofSeconds(1));
    }
  }

  private static RpcServer server(GRPCInferenceServiceImplBase service) throws Exception {
    return GrpcServers.server(ServerOptions.at(HostPort.loopback(0)).service(service).build());
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "not within 20 s");
      TimeUnit.MILLISECONDS.sleep(2);
    }
  }

  /** Says what it takes and answers nobody before it may. */
  private static final class Slow extends GRPCInferenceServiceImplBase {
    private final CountDownLatch release;

    Slow(CountDownLatch release) {
      this.release = release;
    }

    @Override
    public void modelMetadata(
        ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> responses) {
      responses.onNext(
          ModelMetadataResponse.newBuilder()
              .setName("m")
              .addInputs(
                  ModelMetadataResponse.TensorMetadata.newBuilder()
                      .setName("x")
                      .setDatatype("FP32")
                      .addShape(-1)
                      .addShape(1))
              .build());
      responses.onCompleted();
    }

    @Override
    public void modelInfer(
        ModelInferRequest request, StreamObserver<ModelInferResponse> responses) {
      try {
        boolean released = release.await(10, TimeUnit.SECONDS);
        assert released;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      responses.onNext(ModelInferResponse.getDefaultInstance());
      responses.onCompleted();
    }
  }
}
