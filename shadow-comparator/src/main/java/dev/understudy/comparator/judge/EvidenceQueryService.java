package dev.understudy.comparator.judge;

import dev.understudy.chassis.error.Fault;
import dev.understudy.comparator.intake.Intake;
import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListEvaluationsResponse;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.StartEvaluationResponse;
import dev.understudy.proto.v1.StopEvaluationRequest;
import dev.understudy.proto.v1.StopEvaluationResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;

/** Begins and ends evaluations, and answers what the evidence amounts to. */
public final class EvidenceQueryService extends EvidenceServiceGrpc.EvidenceServiceImplBase {
  private final Intake intake;
  private final Judge judge;

  /** Asks this intake and this judge. */
  public EvidenceQueryService(Intake intake, Judge judge) {
    this.intake = intake;
    this.judge = judge;
  }

  @Override
  public void startEvaluation(
      EvaluationSpec spec, StreamObserver<StartEvaluationResponse> responses) {
    answer(
        intake
            .startEvaluation(spec)
            .thenApply(
                digest -> StartEvaluationResponse.newBuilder().setSpecDigest(digest).build()),
        responses);
  }

  @Override
  public void stopEvaluation(
      StopEvaluationRequest request, StreamObserver<StopEvaluationResponse> responses) {
    answer(
        intake
            .stopEvaluation(request.getRolloutId())
            .thenApply(done -> StopEvaluationResponse.getDefaultInstance()),
        responses);
  }

  @Override
  public void getReport(ReportRequest request, StreamObserver<EvidenceReport> responses) {
    answer(judge.report(request.getRolloutId()), responses);
  }

  @Override
  public void listEvaluations(
      ListEvaluationsRequest request, StreamObserver<ListEvaluationsResponse> responses) {
    responses.onNext(
        ListEvaluationsResponse.newBuilder().addAllRolloutIds(intake.rollouts()).build());
    responses.onCompleted();
  }

  @Override
  public void watchReport(ReportRequest request, StreamObserver<EvidenceReport> responses) {
    var call = (ServerCallStreamObserver<EvidenceReport>) responses;
    Judge.Watcher watcher =
        new Judge.Watcher() {
          @Override
          public boolean isReady() {
            return call.isReady();
          }

          @Override
          public void report(EvidenceReport report) {
            if (!call.isCancelled()) {
              call.onNext(report);
            }
          }

          @Override
          public void fail(Fault fault) {
            if (!call.isCancelled()) {
              Fault.fail(call, fault);
            }
          }
        };
    call.setOnCancelHandler(() -> judge.unwatch(watcher));
    call.setOnReadyHandler(() -> judge.ready(watcher));
    judge.watch(request.getRolloutId(), watcher);
  }

  @Override
  public void readLog(ReadLogRequest request, StreamObserver<EvidenceLogRecord> responses) {
    EvidenceLog log = intake.log(request.getRolloutId());
    if (log == null) {
      Fault.fail(responses, Intake.unknown(request.getRolloutId()));
      return;
    }
    var call = (ServerCallStreamObserver<EvidenceLogRecord>) responses;
    Semaphore moved = new Semaphore(0);
    call.setOnReadyHandler(moved::release);
    call.setOnCancelHandler(moved::release);
    Thread.ofVirtual().name("comparator-read-log").start(() -> stream(log, call, moved));
  }

  private static void stream(
      EvidenceLog log, ServerCallStreamObserver<EvidenceLogRecord> call, Semaphore moved) {
    try {
      log.read(record -> {
        while (!call.isReady()) {
          if (call.isCancelled()) {
            throw new ReaderGone();
          }
          moved.acquireUninterruptibly();
        }
        call.onNext(record);
      });
      call.onCompleted();
    } catch (ReaderGone e) {
      // Nobody is there to be told.
    } catch (IOException e) {
      Fault.fail(
          call,
          Fault.of(
                  Status.Code.DATA_LOSS,
                  "EVIDENCE_LOG_UNREADABLE",
                  "The evidence log cannot be read: " + e.getMessage())
              .cause(e));
    }
  }

  private static final class ReaderGone extends RuntimeException {
    private static final long serialVersionUID = 1;

    ReaderGone() {
      super("the reader has gone", null, false, false);
    }
  }

  private static <T> void answer(CompletableFuture<T> future, StreamObserver<T> responses) {
    var _ =
        future.whenComplete((value, thrown) -> {
          if (thrown != null) {
            Fault.fail(responses, thrown);
          } else {
            responses.onNext(value);
            responses.onCompleted();
          }
        });
  }
}
