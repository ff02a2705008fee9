package dev.understudy.collector.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.PredictionId;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.proto.v1.KnownOutcome;
import dev.understudy.proto.v1.OutcomeServiceGrpc;
import dev.understudy.proto.v1.ReportOutcomesRequest;
import dev.understudy.proto.v1.ReportOutcomesResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.sql.SQLException;

/**
 * Takes what turned out to be true. The answer comes when it is stored; all of a request or none.
 */
public final class OutcomeIntake extends OutcomeServiceGrpc.OutcomeServiceImplBase {
  static final int MAX_OUTCOMES = 10_000;
  private static final int MAX_NAME = 256;

  private final WriteThread writer;
  private final Outcomes outcomes;
  private final TimeSource time;

  /** The service over these parts. */
  public OutcomeIntake(WriteThread writer, Outcomes outcomes, TimeSource time) {
    this.writer = writer;
    this.outcomes = outcomes;
    this.time = time;
  }

  @Override
  public void reportOutcomes(
      ReportOutcomesRequest request, StreamObserver<ReportOutcomesResponse> answer) {
    check(request);
    ((ServerCallStreamObserver<ReportOutcomesResponse>) answer).setOnCancelHandler(() -> {});
    try {
      if (!writer.put(new Report(request, answer), request.getSerializedSize())) {
        throw Fault.of(Status.Code.UNAVAILABLE, "STOPPING", "the collector is stopping");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Fault.of(Status.Code.UNAVAILABLE, "STOPPING", "the collector is stopping").cause(e);
    }
  }

  private static void check(ReportOutcomesRequest request) {
    if (request.getOutcomesCount() > MAX_OUTCOMES) {
      throw bad(
          "outcomes", request.getOutcomesCount() + " (expected: at most " + MAX_OUTCOMES + ")");
    }
    for (int i = 0; i < request.getOutcomesCount(); i++) {
      KnownOutcome outcome = request.getOutcomes(i);
      String field = "outcomes[" + i + "].";
      String id = outcome.getPredictionId();
      String own = outcome.getClientRequestId();
      if (id.isEmpty() == own.isEmpty()) {
        throw bad(
            field + "prediction_id",
            "'" + id + "' and client_request_id '" + own + "' (expected: one of them)");
      }
      if (!id.isEmpty() && PredictionId.parse(id) == null) {
        throw bad(
            field + "prediction_id",
            "'"
                + id
                + "' (expected: the UUID that the answer carried as understudy_prediction_id)");
      }
      if (own.length() > MAX_NAME || outcome.getPrincipal().length() > MAX_NAME) {
        throw bad(field + "client_request_id", "too long (expected: at most " + MAX_NAME + ")");
      }
      if (!Double.isFinite(outcome.getValue())) {
        throw bad(field + "value", outcome.getValue() + " (expected: a finite number)");
      }
    }
  }

  private static Fault bad(String field, String problem) {
    return Fault.of(Status.Code.INVALID_ARGUMENT, "BAD_OUTCOME", field + ": " + problem)
        .violation(field, problem);
  }

  private final class Report implements WriteThread.Work {
    private final ReportOutcomesRequest request;
    private final StreamObserver<ReportOutcomesResponse> answer;
    private ReportOutcomesResponse.Builder response = ReportOutcomesResponse.newBuilder();

    Report(ReportOutcomesRequest request, StreamObserver<ReportOutcomesResponse> answer) {
      this.request = request;
      this.answer = answer;
    }

    @Override
    public void apply() throws SQLException, IOException {
      response = ReportOutcomesResponse.newBuilder();
      long nowMs = time.wallMillis();
      for (KnownOutcome outcome : request.getOutcomesList()) {
        switch (outcomes.report(outcome, nowMs)) {
          case ACCEPTED -> response.setAccepted(response.getAccepted() + 1);
          case DUPLICATE -> response.setDuplicates(response.getDuplicates() + 1);
          case REPLACED -> response.setReplaced(response.getReplaced() + 1);
          case UNKNOWN -> response.setUnknown(response.getUnknown() + 1);
        }
      }
    }

    @Override
    public void committed() {
      answer.onNext(response.build());
      answer.onCompleted();
    }

    @Override
    public void failed(Exception cause) {
      Fault.fail(answer, NotStored.because(cause));
    }
  }
}
