package dev.understudy.router.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelInferResponse.InferOutputTensor;
import dev.understudy.proto.tensor.InferResponseView;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class OutputGuardTest {
  private static InferOutputTensor.Builder output(String name, String datatype, long elements) {
    return InferOutputTensor.newBuilder().setName(name).setDatatype(datatype).addShape(elements);
  }

  private static ByteString floats(float... values) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      raw.putFloat(value);
    }
    return ByteString.copyFrom(raw.flip());
  }

  private static ByteString longs(long... values) {
    ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      raw.putLong(value);
    }
    return ByteString.copyFrom(raw.flip());
  }

  private static @Nullable Fault look(String output, ModelInferResponse.Builder answer) {
    return OutputGuard.refusal(
        "id-7",
        "fraud",
        output,
        InferResponseView.parse(answer.build().toByteString().asReadOnlyByteBuffer()));
  }

  private static Fault refused(String output, ModelInferResponse.Builder answer) {
    Fault fault = look(output, answer);
    assertNotNull(fault);
    assertEquals("OUTPUT_GUARD", fault.reason());
    return fault;
  }

  private static ModelInferResponse.Builder twoOutputs(float score, float other) {
    return ModelInferResponse.newBuilder()
        .addOutputs(output("score", "FP32", 3))
        .addRawOutputContents(floats(0, score, 1))
        .addOutputs(output("other", "FP32", 1))
        .addRawOutputContents(floats(other));
  }

  @Test
  void finiteAnswersPass() {
    assertNull(look("", twoOutputs(Float.MAX_VALUE, -Float.MAX_VALUE)));
    assertNull(look("score", twoOutputs(Float.MIN_VALUE, -0f)));
  }

  @Test
  void refusalNamesClientIdModelOutputAndElement() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      String text = String.valueOf(refused("score", twoOutputs(bad, 0)).getMessage());
      for (String part : new String[] {"id-7", "'fraud'", "'score'", "element 1"}) {
        assertTrue(text.contains(part), text);
      }
    }
  }

  @Test
  void theDecisionOutputAloneCountsWhenItIsDeclared() {
    assertNull(look("score", twoOutputs(0, Float.NaN)));
    assertTrue(
        String.valueOf(refused("", twoOutputs(0, Float.NaN)).getMessage()).contains("'other'"));
  }

  @Test
  void theBitsOfNaNInAnIntegerAreANumber() {
    assertNull(
        look(
            "",
            ModelInferResponse.newBuilder()
                .addOutputs(output("n", "INT64", 1))
                .addRawOutputContents(longs(Double.doubleToRawLongBits(Double.NaN)))));
    refused(
        "",
        ModelInferResponse.newBuilder()
            .addOutputs(output("n", "FP64", 1))
            .addRawOutputContents(longs(Double.doubleToRawLongBits(Double.NaN))));
  }

  @Test
  void halfPrecisionIsLookedAtInItsOwnFormat() {
    // 0x7f80 is infinity in BF16 and NaN in FP16; 0x7c00 is infinity in FP16 and finite in BF16.
    ByteString infinity = ByteString.copyFrom(new byte[] {0, (byte) 0x7c});
    ModelInferResponse.Builder half =
        ModelInferResponse.newBuilder()
            .addOutputs(output("h", "FP16", 1))
            .addRawOutputContents(infinity);
    refused("", half);
    assertNull(look("", half.setOutputs(0, output("h", "BF16", 1))));
  }

  @Test
  void typedContentsAreLookedAtToo() {
    refused(
        "",
        ModelInferResponse.newBuilder()
            .addOutputs(
                output("score", "FP32", 1)
                    .setContents(InferTensorContents.newBuilder().addFp32Contents(Float.NaN))));
  }

  @Test
  void tornElementIsRefused() {
    refused(
        "",
        ModelInferResponse.newBuilder()
            .addOutputs(output("score", "FP32", 1))
            .addRawOutputContents(ByteString.copyFrom(new byte[3])));
  }

  @Test
  void decisionOutputThatTheClientDidNotAskForIsNotMissed() {
    assertNull(look("absent", twoOutputs(0, 0)));
  }
}
