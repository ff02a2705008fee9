package dev.understudy.router.upstream;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelConfigRequest;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.ModelStatisticsRequest;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.table.ArmPlan;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Asks an arm's backend about its model. A stage fails with a fault. Any thread. */
public final class BackendQuestions {
  private static final long TIMEOUT_MILLIS = 2_000;

  /**
   * What is asked about, as the backend names it.
   *
   * @param version empty for whichever the backend serves
   */
  public record Asked(String model, String version) {
    /** The arm's own. */
    public static Asked of(ArmPlan arm) {
      return new Asked(arm.model(), arm.upstreamVersion());
    }
  }

  private final Upstream upstream;

  /** Over the connections of an upstream. */
  public BackendQuestions(Upstream upstream) {
    this.upstream = upstream;
  }

  /** {@code ModelReady}. */
  public CompletableFuture<ModelReadyResponse> ready(ArmPlan arm, Asked asked) {
    return ask(
        arm,
        (stub, done) ->
            stub.modelReady(
                ModelReadyRequest.newBuilder()
                    .setName(asked.model())
                    .setVersion(asked.version())
                    .build(),
                done));
  }

  /** {@code ModelMetadata}. */
  public CompletableFuture<ModelMetadataResponse> metadata(ArmPlan arm, Asked asked) {
    return ask(
        arm,
        (stub, done) ->
            stub.modelMetadata(
                ModelMetadataRequest.newBuilder()
                    .setName(asked.model())
                    .setVersion(asked.version())
                    .build(),
                done));
  }

  /** {@code ModelConfig}. */
  public CompletableFuture<ModelConfigResponse> config(ArmPlan arm, Asked asked) {
    return ask(
        arm,
        (stub, done) ->
            stub.modelConfig(
                ModelConfigRequest.newBuilder()
                    .setName(asked.model())
                    .setVersion(asked.version())
                    .build(),
                done));
  }

  /** {@code ModelStatistics}. */
  public CompletableFuture<ModelStatisticsResponse> statistics(ArmPlan arm, Asked asked) {
    return ask(
        arm,
        (stub, done) ->
            stub.modelStatistics(
                ModelStatisticsRequest.newBuilder()
                    .setName(asked.model())
                    .setVersion(asked.version())
                    .build(),
                done));
  }

  private <A> CompletableFuture<A> ask(
      ArmPlan arm,
      BiConsumer<GRPCInferenceServiceGrpc.GRPCInferenceServiceStub, StreamObserver<A>> question) {
    Channel channel = upstream.channel(arm);
    if (channel == null) {
      return CompletableFuture.failedFuture(Refusals.noBackend("", arm.arm().getName()));
    }
    CompletableFuture<A> answer = new CompletableFuture<>();
    Context before = Context.ROOT.attach();
    try {
      question.accept(
          GRPCInferenceServiceGrpc.newStub(channel)
              .withDeadlineAfter(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS),
          new Once<>(answer));
    } finally {
      Context.ROOT.detach(before);
    }
    return answer;
  }

  private static final class Once<A> implements StreamObserver<A> {
    private final CompletableFuture<A> answer;
    private @Nullable A value;

    Once(CompletableFuture<A> answer) {
      this.answer = answer;
    }

    @Override
    public void onNext(A message) {
      value = message;
    }

    @Override
    public void onError(Throwable failure) {
      answer.completeExceptionally(Fault.from(failure));
    }

    @Override
    public void onCompleted() {
      A message = value;
      if (message == null) {
        answer.completeExceptionally(
            Fault.from(
                io.grpc.Status.INTERNAL
                    .withDescription("the backend ended without an answer")
                    .asRuntimeException()));
      } else {
        answer.complete(message);
      }
    }
  }
}
