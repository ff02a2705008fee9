package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.stub.MetadataUtils;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class FirstLightTest {
  @Test
  void aStaticTableServesWithItsSignatureLearned() throws Exception {
    try (Rig rig =
        Rig.fixed(
            """
            models:
              fraud:
                champion: {version: "1", endpoints: [CHAMPION]}
                canary:   {version: "2", endpoints: [CANARY], weight: 50%}
                shadow:   {version: "3", endpoints: [SHADOW], mirror: 100%}
            """)) {
      Rig.eventually(
          "the model is ready",
          () ->
              rig.stub()
                  .modelReady(
                      dev.understudy.proto.inference.ModelReadyRequest.newBuilder()
                          .setName("fraud")
                          .build())
                  .getReady());
      var seen = rig.inferMany(100, request -> request);
      assertEquals(2, seen.size(), seen.toString());
      assertTrue(seen.getOrDefault("version 1", 0) > 20, seen.toString());
      assertTrue(seen.getOrDefault("version 2", 0) > 20, seen.toString());
    }
  }

  @Test
  void theAnswerComesBackWithThePredictionIdAndTheClientsOwnId() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(0, 0));
      Rig.Captured captured = new Rig.Captured();
      ModelInferRequest request = Rig.request().toBuilder().setId("mine").build();
      ModelInferResponse answer =
          rig.stub()
              .withInterceptors(
                  MetadataUtils.newCaptureMetadataInterceptor(captured.headers, captured.trailers))
              .modelInfer(request);
      String parameter = answer.getParametersOrThrow("understudy_prediction_id").getStringParam();
      assertEquals(7, UUID.fromString(parameter).version());
      assertEquals("mine", answer.getId());
      assertEquals("1", answer.getModelVersion());
      assertEquals(
          FakeBackend.response(request, 0.25f).getRawOutputContents(0),
          answer.getRawOutputContents(0));
      assertEquals("1", rig.champion.requests().getFirst().getModelVersion());
      Rig.eventually("the call is counted", () -> rig.ended(Role.CHAMPION) == 1);
      assertEquals(1, rig.outcomes(Role.CHAMPION, Outcome.OK));
    }
  }
}
