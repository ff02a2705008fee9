package dev.understudy.collector.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.collector.predictions.PredictionId;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.proto.v1.GetPredictionRequest;
import dev.understudy.proto.v1.Prediction;
import dev.understudy.proto.v1.PredictionServiceGrpc;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.sql.SQLException;

/** Finds all that is remembered of one call. */
public final class Lookup extends PredictionServiceGrpc.PredictionServiceImplBase {
  private final PredictionStore.Reader reader;

  /** Looks up through this reader. */
  public Lookup(PredictionStore.Reader reader) {
    this.reader = reader;
  }

  @Override
  public void getPrediction(GetPredictionRequest request, StreamObserver<Prediction> answer) {
    answer.onNext(find(request.getPredictionId()));
    answer.onCompleted();
  }

  /**
   * The record of a call, its answers, and its outcome.
   *
   * @throws Fault INVALID_ARGUMENT if the id is not a UUID, NOT_FOUND if nothing is stored under it
   */
  public Prediction find(String text) {
    byte[] id = PredictionId.parse(text);
    if (id == null) {
      throw Fault.of(
          Status.Code.INVALID_ARGUMENT,
          "BAD_PREDICTION_ID",
          "prediction_id: '" + text + "' (expected: a UUID)");
    }
    try {
      PredictionStore.Found found = reader.find(id);
      Double outcome = reader.outcome(id);
      if (found.isEmpty() && outcome == null) {
        throw Fault.of(
                Status.Code.NOT_FOUND,
                "NO_PREDICTION",
                text + ": not stored (never seen, not here yet, or dropped by retention)")
            .resource("prediction", text);
      }
      Prediction.Builder prediction = Prediction.newBuilder();
      if (!found.lineage().isEmpty()) {
        prediction.setLineage(found.lineage().getLast());
      }
      found.payloads().forEach(payload -> prediction.addPayloads(payload.record()));
      if (outcome != null) {
        prediction.setOutcome(outcome);
      }
      return prediction.build();
    } catch (SQLException e) {
      throw Fault.of(Status.Code.UNAVAILABLE, "INDEX_UNAVAILABLE", "the index cannot be read: " + e)
          .cause(e);
    }
  }
}
