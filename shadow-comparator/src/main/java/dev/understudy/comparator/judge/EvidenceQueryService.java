package dev.understudy.comparator.judge;

import dev.understudy.chassis.error.Fault;
import dev.understudy.comparator.intake.EvaluationStream;
import dev.understudy.comparator.intake.Intake;
import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.proto.v1.EvaluationChange;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListEvaluationsResponse;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.StartEvaluationResponse;
import dev.understudy.proto.v1.StartWatchRequest;
import dev.understudy.proto.v1.StartWatchResponse;
import dev.understudy.proto.v1.StopEvaluationRequest;
import dev.understudy.proto.v1.StopEvaluationResponse;
import dev.understudy.proto.v1.WatchEvaluationsRequest;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

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
  public void startWatch(StartWatchRequest request, StreamObserver<StartWatchResponse> responses) {
    answer(
        intake
            .startWatch(request.getRolloutId(), request.getWatch())
            .thenApply(done -> StartWatchResponse.getDefaultInstance()),
        responses);
  }

  @Override
  public void watchEvaluations(
      WatchEvaluationsRequest request, StreamObserver<EvaluationChange> responses) {
    EvaluationStream.open(intake, (ServerCallStreamObserver<EvaluationChange>) responses);
  }

  @Override
  public void getReport(ReportRequest request, StreamObserver<EvidenceReport> responses) {
    if (intake.log(request.getRolloutId()) == null) {
      Fault.fail(responses, intake.missing(request.getRolloutId()));
      return;
    }
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
    if (intake.log(request.getRolloutId()) == null) {
      Fault.fail(responses, intake.missing(request.getRolloutId()));
      return;
    }
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
      Fault.fail(responses, intake.missing(request.getRolloutId()));
      return;
    }
    paced("comparator-read-log", responses, pace -> stream(log, pace));
  }

  @Override
  public void readPairs(ReadPairsRequest request, StreamObserver<KeptPair> responses) {
    List<KeptPair> pairs;
    try {
      pairs = intake.kept(request.getRolloutId(), Math.max(0, request.getMost()));
    } catch (Fault e) {
      Fault.fail(responses, e);
      return;
    }
    paced(
        "comparator-read-pairs",
        responses,
        pace -> {
          pairs.forEach(pace::send);
          pace.call.onCompleted();
        });
  }

  /** Sends as fast as the reader reads. */
  private static final class Pace<T> {
    final ServerCallStreamObserver<T> call;
    private final Semaphore moved = new Semaphore(0);

    Pace(ServerCallStreamObserver<T> call) {
      this.call = call;
      call.setOnReadyHandler(moved::release);
      call.setOnCancelHandler(moved::release);
    }

    void send(T value) {
      while (!call.isReady()) {
        if (call.isCancelled()) {
          throw new ReaderGone();
        }
        moved.acquireUninterruptibly();
      }
      call.onNext(value);
    }
  }

  private static <T> void paced(
      String thread, StreamObserver<T> responses, Consumer<Pace<T>> sending) {
    Pace<T> pace = new Pace<>((ServerCallStreamObserver<T>) responses);
    Thread.ofVirtual()
        .name(thread)
        .start(() -> {
          try {
            sending.accept(pace);
          } catch (ReaderGone e) {
            // Nobody is there to be told.
          }
        });
  }

  private static void stream(EvidenceLog log, Pace<EvidenceLogRecord> pace) {
    try {
      log.read(pace::send);
      pace.call.onCompleted();
    } catch (IOException e) {
      Fault.fail(
          pace.call,
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
