package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CourtesyTest {
  @TempDir Path folder;

  @Test
  void aBackendMayKnowTheModelByAnotherName() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          0,
          0,
          route -> route.setArms(0, route.getArms(0).toBuilder().setUpstreamModel("fraud_v1")));
      ModelInferResponse answer = rig.infer();
      assertEquals("fraud", answer.getModelName());
      assertEquals("fraud_v1", rig.champion.requests().getFirst().getModelName());
      assertEquals(
          "fraud",
          rig.stub()
              .modelMetadata(ModelMetadataRequest.newBuilder().setName("fraud").build())
              .getName());
    }
  }

  @Test
  void aClientMayDeclineTheId() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(0, 0));
      assertEquals(1, rig.infer().getParametersCount());
      AtomicReference<Metadata> headers = new AtomicReference<>();
      assertEquals(
          0,
          rig.stub("understudy-no-prediction-id", "1")
              .withInterceptors(
                  MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()))
              .modelInfer(Rig.request())
              .getParametersCount());
      String told =
          headers
              .get()
              .get(Metadata.Key.of("understudy-prediction-id", Metadata.ASCII_STRING_MARSHALLER));
      assertEquals(7, UUID.fromString(told).version(), "the headers say it then");
      assertEquals(
          0,
          rig.stub()
              .modelInfer(
                  Rig.request().toBuilder()
                      .putParameters(
                          "understudy_no_prediction_id",
                          InferParameter.newBuilder().setBoolParam(true).build())
                      .build())
              .getParametersCount());
    }
  }

  @Test
  void aTesterChoosesAnArmAndIsNotJudged() throws Exception {
    String secret = "a-secret-of-the-service";
    Path keys = Files.writeString(folder.resolve("keys"), ApiKeys.entry("tess", "k", secret));
    Path file = Files.writeString(folder.resolve("secret"), secret);
    try (Rig rig =
        Rig.watching("auth: {keys: " + keys + ", secret: " + file + ", testers: [tess]}\n")) {
      rig.offer(1, rig.route(0, 0));
      var stub =
          rig.stub("x-api-key", "k")
              .withInterceptors(
                  io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(header("canary")));
      assertEquals("2", stub.modelInfer(Rig.request()).getModelVersion());
      Rig.eventually(
          "it is left out", () -> rig.cells(Role.CANARY).mapToLong(Cell::getLeftOut).sum() == 1);
      assertEquals(0, rig.assigned(Role.CANARY));
    }
  }

  @Test
  void apiKeysOpenAListenerToEverybodyWhoHasOneAndBackendsSeeTheRoutersToken() throws Exception {
    String secret = "a-secret-of-the-service";
    Path keys = Files.writeString(folder.resolve("keys"), ApiKeys.entry("ann", "k", secret));
    Path file = Files.writeString(folder.resolve("secret"), secret);
    Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef");
    try (Rig rig =
        Rig.fixed(
            """
            listen: 0.0.0.0:0
            auth: {keys: %s, secret: %s, others: {models: ["*"]}}
            upstream: {tokenFile: %s}
            models: {fraud: {champion: {version: "1", endpoints: [CHAMPION]}}}
            """
                .formatted(keys, file, token))) {
      Rig.eventually(
          "it answers",
          () -> {
            try {
              var answer = rig.stub("x-api-key", "k").modelInfer(Rig.request());
              return answer.getModelVersion().equals("1");
            } catch (StatusRuntimeException e) {
              return false;
            }
          });
      var refused = Rig.failure(() -> rig.stub().modelInfer(Rig.request()));
      assertEquals(Status.Code.UNAUTHENTICATED, refused.getStatus().getCode());
      assertEquals(Set.of("Bearer 0123456789abcdef"), rig.champion.presented());
    }
  }

  private static io.grpc.Metadata header(String arm) {
    io.grpc.Metadata metadata = new io.grpc.Metadata();
    metadata.put(
        io.grpc.Metadata.Key.of("x-understudy-arm", io.grpc.Metadata.ASCII_STRING_MARSHALLER), arm);
    return metadata;
  }

  @Test
  void callsUnderWayEndWellWhenTheRouterGoesDown() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(0, 0));
      rig.champion.behave(rig.champion.delayed(400, FakeBackend.ok(0.5f)));
      ListenableFuture<ModelInferResponse> call =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("the call has arrived", () -> rig.champion.calls() == 1);
      rig.router.close();
      assertEquals("1", call.get(10, TimeUnit.SECONDS).getModelVersion());
      assertEquals(1, rig.ended(Role.CHAMPION), "the last block was delivered");
      assertEquals(1, rig.lineage().size(), "so was the last lineage record");
    }
  }

  @Test
  void aCallThatWaitedForRoomIsAssignedUnderTheTableThatIsInForceThen() throws Exception {
    try (Rig rig = Rig.watching("queues: {lineageRecords: 1}\n")) {
      rig.receivers.acknowledge(false);
      rig.offer(1, 10_000, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_BLOCK));
      assertEquals("2", rig.infer().getModelVersion());
      ListenableFuture<ModelInferResponse> waiting =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      // A call behind it on the same connection waits in vain: so this one waits already.
      assertEquals(
          "DEADLINE_EXCEEDED",
          Rig.failure(() ->
                  rig.stub()
                      .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                      .modelInfer(Rig.request()))
              .getStatus()
              .getCode()
              .toString());
      rig.offer(2, 0, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_BLOCK));
      rig.receivers.kill();
      rig.receivers.acknowledge(true);
      rig.receivers.revive();
      assertEquals("1", waiting.get(15, TimeUnit.SECONDS).getModelVersion());
      Rig.eventually(
          "it is recorded under the newer table",
          () -> rig.lineage().stream().anyMatch(record -> record.getRoutingRevision() == 2));
      assertEquals(1, rig.canary.calls());
    }
  }

  @Test
  void lineageThatHasNoRoomRefusesWaitsOrIsDropped() throws Exception {
    try (Rig rig = Rig.watching("queues: {lineageRecords: 2}\n")) {
      rig.receivers.acknowledge(false);
      rig.offer(1, 0, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_REFUSE));
      rig.infer();
      rig.infer();
      assertEquals(
          "UNAVAILABLE no room to record the call's lineage, which the model's policy demands",
          Rig.told(Rig.failure(rig::infer)));
      assertEquals(2, rig.champion.calls());
      rig.offer(2, 0, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_DROP));
      rig.infer();
      rig.offer(3, 0, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_BLOCK));
      ListenableFuture<ModelInferResponse> waiting =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      assertEquals(
          "DEADLINE_EXCEEDED",
          Rig.failure(() ->
                  rig.stub()
                      .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                      .modelInfer(Rig.request()))
              .getStatus()
              .getCode()
              .toString());
      assertFalse(waiting.isDone());
      assertEquals(3, rig.champion.calls());
      rig.receivers.kill();
      rig.receivers.acknowledge(true);
      rig.receivers.revive();
      assertEquals("1", waiting.get(15, TimeUnit.SECONDS).getModelVersion());
      Rig.eventually("the one that waited is recorded", () -> rig.lineage().size() == 3);
      assertTrue(
          rig.receivers.lineage().stream().anyMatch(batch -> batch.getDropped() == 1),
          "the drop is told");
    }
  }

  @Test
  void aCallThatWaitedForRoomKeepsTheContractThatIsInForceThen() throws Exception {
    try (Rig rig = Rig.watching("queues: {lineageRecords: 1}\n")) {
      rig.receivers.acknowledge(false);
      rig.offer(1, 0, 0, route -> route.setLineageOverflow(LineageOverflow.LINEAGE_BLOCK));
      assertEquals("1", rig.infer().getModelVersion());
      ListenableFuture<ModelInferResponse> waiting =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelInfer(FakeBackend.request(Rig.MODEL, 11, 2, 3));
      // A call behind it on the same connection waits in vain: so this one waits already.
      assertEquals(
          Status.Code.DEADLINE_EXCEEDED,
          Rig.failure(() ->
                  rig.stub()
                      .withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                      .modelInfer(Rig.request()))
              .getStatus()
              .getCode());
      Map<String, Object> amount =
          Map.of("name", "amount", "min", 0, "max", 10, "action", "refuse");
      Map<String, Object> features =
          Map.of(
              "input", "x", "columns", List.of(amount, Map.of("name", "b"), Map.of("name", "c")));
      rig.offer(
          2,
          0,
          0,
          route ->
              route
                  .setLineageOverflow(LineageOverflow.LINEAGE_BLOCK)
                  .setContract(
                      ContractFile.parse(
                          "t", Map.of("contract", "fraud/2", "features", features))));
      rig.receivers.kill();
      rig.receivers.acknowledge(true);
      rig.receivers.revive();
      ExecutionException refused =
          assertThrows(ExecutionException.class, () -> waiting.get(15, TimeUnit.SECONDS));
      assertEquals(Status.Code.INVALID_ARGUMENT, Status.fromThrowable(refused).getCode());
      assertEquals(1, rig.champion.calls());
      assertEquals("1", rig.infer().getModelVersion(), "its place is free again");
    }
  }
}
