package dev.understudy.comparator.worker;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.error.Fault;
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
import io.grpc.stub.StreamObserver;

/** Tells whoever asks a worker for a verdict where the judge is. */
final class WorkerQueryService extends EvidenceServiceGrpc.EvidenceServiceImplBase {
  private final HostPort judge;

  WorkerQueryService(HostPort judge) {
    this.judge = judge;
  }

  @Override
  public void startEvaluation(
      EvaluationSpec request, StreamObserver<StartEvaluationResponse> responses) {
    refuse(responses);
  }

  @Override
  public void stopEvaluation(
      StopEvaluationRequest request, StreamObserver<StopEvaluationResponse> responses) {
    refuse(responses);
  }

  @Override
  public void startWatch(StartWatchRequest request, StreamObserver<StartWatchResponse> responses) {
    refuse(responses);
  }

  @Override
  public void getReport(ReportRequest request, StreamObserver<EvidenceReport> responses) {
    refuse(responses);
  }

  @Override
  public void watchReport(ReportRequest request, StreamObserver<EvidenceReport> responses) {
    refuse(responses);
  }

  @Override
  public void listEvaluations(
      ListEvaluationsRequest request, StreamObserver<ListEvaluationsResponse> responses) {
    refuse(responses);
  }

  @Override
  public void readLog(ReadLogRequest request, StreamObserver<EvidenceLogRecord> responses) {
    refuse(responses);
  }

  @Override
  public void readPairs(ReadPairsRequest request, StreamObserver<KeptPair> responses) {
    refuse(responses);
  }

  @Override
  public void watchEvaluations(
      WatchEvaluationsRequest request, StreamObserver<EvaluationChange> responses) {
    refuse(responses);
  }

  private void refuse(StreamObserver<?> responses) {
    Fault.fail(responses, notTheJudge("verdicts are at the judge", judge));
  }

  static Fault notTheJudge(String where, HostPort judge) {
    return Fault.of(
            Status.Code.FAILED_PRECONDITION,
            "NOT_THE_JUDGE",
            "This comparator only measures pairs; " + where + ", " + judge)
        .metadata("judge", judge.toString());
  }
}
