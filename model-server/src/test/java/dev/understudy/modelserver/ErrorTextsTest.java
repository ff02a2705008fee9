package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelkit.onnx.ElementType;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelStatisticsRequest;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.inference.RepositoryModelLoadRequest;
import dev.understudy.proto.inference.SystemSharedMemoryStatusRequest;
import dev.understudy.proto.tensor.Datatype;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Statuses and texts on which clients rely, word by word. */
class ErrorTextsTest {
  @TempDir static Path repository;
  static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    Fixtures.write(repository, "sum", 1, Fixtures.sum(), "max_batch_size: 8");
    Fixtures.write(repository, "strings", 1, Fixtures.identity(ElementType.BYTES), null);
    Fixtures.write(repository, "partly", 1, Fixtures.corrupt(), "version_policy: { all { } }");
    Fixtures.write(repository, "partly", 2, Fixtures.add(1), null);
    Fixtures.write(repository, "zip", 1, Fixtures.zipMap(), null);
    Fixtures.write(repository, "odd", 1, Fixtures.unknownOperator(), null);
    Fixtures.write(repository, "half", 1, Fixtures.truncated(), null);
    server = TestServer.start(ModelServerConfig.local(repository));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void unknownModelsAndVersions() {
    sum(
        r -> r.setModelName("x"),
        Status.Code.NOT_FOUND,
        "Request for unknown model: 'x' is not found");
    sum(
        r -> r.setModelVersion("9"),
        Status.Code.NOT_FOUND,
        "Request for unknown model: 'sum' version 9 is not found");
    sum(
        r -> r.setModelVersion("latest"),
        Status.Code.INVALID_ARGUMENT,
        "failed to get model version from specified version string 'latest'");
    sum(r -> r.setModelName("zip"), Status.Code.NOT_FOUND, "'zip' has no available versions");
    sum(
        r -> r.setModelName("partly").setModelVersion("1"),
        Status.Code.UNAVAILABLE,
        "'partly' version 1 is not at ready state");
  }

  @Test
  void namesAndNumbersOfInputs() {
    sum(
        r -> r.removeInputs(1).clearRawInputContents().addRawInputContents(one()),
        Status.Code.INVALID_ARGUMENT,
        "expected 2 inputs but got 1 inputs for model 'sum'. Got input(s) ['a'], but missing"
            + " required input(s) ['b']. Please provide all required input(s).");
    sum(
        r -> r.setInputs(1, TestServer.tensor("n", Datatype.FP32, 1, 1)),
        Status.Code.INVALID_ARGUMENT,
        "unexpected inference input 'n' for model 'sum'");
    sum(
        r -> r.setInputs(1, TestServer.tensor("a", Datatype.FP32, 1, 1)),
        Status.Code.INVALID_ARGUMENT,
        "input 'a' already exists in request");
    sum(
        r -> r.addOutputs(output("n")),
        Status.Code.INVALID_ARGUMENT,
        "unexpected inference output 'n' for model 'sum'");
    sum(
        r -> r.addOutputs(output("sum")).addOutputs(output("sum")),
        Status.Code.INVALID_ARGUMENT,
        "output 'sum' already exists in request");
  }

  @Test
  void typesShapesAndSizes() {
    sum(
        r -> r.setInputs(0, TestServer.tensor("a", Datatype.INT32, 1, 1)),
        Status.Code.INVALID_ARGUMENT,
        "inference input 'a' data-type is 'INT32', but model 'sum' expects 'FP32'");
    sum(
        r -> r.setInputs(0, TestServer.tensor("a", Datatype.FP32, 1, 2)),
        Status.Code.INVALID_ARGUMENT,
        "unexpected shape for input 'a' for model 'sum'. Expected [-1,1], got [1,2]");
    sum(
        r -> r.setInputs(0, TestServer.tensor("a", Datatype.FP32, 2, 1)),
        Status.Code.INVALID_ARGUMENT,
        "batch size does not match other inputs for 'sum'");
    sum(
        r ->
            r.setInputs(0, TestServer.tensor("a", Datatype.FP32, 9, 1))
                .setInputs(1, TestServer.tensor("b", Datatype.FP32, 9, 1)),
        Status.Code.INVALID_ARGUMENT,
        "inference request batch-size must be <= 8 for 'sum'");
    sum(
        r -> r.setRawInputContents(0, ByteString.copyFrom(new byte[3])),
        Status.Code.INVALID_ARGUMENT,
        "input byte size mismatch for input 'a' for model 'sum'. Expected 4, got 3");
    sum(
        r -> r.clearRawInputContents(),
        Status.Code.INVALID_ARGUMENT,
        "unable to find data for input tensor 'a' for model 'sum' in request.");
    sum(
        r ->
            r.setInputs(
                0,
                TestServer.typed(
                    "a",
                    Datatype.FP32,
                    InferTensorContents.newBuilder().addFp32Contents(1).build(),
                    1,
                    1)),
        Status.Code.INVALID_ARGUMENT,
        "contents field must not be specified when using raw_input_contents for 'a' for model"
            + " 'sum'");
  }

  @Test
  void malformedStringsNeverReachTheModel() {
    for (byte[] raw : new byte[][] {{1, 0}, {9, 0, 0, 0, 'a'}, {}, {0, 0, 0, 0, 0, 0, 0, 0}}) {
      TestServer.refused(
          Status.Code.INVALID_ARGUMENT,
          "for inference input 'x'",
          () ->
              server
                  .client()
                  .modelInfer(
                      ModelInferRequest.newBuilder()
                          .setModelName("strings")
                          .addInputs(TestServer.tensor("x", Datatype.BYTES, 1, 1))
                          .addRawInputContents(ByteString.copyFrom(raw))
                          .build()));
    }
    assertEquals(0, server.statistics("strings").getExecutionCount());
  }

  @Test
  void reservedAndUnsupportedParameters() {
    sum(
        r -> r.putParameters("triton_secret", InferParameter.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        "'triton_secret'");
    sum(
        r -> r.putParameters("timeout", InferParameter.newBuilder().setStringParam("5").build()),
        Status.Code.INVALID_ARGUMENT,
        "parameter 'timeout' must be an int64");
    sum(
        r ->
            r.addOutputs(
                output("sum").toBuilder()
                    .putParameters(
                        "classification", InferParameter.newBuilder().setInt64Param(2).build())),
        Status.Code.UNIMPLEMENTED,
        "classification");
    sum(
        r ->
            r.setInputs(
                0,
                r.getInputs(0).toBuilder()
                    .putParameters(
                        "shared_memory_region",
                        InferParameter.newBuilder().setStringParam("r").build())),
        Status.Code.UNIMPLEMENTED,
        "shared memory is not supported");
    TestServer.refused(
        Status.Code.UNIMPLEMENTED,
        "",
        () ->
            server
                .client()
                .systemSharedMemoryStatus(SystemSharedMemoryStatusRequest.getDefaultInstance()));
    // Custom parameters are the client's own business.
    var own =
        request().putParameters("mine", InferParameter.newBuilder().setBoolParam(true).build());
    assertEquals(3f, TestServer.floats(server.client().modelInfer(own.build()), 0)[0]);
  }

  @Test
  void theRequestIdPrecedesTheText() {
    String text =
        sum(
            r -> r.setId("r-7").addOutputs(output("n")),
            Status.Code.INVALID_ARGUMENT,
            "output 'n'");
    assertTrue(text.startsWith("[request id: r-7] "), text);
  }

  @Test
  void bytesThatAreNoMessageAreRefused() {
    MethodDescriptor.Marshaller<byte[]> bytes =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
          }

          @Override
          public byte[] parse(InputStream stream) {
            try {
              return stream.readAllBytes();
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        };
    var method = GRPCInferenceServiceGrpc.getModelInferMethod().toBuilder(bytes, bytes).build();
    TestServer.refused(
        Status.Code.INVALID_ARGUMENT,
        "malformed message",
        () ->
            ClientCalls.blockingUnaryCall(
                server.channel(), method, CallOptions.DEFAULT, new byte[] {10, 127, 1}));
  }

  @Test
  void statisticsAndLoadsThatCannotBe() {
    TestServer.refused(
        Status.Code.INVALID_ARGUMENT,
        "requested model 'zip' is not available",
        () ->
            server
                .client()
                .modelStatistics(ModelStatisticsRequest.newBuilder().setName("zip").build()));
    TestServer.refused(
        Status.Code.UNAVAILABLE,
        "explicit model load / unload is not allowed if polling is enabled",
        () ->
            server
                .client()
                .repositoryModelLoad(
                    RepositoryModelLoadRequest.newBuilder().setModelName("sum").build()));
    assertFalse(
        server
            .client()
            .modelReady(ModelReadyRequest.newBuilder().setName("nobody").build())
            .getReady());
  }

  @Test
  void aModelThatCannotBeLoadedSaysWhyAndTheOthersServeOn() {
    reason("zip", "1", "re-export with zipmap=False");
    reason("odd", "1", "Clairvoyance");
    reason("half", "1", "cannot load it");
    reason("partly", "1", "cannot load it");
    var answer = server.client().modelInfer(TestServer.column("partly", "x", 1f));
    assertEquals("2", answer.getModelVersion());
    assertEquals(2f, TestServer.floats(answer, 0)[0]);
  }

  private static void reason(String model, String version, String part) {
    var line =
        server
            .client()
            .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
            .getModelsList()
            .stream()
            .filter(m -> m.getName().equals(model) && m.getVersion().equals(version))
            .findFirst()
            .orElseThrow();
    assertEquals("UNAVAILABLE", line.getState());
    assertTrue(line.getReason().contains(part), line.getReason());
    assertFalse(line.getReason().contains("/onnxruntime_src/"), line.getReason());
  }

  private static ByteString one() {
    return TestServer.floats(1f);
  }

  private static ModelInferRequest.InferRequestedOutputTensor output(String name) {
    return ModelInferRequest.InferRequestedOutputTensor.newBuilder().setName(name).build();
  }

  private static ModelInferRequest.Builder request() {
    return ModelInferRequest.newBuilder()
        .setModelName("sum")
        .addInputs(TestServer.tensor("a", Datatype.FP32, 1, 1))
        .addInputs(TestServer.tensor("b", Datatype.FP32, 1, 1))
        .addRawInputContents(TestServer.floats(1f))
        .addRawInputContents(TestServer.floats(2f));
  }

  private static String sum(
      UnaryOperator<ModelInferRequest.Builder> change, Status.Code code, String text) {
    return TestServer.refused(
        code, text, () -> server.client().modelInfer(change.apply(request()).build()));
  }
}
