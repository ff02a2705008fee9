package dev.understudy.collector.dashboard;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Prediction;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.TensorValue;

/** All that is remembered of one call, as JSON. Tensors are named and measured, not printed. */
final class PredictionJson {
  private PredictionJson() {}

  static JsonObject of(Prediction prediction) {
    Json json = new Json();
    if (prediction.hasLineage()) {
      var lineage = prediction.getLineage();
      json.put(
          "lineage",
          new Json()
              .put("prediction", lineage.getPredictionId())
              .put("at", lineage.getUnixMs())
              .put("model", lineage.getModel())
              .put("assigned", Json.word(lineage.getAssignedRole()))
              .put("answered", Json.word(lineage.getAnsweredRole()))
              .put("version", lineage.getVersion())
              .put("digest", lineage.getDigest())
              .put("rollout", lineage.getRolloutId())
              .put("epoch", lineage.getRoutingEpoch())
              .put("revision", lineage.getRoutingRevision())
              .put("decisionRevision", lineage.getDecisionRevision())
              .put("contract", lineage.getContractDigest())
              .put("canary", lineage.getCanaryWeightBp() / 10_000.0)
              .put("principal", lineage.getPrincipal())
              .put("clientRequest", lineage.getClientRequestId())
              .put("outcome", Json.word(lineage.getOutcome()))
              .put("status", lineage.getStatusCode())
              .put("latency", lineage.getLatencyNanos() / 1e6));
    } else {
      json.none("lineage");
    }
    json.list("payloads", prediction.getPayloadsList(), PredictionJson::payload);
    return (prediction.hasOutcome()
            ? json.put("outcome", prediction.getOutcome())
            : json.none("outcome"))
        .done();
  }

  private static void payload(Json json, PayloadRecord payload) {
    JsonArray scores = new JsonArray();
    payload.getScoresList().forEach(score -> Json.add(scores, score));
    JsonArray slices = new JsonArray();
    for (SliceLabel slice : payload.getSlicesList()) {
      slices.add(slice.getSlice() + " " + slice.getValue());
    }
    json.put("role", Json.word(payload.getRole()))
        .put("version", payload.getVersion())
        .put("rollout", payload.getRolloutId())
        .put("at", payload.getUnixMs())
        .put("scores", scores)
        .put("slices", slices);
    json.list("outputs", payload.getOutputsList(), PredictionJson::tensor);
    if (payload.hasTiming()) {
      var timing = payload.getTiming();
      json.put("queue", timing.getQueueNanos() / 1e6)
          .put("compute", timing.getComputeInferNanos() / 1e6)
          .put("batchSize", timing.getBatchSize());
    }
  }

  private static void tensor(Json json, TensorValue tensor) {
    JsonArray shape = new JsonArray();
    tensor.getShapeList().forEach(shape::add);
    json.put("name", tensor.getName())
        .put("datatype", tensor.getDatatype())
        .put("shape", shape)
        .put("bytes", tensor.getData().size());
  }
}
