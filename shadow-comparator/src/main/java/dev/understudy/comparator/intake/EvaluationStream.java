package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.EvaluationChange;
import io.grpc.stub.ServerCallStreamObserver;

/** The stream over which one worker follows the evaluations. */
public final class EvaluationStream implements EvaluationWatchers.Watcher {
  private final ServerCallStreamObserver<EvaluationChange> call;

  private EvaluationStream(ServerCallStreamObserver<EvaluationChange> call) {
    this.call = call;
  }

  /** Serves the stream until either side ends it. */
  public static void open(Intake intake, ServerCallStreamObserver<EvaluationChange> call) {
    EvaluationStream stream = new EvaluationStream(call);
    call.setOnCancelHandler(() -> intake.unwatchEvaluations(stream));
    intake.watchEvaluations(stream);
  }

  @Override
  public boolean isReady() {
    return call.isReady();
  }

  @Override
  public void change(EvaluationChange change) {
    if (!call.isCancelled()) {
      call.onNext(change);
    }
  }

  @Override
  public void fail(Fault fault) {
    if (!call.isCancelled()) {
      Fault.fail(call, fault);
    }
  }
}
