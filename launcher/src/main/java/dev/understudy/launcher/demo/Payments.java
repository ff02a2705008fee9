package dev.understudy.launcher.demo;

import com.google.protobuf.ByteString;
import dev.understudy.modelkit.FraudModels;
import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.proto.inference.ModelInferRequest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Card payments as requests to the fraud models; they keep the models' contract. */
public final class Payments {
  private Payments() {}

  /** The serialized request about one payment. */
  public static byte[] request(CardFraud.Case payment) {
    float[] features = payment.features();
    ByteBuffer raw = ByteBuffer.allocate(4 * features.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float feature : features) {
      raw.putFloat(feature);
    }
    return ModelInferRequest.newBuilder()
        .setModelName(FraudModels.MODEL)
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("features")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(features.length))
        .addRawInputContents(ByteString.copyFrom(raw.flip()))
        .build()
        .toByteArray();
  }
}
