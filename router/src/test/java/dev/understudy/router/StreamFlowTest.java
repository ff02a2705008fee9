package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StreamFlowTest {
  @Test
  void answersComeInTheOrderOfTheRequestsAndAFailureDoesNotEndTheStream() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(0, 0));
      // Every other answer takes longer than the one behind it.
      rig.champion.behave((request, answer) -> {
        FakeBackend.Behaviour ok = FakeBackend.ok(0.5f);
        boolean slow = Integer.parseInt(request.getId()) % 2 == 0;
        (slow ? rig.champion.delayed(20, ok) : ok).answer(request, answer);
      });
      List<ModelStreamInferResponse> answers = new CopyOnWriteArrayList<>();
      CountDownLatch end = new CountDownLatch(1);
      StreamObserver<ModelInferRequest> requests =
          GRPCInferenceServiceGrpc.newStub(rig.channel)
              .modelStreamInfer(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ModelStreamInferResponse answer) {
                      answers.add(answer);
                    }

                    @Override
                    public void onError(Throwable failure) {
                      end.countDown();
                    }

                    @Override
                    public void onCompleted() {
                      end.countDown();
                    }
                  });
      for (int i = 0; i < 40; i++) {
        requests.onNext(
            Rig.request().toBuilder()
                .setId("" + i)
                .setModelName(i == 7 ? "nope" : Rig.MODEL)
                .build());
      }
      requests.onCompleted();
      assertTrue(end.await(20, TimeUnit.SECONDS));
      assertEquals(40, answers.size());
      for (int i = 0; i < 40; i++) {
        ModelInferResponse answer = answers.get(i).getInferResponse();
        if (i == 7) {
          assertEquals(
              "[request id: 7] Request for unknown model: 'nope' is not found",
              answers.get(i).getErrorMessage());
        } else {
          assertEquals("" + i, answer.getId());
          assertTrue(answer.getParametersOrThrow("triton_final_response").getBoolParam());
          assertEquals(
              36,
              answer.getParametersOrThrow("understudy_prediction_id").getStringParam().length());
        }
      }
      Rig.eventually("each message is counted", () -> rig.ended(Role.CHAMPION) == 39);
    }
  }
}
