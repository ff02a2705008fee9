package dev.understudy.proto.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewriteTest {
  @Test
  void aRewrittenRequestDiffersInTheNamedFieldsOnly() throws InvalidProtocolBufferException {
    var messages = new RandomMessages(21);
    for (int i = 0; i < 500; i++) {
      byte[] bytes = messages.request();
      var view = InferRequestView.parse(ByteBuffer.wrap(bytes));
      var expected =
          ModelInferRequest.parseFrom(bytes).toBuilder()
              .setModelName("other")
              .setModelVersion("")
              .putParameters("x", InferParameter.newBuilder().setStringParam("ü").build())
              .build();
      ByteBuffer actual =
          InferRequests.rewrite(view, "other", "", Map.of("x", new ParameterValue.Text("ü")));
      assertEquals(expected, ModelInferRequest.parseFrom(actual.duplicate()));
      assertEquals("other", InferRequestView.parse(actual).modelName());
      assertEquals(ByteBuffer.wrap(bytes), InferRequests.rewrite(view, null, null, Map.of()));
    }
  }

  @Test
  void everyKindOfParameterIsWrittenAsItIsRead() throws InvalidProtocolBufferException {
    for (ParameterValue value :
        new ParameterValue[] {
          new ParameterValue.Bool(true),
          new ParameterValue.Bool(false),
          new ParameterValue.Int64(-5),
          new ParameterValue.Text("größe".repeat(100)),
          new ParameterValue.Float64(-0.25),
          new ParameterValue.UInt64(-1),
          new ParameterValue.Unset()
        }) {
      byte[] bytes = InferRequests.overrides(null, null, Map.of("k", value));
      var message = ModelInferRequest.parseFrom(bytes);
      assertEquals(value, Differential.value(message.getParametersOrThrow("k")));
      assertEquals(value, InferRequestView.parse(ByteBuffer.wrap(bytes)).parameter("k"));
    }
  }

  @Test
  void anAppendedResponseParameterReplacesAnEarlierOne() throws InvalidProtocolBufferException {
    var messages = new RandomMessages(22);
    for (int i = 0; i < 500; i++) {
      byte[] bytes = messages.response();
      byte[] once = InferResponses.append(bytes, "prediction_id", "1");
      byte[] twice = InferResponses.append(once, "prediction_id", "2");
      var expected =
          ModelInferResponse.parseFrom(bytes).toBuilder()
              .putParameters(
                  "prediction_id", InferParameter.newBuilder().setStringParam("2").build())
              .build();
      assertEquals(expected, ModelInferResponse.parseFrom(twice));
      ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
      ByteBuffer appended = InferResponses.append(buffer, "prediction_id", "1");
      assertEquals(ByteBuffer.wrap(once), appended);
      assertEquals(0, buffer.position());
    }
  }
}
