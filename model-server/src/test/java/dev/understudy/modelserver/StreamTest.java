package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamTest {
  @TempDir Path repository;

  @Test
  void answersComeInTheOrderOfTheRequestsAndFailuresAreAnswers() throws Exception {
    Fixtures.write(repository, "add", 1, Fixtures.add(1), "instance_group { count: 2 }");
    Fixtures.write(repository, "table", 1, Fixtures.failsFrom(10), null);
    try (var server = TestServer.start(ModelServerConfig.local(repository))) {
      var answers = new CopyOnWriteArrayList<ModelStreamInferResponse>();
      var done = new CountDownLatch(1);
      StreamObserver<ModelInferRequest> requests =
          GRPCInferenceServiceGrpc.newStub(server.channel())
              .modelStreamInfer(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ModelStreamInferResponse value) {
                      answers.add(value);
                    }

                    @Override
                    public void onError(Throwable t) {
                      done.countDown();
                    }

                    @Override
                    public void onCompleted() {
                      done.countDown();
                    }
                  });
      int count = 300;
      for (int i = 0; i < count; i++) {
        requests.onNext(
            switch (i % 10) {
              case 3 -> TestServer.column("nobody", "x", i);
              case 6 -> TestServer.column("table", "x", 99f).toBuilder().setId("t" + i).build();
              default -> TestServer.column("add", "x", i).toBuilder().setId("r" + i).build();
            });
      }
      requests.onCompleted();
      assertTrue(done.await(20, TimeUnit.SECONDS));
      assertEquals(count, answers.size());
      for (int i = 0; i < count; i++) {
        ModelStreamInferResponse answer = answers.get(i);
        String error = answer.getErrorMessage();
        switch (i % 10) {
          case 3 -> assertEquals("Request for unknown model: 'nobody' is not found", error);
          case 6 -> assertTrue(error.startsWith("[request id: t" + i + "] failed to run"), error);
          default -> {
            assertEquals("", error);
            assertEquals("r" + i, answer.getInferResponse().getId());
            assertEquals(i + 1f, TestServer.floats(answer.getInferResponse(), 0)[0]);
            assertTrue(
                answer
                    .getInferResponse()
                    .getParametersOrThrow("triton_final_response")
                    .getBoolParam());
          }
        }
      }
      assertEquals(
          List.of(),
          answers.stream()
              .filter(a -> !a.hasInferResponse() && a.getErrorMessage().isEmpty())
              .toList());
    }
  }
}
