package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.proto.inference.CudaSharedMemoryStatusRequest;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.LogSettingsRequest;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferRequest.InferInputTensor;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.inference.ServerLiveRequest;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.router.rpc.InferMethods;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.CallOptions;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Each refusal with its status and text, and no backend that has heard of it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RefusalTest {
  private static final String SECRET = "a-secret-of-the-service";

  @TempDir Path folder;
  private Rig rig;

  @BeforeAll
  void start() throws Exception {
    rig = Rig.watching("limits: {messageBytes: 1MiB}\n");
    rig.offer(1, rig.route(0, 0));
  }

  @AfterAll
  void stop() {
    assertEquals(0, rig.champion.calls() + rig.canary.calls() + rig.shadow.calls());
    rig.close();
  }

  private String refusal(UnaryOperator<ModelInferRequest.Builder> change) {
    return Rig.told(
        Rig.failure(() -> rig.stub().modelInfer(change.apply(Rig.request().toBuilder()).build())));
  }

  private static InferInputTensor.Builder input(String name, String datatype, long... shape) {
    InferInputTensor.Builder input =
        InferInputTensor.newBuilder().setName(name).setDatatype(datatype);
    for (long dim : shape) {
      input.addShape(dim);
    }
    return input;
  }

  @Test
  void anUnknownModel() {
    assertEquals(
        "NOT_FOUND Request for unknown model: 'nope' is not found",
        refusal(request -> request.setModelName("nope")));
  }

  @Test
  void theClientsIdStandsBeforeTheText() {
    assertEquals(
        "NOT_FOUND [request id: 7] Request for unknown model: 'nope' is not found",
        refusal(request -> request.setModelName("nope").setId("7")));
  }

  @Test
  void anUnknownVersion() {
    assertEquals(
        "NOT_FOUND Request for unknown model: 'fraud' version 9 is not found",
        refusal(request -> request.setModelVersion("9")));
  }

  @Test
  void aShadowsVersionCannotBeAskedFor() {
    assertEquals(
        "NOT_FOUND Request for unknown model: 'fraud' version 3 is not found",
        refusal(request -> request.setModelVersion("3")));
  }

  @Test
  void aVersionThatIsNoInteger() {
    assertTrue(
        refusal(request -> request.setModelVersion("latest"))
            .startsWith(
                "INVALID_ARGUMENT failed to get model version from specified version string"
                    + " 'latest'"));
  }

  @Test
  void aWrongInputName() {
    assertEquals(
        "INVALID_ARGUMENT unexpected inference input 'y' for model 'fraud'",
        refusal(request -> request.setInputs(0, input("y", "FP32", 1, 3))));
  }

  @Test
  void aMissingInput() {
    assertEquals(
        "INVALID_ARGUMENT expected 1 inputs but got 0 inputs for model 'fraud'. Got input(s) [],"
            + " but missing required input(s) ['x']. Please provide all required input(s).",
        refusal(request -> request.clearInputs().clearRawInputContents()));
  }

  @Test
  void aWrongDatatype() {
    assertEquals(
        "INVALID_ARGUMENT inference input 'x' data-type is 'INT32', but model 'fraud' expects"
            + " 'FP32'",
        refusal(request -> request.setInputs(0, input("x", "INT32", 1, 3))));
  }

  @Test
  void aWrongShape() {
    assertEquals(
        "INVALID_ARGUMENT unexpected shape for input 'x' for model 'fraud'. Expected [-1,3], got"
            + " [1,4]",
        refusal(request ->
            request
                .setInputs(0, input("x", "FP32", 1, 4))
                .setRawInputContents(0, ByteString.copyFrom(new byte[16]))));
  }

  @Test
  void aBatchAboveTheMaximum() {
    assertEquals(
        "INVALID_ARGUMENT inference request batch-size must be <= 8 for 'fraud'",
        refusal(request ->
            request
                .setInputs(0, input("x", "FP32", 9, 3))
                .setRawInputContents(0, ByteString.copyFrom(new byte[108]))));
  }

  @Test
  void aWrongByteSize() {
    assertEquals(
        "INVALID_ARGUMENT input byte size mismatch for input 'x' for model 'fraud'. Expected 12,"
            + " got 11",
        refusal(request -> request.setRawInputContents(0, ByteString.copyFrom(new byte[11]))));
  }

  @Test
  void aWrongOutputName() {
    assertEquals(
        "INVALID_ARGUMENT unexpected inference output 'q' for model 'fraud'",
        refusal(request ->
            request.addOutputs(
                ModelInferRequest.InferRequestedOutputTensor.newBuilder().setName("q"))));
  }

  @Test
  void reservedParameters() {
    InferParameter yes = InferParameter.newBuilder().setBoolParam(true).build();
    assertTrue(
        refusal(request -> request.putParameters("triton_secret", yes))
            .startsWith("INVALID_ARGUMENT parameter keys starting with 'triton_' are reserved"));
    assertEquals(
        "INVALID_ARGUMENT parameter 'headers' is reserved",
        refusal(request -> request.putParameters("headers", yes)));
  }

  @Test
  void sharedMemory() {
    assertEquals(
        "UNIMPLEMENTED shared memory is not supported through a router; send tensor data in the"
            + " request",
        refusal(request ->
            request
                .setInputs(
                    0,
                    input("x", "FP32", 1, 3)
                        .putParameters(
                            "shared_memory_region",
                            InferParameter.newBuilder().setStringParam("r").build()))
                .clearRawInputContents()));
  }

  @Test
  void aMalformedMessage() {
    for (byte[] bytes : new byte[][] {{0x0a}, {0x2a, 0x7f, 1}, {(byte) 0xff, (byte) 0xff}}) {
      StatusRuntimeException e =
          Rig.failure(() ->
              ClientCalls.blockingUnaryCall(
                  rig.channel,
                  InferMethods.clientUnary(),
                  CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS),
                  dev.understudy.router.call.Message.of(bytes)));
      assertTrue(
          Rig.told(e).startsWith("INVALID_ARGUMENT malformed message at byte "), Rig.told(e));
    }
  }

  @Test
  void anOversizedMessage() {
    float[] many = new float[600_000];
    StatusRuntimeException e =
        Rig.failure(() -> rig.stub().modelInfer(FakeBackend.request(Rig.MODEL, many)));
    assertTrue(Rig.told(e).startsWith("RESOURCE_EXHAUSTED "), Rig.told(e));
  }

  @Test
  void aDeadlineThatHasPassed() {
    StatusRuntimeException e =
        Rig.failure(
            () -> rig.stub().withDeadlineAfter(1, TimeUnit.NANOSECONDS).modelInfer(Rig.request()));
    assertEquals("DEADLINE_EXCEEDED", e.getStatus().getCode().toString());
  }

  @Test
  void choosingAnArmWithoutBeingATester() {
    assertEquals(
        "PERMISSION_DENIED principal 'anonymous' may not choose an arm by 'x-understudy-arm'",
        Rig.told(
            Rig.failure(() -> rig.stub("x-understudy-arm", "canary").modelInfer(Rig.request()))));
  }

  @Test
  void whatOnlyTheAdminMayDo() {
    assertTrue(
        Rig.told(
                Rig.failure(
                    () -> rig.stub().repositoryIndex(RepositoryIndexRequest.getDefaultInstance())))
            .startsWith("PERMISSION_DENIED RepositoryIndex is not allowed"));
    assertTrue(
        Rig.told(Rig.failure(() -> rig.stub().logSettings(LogSettingsRequest.getDefaultInstance())))
            .startsWith("PERMISSION_DENIED LogSettings is not allowed"));
    assertTrue(
        Rig.told(
                Rig.failure(() ->
                    rig.stub()
                        .cudaSharedMemoryStatus(
                            CudaSharedMemoryStatusRequest.getDefaultInstance())))
            .startsWith("UNIMPLEMENTED shared memory"));
  }

  @Test
  void questionsAboutUnknownModels() {
    assertEquals(
        "NOT_FOUND Request for unknown model: 'nope' is not found",
        Rig.told(
            Rig.failure(() ->
                rig.stub()
                    .modelMetadata(ModelMetadataRequest.newBuilder().setName("nope").build()))));
    assertEquals(
        false,
        rig.stub().modelReady(ModelReadyRequest.newBuilder().setName("nope").build()).getReady());
    assertTrue(rig.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive());
    assertTrue(rig.stub().serverReady(ServerReadyRequest.getDefaultInstance()).getReady());
    assertEquals(
        "fraud",
        rig.stub()
            .modelMetadata(ModelMetadataRequest.newBuilder().setName("fraud").build())
            .getName());
  }

  @Test
  void callersWithoutAKeyOrQuota() throws Exception {
    Path keys = Files.writeString(folder.resolve("keys"), ApiKeys.entry("alice", "key-1", SECRET));
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    String yaml =
        "auth: {keys: "
            + keys
            + ", secret: "
            + secret
            + ", testers: [alice]}\n"
            + "limits: {principals: {alice: {requestsPerSecond: 0.01, burst: 2}}}\n";
    try (Rig guarded = Rig.watching(yaml)) {
      guarded.offer(1, guarded.route(0, 0));
      assertEquals(
          "UNAUTHENTICATED missing API key (expected: metadata 'authorization: Bearer KEY' or"
              + " 'x-api-key: KEY')",
          Rig.told(Rig.failure(guarded::infer)));
      assertEquals(
          "UNAUTHENTICATED unknown API key",
          Rig.told(
              Rig.failure(() -> guarded.stub("x-api-key", "key-2").modelInfer(Rig.request()))));
      assertEquals(
          "UNAUTHENTICATED unknown API key",
          Rig.told(
              Rig.failure(() ->
                  guarded
                      .stub("x-api-key", "key-2")
                      .modelMetadata(ModelMetadataRequest.newBuilder().setName("fraud").build()))));
      assertTrue(guarded.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive());
      assertEquals(0, guarded.champion.calls());
      assertNotNull(guarded.stub("x-api-key", "key-1").modelInfer(Rig.request()));
      assertNotNull(guarded.stub("authorization", "Bearer key-1").modelInfer(Rig.request()));
      StatusRuntimeException e =
          Rig.failure(() -> guarded.stub("x-api-key", "key-1").modelInfer(Rig.request()));
      assertEquals(
          "RESOURCE_EXHAUSTED principal 'alice' is over its quota of 0.01 requests per second",
          Rig.told(e));
      com.google.rpc.Status details = StatusProto.fromThrowable(e);
      assertNotNull(details);
      boolean quota = false;
      boolean retry = false;
      for (com.google.protobuf.Any any : details.getDetailsList()) {
        if (any.is(QuotaFailure.class)) {
          quota =
              any.unpack(QuotaFailure.class)
                  .getViolations(0)
                  .getSubject()
                  .equals("principal:alice");
        }
        if (any.is(RetryInfo.class)) {
          retry = any.unpack(RetryInfo.class).getRetryDelay().getSeconds() > 60;
        }
      }
      assertTrue(quota && retry, details.toString());
      assertEquals(2, guarded.champion.calls());
    }
  }

  @Test
  void tooManyCallsAndTooManyBytes() throws Exception {
    try (Rig tight =
        Rig.watching("limits: {concurrentCalls: 1, bytesInFlight: 60B, messageBytes: 1MiB}\n")) {
      tight.offer(1, tight.route(0, 0));
      assertEquals(
          "UNAVAILABLE Exceeds maximum queue size: the budget of 60 bytes in flight is used up",
          Rig.told(
              Rig.failure(
                  () -> tight.stub().modelInfer(FakeBackend.request(Rig.MODEL, new float[24])))));
      assertEquals(0, tight.champion.calls());
      tight.champion.behave(FakeBackend.hanging());
      var first =
          dev.understudy.proto.inference.GRPCInferenceServiceGrpc.newFutureStub(tight.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("the first call is there", () -> tight.champion.calls() == 1);
      assertEquals(
          "UNAVAILABLE Exceeds maximum queue size: 1 calls are in flight",
          Rig.told(Rig.failure(tight::infer)));
      assertTrue(first.cancel(true));
      tight.champion.behave(FakeBackend.ok(0.5f));
      Rig.eventually(
          "the place is free again",
          () -> tight.inferMany(1, request -> request).containsKey("version 1"));
    }
  }
}
