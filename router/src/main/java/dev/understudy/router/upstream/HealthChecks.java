package dev.understudy.router.upstream;

import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.router.table.ArmPlan;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Asks one backend whether it is well. A server that does not know the question counts as well: it
 * is there, and answers. The arm for models that are not listed has no model to ask about: there
 * the server is asked about itself.
 */
final class HealthChecks {
  private HealthChecks() {}

  /**
   * Asks.
   *
   * @param ended gets the answer once, on the connection's event loop
   */
  static void ask(
      Channel channel, ArmPlan arm, UpstreamSettings.Health settings, Consumer<Boolean> ended) {
    long millis = settings.timeout().toMillis();
    Context before = Context.ROOT.attach();
    try {
      switch (check(arm, settings)) {
        case NONE -> ended.accept(true);
        case GRPC ->
            HealthGrpc.newStub(channel)
                .withDeadlineAfter(millis, TimeUnit.MILLISECONDS)
                .check(
                    HealthCheckRequest.getDefaultInstance(),
                    new Answered<>(
                        ended,
                        answer -> answer.getStatus() == HealthCheckResponse.ServingStatus.SERVING));
        case SERVER ->
            GRPCInferenceServiceGrpc.newStub(channel)
                .withDeadlineAfter(millis, TimeUnit.MILLISECONDS)
                .serverReady(
                    ServerReadyRequest.getDefaultInstance(),
                    new Answered<>(ended, answer -> answer.getReady()));
        case MODEL ->
            GRPCInferenceServiceGrpc.newStub(channel)
                .withDeadlineAfter(millis, TimeUnit.MILLISECONDS)
                .modelReady(
                    ModelReadyRequest.newBuilder()
                        .setName(arm.model())
                        .setVersion(arm.upstreamVersion())
                        .build(),
                    new Answered<>(ended, answer -> answer.getReady()));
      }
    } finally {
      Context.ROOT.detach(before);
    }
  }

  private static UpstreamSettings.Check check(ArmPlan arm, UpstreamSettings.Health settings) {
    return settings.check() == UpstreamSettings.Check.MODEL && arm.model().isEmpty()
        ? UpstreamSettings.Check.SERVER
        : settings.check();
  }

  private static final class Answered<A> implements StreamObserver<A> {
    private final Consumer<Boolean> ended;
    private final Predicate<A> isWell;
    private final AtomicBoolean told = new AtomicBoolean();

    Answered(Consumer<Boolean> ended, Predicate<A> isWell) {
      this.ended = ended;
      this.isWell = isWell;
    }

    @Override
    public void onNext(A answer) {
      tell(isWell.test(answer));
    }

    @Override
    public void onError(Throwable failure) {
      tell(Status.fromThrowable(failure).getCode() == Status.Code.UNIMPLEMENTED);
    }

    @Override
    public void onCompleted() {
      tell(false);
    }

    private void tell(boolean well) {
      if (told.compareAndSet(false, true)) {
        ended.accept(well);
      }
    }
  }
}
