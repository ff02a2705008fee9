package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Full queues, deadlines, callers who leave, and a server that stops, with an instance held busy.
 */
class TroubleTest {
  @TempDir Path repository;
  private final GatedBackend backend = new GatedBackend();

  private TestServer start(ModelServerConfig config) throws Exception {
    Fixtures.write(
        repository,
        "add",
        1,
        Fixtures.add(1),
        "max_batch_size: 4 dynamic_batching { default_queue_policy { max_queue_size: 2"
            + " allow_timeout_override: true } }");
    return TestServer.start(config, backend);
  }

  @Test
  void aBusyInstanceNeitherHidesTimeoutsNorKeepsWhatNobodyWants() throws Exception {
    try (var server = start(ModelServerConfig.local(repository))) {
      backend.shut();
      var running = server.futures().modelInfer(request(1));
      backend.awaitRun();
      TestServer.refused(
          Status.Code.UNAVAILABLE,
          "[request id: late] Request timeout expired",
          () ->
              server
                  .client()
                  .modelInfer(
                      request(2).toBuilder()
                          .setId("late")
                          .putParameters(
                              "timeout", InferParameter.newBuilder().setInt64Param(30_000).build())
                          .build()));
      TestServer.refused(
          Status.Code.DEADLINE_EXCEEDED,
          "",
          () ->
              GRPCInferenceServiceGrpc.newBlockingStub(server.channel())
                  .withDeadlineAfter(50, TimeUnit.MILLISECONDS)
                  .modelInfer(request(3)));
      server.awaitPending("add", 0);
      var kept = server.futures().modelInfer(request(4));
      var left = server.futures().modelInfer(request(5));
      server.awaitPending("add", 2);
      TestServer.refused(
          Status.Code.UNAVAILABLE,
          "Exceeds maximum queue size",
          () -> server.client().modelInfer(request(6)));
      assertTrue(left.cancel(true));
      server.awaitPending("add", 1);
      backend.open();
      assertEquals(2f, value(running));
      assertEquals(5f, value(kept));
      var statistics = server.statistics("add");
      assertEquals(2, statistics.getInferenceCount());
      assertEquals(4, statistics.getInferenceStats().getFail().getCount());
      String page = server.metrics();
      assertTrue(page.contains("reason=\"CANCELED\"} 2\n"), page);
      assertTrue(page.contains("reason=\"REJECTED\"} 2\n"), page);
    }
  }

  @Test
  void aBatchGrowsWhileEveryInstanceIsBusy() throws Exception {
    try (var server = start(ModelServerConfig.local(repository))) {
      backend.shut();
      var first = server.futures().modelInfer(request(1));
      backend.awaitRun();
      var second = server.futures().modelInfer(request(2));
      var third = server.futures().modelInfer(request(3));
      server.awaitPending("add", 2);
      backend.open();
      assertEquals(2f, value(first));
      assertEquals(3f, value(second));
      assertEquals(4f, value(third));
      assertEquals(2, server.statistics("add").getExecutionCount());
    }
  }

  @Test
  void aStoppingServerSaysSoFirstThenRefusesThenFinishes() throws Exception {
    try (var server =
        start(
            ModelServerConfig.local(repository)
                .withStop(Duration.ofMillis(700), Duration.ofSeconds(20)))) {
      var health = HealthGrpc.newBlockingStub(server.channel());
      assertEquals(ServingStatus.SERVING, status(health));
      var stopper = Thread.ofPlatform().start(server.server()::close);
      until(() -> status(health) == ServingStatus.NOT_SERVING);
      TestServer.refused(
          Status.Code.UNAVAILABLE,
          "Server exiting",
          () -> server.client().serverReady(ServerReadyRequest.getDefaultInstance()));
      assertEquals(
          2f, value(server.futures().modelInfer(request(1))), "within the window calls are served");
      backend.shut();
      var running = server.futures().modelInfer(request(2));
      backend.awaitRun();
      List<String> texts = new ArrayList<>();
      until(() -> {
        try {
          // Accepted calls wait behind the gate until this deadline; refused ones end at once.
          var answer =
              GRPCInferenceServiceGrpc.newBlockingStub(server.channel())
                  .withDeadlineAfter(50, TimeUnit.MILLISECONDS)
                  .modelInfer(request(3));
          throw new AssertionError("answered behind a shut gate: " + answer);
        } catch (StatusRuntimeException e) {
          texts.add(String.valueOf(e.getStatus().getDescription()));
        }
        return texts.stream().anyMatch(text -> text.contains("Server is stopping"));
      });
      backend.open();
      assertEquals(3f, value(running), "what was under way is finished");
      stopper.join(TimeUnit.SECONDS.toMillis(20));
      assertFalse(stopper.isAlive());
    }
  }

  @Test
  void theExitTimeoutCutsOffWhatHangs() throws Exception {
    try (var server =
        start(
            ModelServerConfig.local(repository).withStop(Duration.ZERO, Duration.ofMillis(200)))) {
      backend.shut();
      var running = server.futures().modelInfer(request(1));
      backend.awaitRun();
      var waiting = server.futures().modelInfer(request(2));
      server.awaitPending("add", 1);
      var stopper = Thread.ofPlatform().start(server.server()::close);
      var e = assertThrows(ExecutionException.class, () -> waiting.get(20, TimeUnit.SECONDS));
      assertTrue(String.valueOf(e.getMessage()).contains("Server is stopping"), e.toString());
      var cut = assertThrows(ExecutionException.class, () -> running.get(20, TimeUnit.SECONDS));
      assertTrue(
          List.of(Status.Code.CANCELLED, Status.Code.UNAVAILABLE)
              .contains(Status.fromThrowable(cut).getCode()),
          cut.toString());
      backend.open();
      stopper.join(TimeUnit.SECONDS.toMillis(20));
      assertFalse(stopper.isAlive());
    }
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() - end < 0, "the condition never came true");
    }
  }

  private static ServingStatus status(HealthGrpc.HealthBlockingStub health) {
    return health.check(HealthCheckRequest.getDefaultInstance()).getStatus();
  }

  private static ModelInferRequest request(float value) {
    return TestServer.column("add", "x", value);
  }

  private static float value(Future<ModelInferResponse> call) throws Exception {
    return TestServer.floats(call.get(20, TimeUnit.SECONDS), 0)[0];
  }
}
