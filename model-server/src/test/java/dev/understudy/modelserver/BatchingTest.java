package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelkit.onnx.ElementType;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchingTest {
  private static final String PATIENT =
      "max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 2000000 }";

  @TempDir static Path repository;
  static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    Fixtures.write(repository, "mlp", 1, Fixtures.mlp(8, 16, 2, 5), PATIENT);
    Fixtures.write(repository, "mlp_alone", 1, Fixtures.mlp(8, 16, 2, 5), "max_batch_size: 8");
    Fixtures.write(repository, "fails", 1, Fixtures.failsFrom(10), PATIENT);
    Fixtures.write(repository, "wide", 1, Fixtures.identity(ElementType.FP32), PATIENT);
    Fixtures.write(
        repository,
        "lonely",
        1,
        Fixtures.identity(ElementType.FP32),
        "max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 200000 }");
    Fixtures.write(repository, "nan", 1, Fixtures.nanAbove(5), null);
    Fixtures.write(repository, "fixed", 1, Fixtures.fixedBatch(3, 2), null);
    Fixtures.write(repository, "flat", 1, Fixtures.unbatched(4), null);
    server = TestServer.start(ModelServerConfig.local(repository).withNode("machine-7"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void concurrentCallsShareABatchAndGetWhatTheyWouldGetAlone() throws Exception {
    List<ModelInferRequest> requests = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      float[] row = new float[8];
      Arrays.fill(row, i / 8f);
      requests.add(
          ModelInferRequest.newBuilder()
              .setModelName("mlp")
              .setId("call-" + i)
              .addInputs(TestServer.tensor("features", Datatype.FP32, 1, 8))
              .addRawInputContents(TestServer.floats(row))
              .build());
    }
    List<Future<ModelInferResponse>> together = new ArrayList<>();
    requests.forEach(request -> together.add(server.futures().modelInfer(request)));
    List<ModelInferResponse> joined = new ArrayList<>();
    for (Future<ModelInferResponse> future : together) {
      joined.add(future.get(20, TimeUnit.SECONDS));
    }
    var statistics = server.statistics("mlp");
    assertEquals(8, statistics.getInferenceCount());
    assertEquals(1, statistics.getExecutionCount(), "a full batch goes at once, and as one");
    assertEquals(8, statistics.getBatchStats(0).getBatchSize());
    for (int i = 0; i < 8; i++) {
      assertEquals("call-" + i, joined.get(i).getId());
      assertEquals("1", joined.get(i).getModelVersion());
      ModelInferResponse alone =
          server.client().modelInfer(requests.get(i).toBuilder().setModelName("mlp_alone").build());
      assertArrayEquals(TestServer.floats(alone, 0), TestServer.floats(joined.get(i), 0), 1e-6f);
    }
  }

  @Test
  void onlyTheRequestAtFaultFails() throws Exception {
    List<Future<ModelInferResponse>> calls = new ArrayList<>();
    for (float value : new float[] {1, 2, 99, 3, 4, 5, 6, 7}) {
      calls.add(server.futures().modelInfer(TestServer.column("fails", "x", value)));
    }
    for (int i = 0; i < 8; i++) {
      Future<ModelInferResponse> call = calls.get(i);
      if (i == 2) {
        var e = assertThrows(ExecutionException.class, () -> call.get(20, TimeUnit.SECONDS));
        Status status = Status.fromThrowable(e);
        assertEquals(Status.Code.INTERNAL, status.getCode());
        String text = String.valueOf(status.getDescription());
        assertTrue(text.startsWith("failed to run model 'fails': "), text);
        assertFalse(text.contains("/onnxruntime_src/"), text);
      } else {
        assertEquals(i < 2 ? i + 1 : i, TestServer.floats(call.get(20, TimeUnit.SECONDS), 0)[0]);
      }
    }
    assertEquals(1, server.statistics("fails").getInferenceStats().getFail().getCount());
  }

  @Test
  void differentShapesRunInDifferentBatches() throws Exception {
    List<Future<ModelInferResponse>> calls = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      int width = 1 + i % 2;
      calls.add(
          server
              .futures()
              .modelInfer(
                  ModelInferRequest.newBuilder()
                      .setModelName("wide")
                      .addInputs(TestServer.tensor("x", Datatype.FP32, 1, width))
                      .addRawInputContents(TestServer.floats(new float[width]))
                      .build()));
    }
    for (int i = 0; i < 16; i++) {
      assertEquals(
          List.of(1L, 1L + i % 2),
          calls.get(i).get(20, TimeUnit.SECONDS).getOutputs(0).getShapeList());
    }
    assertEquals(2, server.statistics("wide").getExecutionCount());
  }

  @Test
  void notANumberPassesThrough() {
    var answer = server.client().modelInfer(TestServer.column("nan", "x", 1f, 6f, Float.NaN));
    assertArrayEquals(new float[] {1, Float.NaN, Float.NaN}, TestServer.floats(answer, 0));
  }

  @Test
  void modelsWithoutABatchDimensionAreCompletedSoAndServed() {
    assertEquals(0, config("fixed").getMaxBatchSize());
    assertEquals(0, config("flat").getMaxBatchSize());
    var flat =
        server
            .client()
            .modelInfer(
                ModelInferRequest.newBuilder()
                    .setModelName("flat")
                    .addInputs(TestServer.tensor("x", Datatype.FP32, 4))
                    .addRawInputContents(TestServer.floats(1, 2, 3, 4))
                    .build());
    assertArrayEquals(new float[] {2, 4, 6, 8}, TestServer.floats(flat, 0));
    assertEquals(List.of(4L), flat.getOutputs(0).getShapeList());
  }

  @Test
  void anOpenFirstDimensionIsCompletedToBatching() {
    var config = config("nan");
    assertEquals(64, config.getMaxBatchSize());
    assertTrue(config.hasDynamicBatching());
    assertEquals(List.of(1L), config.getInput(0).getDimsList());
    var metadata =
        server.client().modelMetadata(ModelMetadataRequest.newBuilder().setName("nan").build());
    assertEquals(List.of(-1L, 1L), metadata.getInputs(0).getShapeList());
    assertEquals(64, metadata.getPropertiesOrThrow("digest").length());
  }

  @Test
  void theTrailerTellsHowTheTimeWasSpent() throws Exception {
    var trailers = new AtomicReference<Metadata>();
    var client =
        GRPCInferenceServiceGrpc.newBlockingStub(server.channel())
            .withInterceptors(
                MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers));
    var answer = client.modelInfer(TestServer.column("nan", "x", 1f, 2f));
    assertEquals(2, answer.getOutputs(0).getShape(0));
    byte[] bytes =
        trailers
            .get()
            .get(Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER));
    assertNotNull(bytes);
    ServerTiming timing = ServerTiming.parseFrom(bytes);
    assertEquals(2, timing.getBatchSize());
    assertTrue(timing.getComputeInferNanos() > 0);
    assertEquals("understudy", timing.getServer());
    assertEquals(64, timing.getDigest().length());
    assertEquals("machine-7", timing.getNode());
    assertEquals(0, timing.getBatchWaitNanos(), "nothing is waited for");
    client.modelInfer(TestServer.column("lonely", "x", 1f));
    ServerTiming patient =
        ServerTiming.parseFrom(
            trailers
                .get()
                .get(Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER)));
    assertTrue(
        patient.getBatchWaitNanos() > TimeUnit.MILLISECONDS.toNanos(100), patient.toString());
    assertTrue(patient.getBatchWaitNanos() <= patient.getQueueNanos(), patient.toString());
  }

  @Test
  void onlyRequestedOutputsAreReturned() {
    var request =
        TestServer.column("nan", "x", 1f).toBuilder()
            .addOutputs(ModelInferRequest.InferRequestedOutputTensor.newBuilder().setName("y"))
            .build();
    var answer = server.client().modelInfer(request);
    assertEquals(1, answer.getOutputsCount());
    assertEquals(
        ByteString.copyFrom(TestServer.floats(1f).toByteArray()), answer.getRawOutputContents(0));
  }

  @Test
  void theMetricsPageUsesTritonsNames() throws Exception {
    var answer = server.client().modelInfer(TestServer.column("nan", "x", 1f));
    assertEquals("nan", answer.getModelName());
    String page = server.metrics();
    assertTrue(page.contains("# TYPE nv_inference_request_success counter"), page);
    assertTrue(page.contains("nv_inference_count{model=\"nan\",version=\"1\"} "), page);
    assertTrue(
        page.contains(
            "nv_inference_request_failure{model=\"nan\",version=\"1\",reason=\"REJECTED\"} 0"),
        page);
    assertTrue(page.contains("nv_inference_pending_request_count{model=\"nan\""), page);
    assertTrue(page.contains("nv_inference_compute_infer_duration_us{model=\"nan\""), page);
  }

  private static dev.understudy.proto.inference.ModelConfig config(String model) {
    try {
      return server
          .client()
          .modelConfig(ModelConfigRequest.newBuilder().setName(model).build())
          .getConfig();
    } catch (StatusRuntimeException e) {
      throw new AssertionError(model, e);
    }
  }
}
