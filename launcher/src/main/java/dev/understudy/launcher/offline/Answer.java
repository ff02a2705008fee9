package dev.understudy.launcher.offline;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.TensorData;
import dev.understudy.proto.tensor.TensorException;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.TensorValue;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How one call ended.
 *
 * @param response null when it failed
 * @param nanos from send to last byte
 * @param timing the server's word; the default instance where it gives none
 * @param error code and text of the failure; empty for success
 */
record Answer(
    Outcome outcome,
    @Nullable ModelInferResponse response,
    long nanos,
    ServerTiming timing,
    String error) {
  boolean ok() {
    return outcome == Outcome.OK;
  }

  /** The outputs in raw form; none of a failed call. */
  List<TensorValue> outputs() {
    ModelInferResponse answered = response;
    if (answered == null) {
      return List.of();
    }
    InferResponseView view =
        answered.getRawOutputContentsCount() < answered.getOutputsCount() ? view(answered) : null;
    List<TensorValue> outputs = new ArrayList<>(answered.getOutputsCount());
    for (int i = 0; i < answered.getOutputsCount(); i++) {
      ByteString data = view == null ? answered.getRawOutputContents(i) : data(view, i);
      if (data != null) {
        var output = answered.getOutputs(i);
        outputs.add(
            TensorValue.newBuilder()
                .setName(output.getName())
                .setDatatype(output.getDatatype())
                .addAllShape(output.getShapeList())
                .setData(data)
                .build());
      }
    }
    return outputs;
  }

  /** The answer as it lies on the wire. */
  static InferResponseView view(ModelInferResponse response) {
    return InferResponseView.parse(response.toByteString().asReadOnlyByteBuffer());
  }

  private static @Nullable ByteString data(InferResponseView view, int index) {
    try {
      return ByteString.copyFrom(TensorData.of(view, index));
    } catch (TensorException withoutData) {
      return null;
    }
  }
}
