package dev.understudy.proto.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelInferResponse.InferOutputTensor;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Extraction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AnswerCheckTest {
  private static DataContract contract(String kind, Map<String, Object> answers) {
    Map<String, Object> tree = new HashMap<>();
    tree.put("contract", "t/1");
    tree.put("decision", Map.of("output", "p", "kind", kind, "column", 1));
    tree.put("answers", answers);
    return ContractFile.parse("t", tree);
  }

  private static byte[] answer(int columns, float... values) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      raw.putFloat(value);
    }
    return ModelInferResponse.newBuilder()
        .addOutputs(
            InferOutputTensor.newBuilder()
                .setName("p")
                .setDatatype("FP32")
                .addShape(values.length / columns)
                .addShape(columns))
        .addRawOutputContents(ByteString.copyFrom(raw.flip()))
        .build()
        .toByteArray();
  }

  private static InferResponseView view(byte[] message) {
    return InferResponseView.parse(ByteBuffer.wrap(message));
  }

  private static AnswerCheck.@Nullable Violation violation(AnswerCheck check, byte[] message) {
    return check.violation(message, view(message));
  }

  @Test
  void anAnswerOutsideOfItsRangeIsFoundWithItsElement() {
    AnswerCheck check =
        new AnswerCheck(
            contract(
                "probabilities",
                Map.of("outputs", List.of(Map.of("output", "p", "min", 0, "max", 1)))));
    assertNull(violation(check, answer(2, 0, 1, 0.5f, 0.5f)));
    assertEquals(
        new AnswerCheck.Violation("p", 3, "1.5 (expected: 0 to 1)"),
        violation(check, answer(2, 0, 1, 0, 1.5f)));
    assertEquals(
        new AnswerCheck.Violation("p", 0, "NaN (expected: 0 to 1)"),
        violation(check, answer(2, Float.NaN, 1)));
  }

  @Test
  void probabilitiesSumToOneRowByRow() {
    AnswerCheck check =
        new AnswerCheck(
            contract(
                "probabilities",
                Map.of("outputs", List.of(Map.of("output", "p", "sumToOne", 0.001)))));
    assertNull(violation(check, answer(2, 0.25f, 0.75f, 1, 0.0005f)));
    assertEquals(
        new AnswerCheck.Violation("p", 2, "a row that sums to 0.75 (expected: 1, within 0.001)"),
        violation(check, answer(2, 0.25f, 0.75f, 0.5f, 0.25f)));
  }

  @Test
  void confidenceIsThatOfTheLeastSureRow() {
    AnswerCheck check =
        new AnswerCheck(contract("probabilities", Map.of("confidence", Map.of("below", 0.6))));
    byte[] three = answer(3, 0.25f, 0.5f, 0.25f, 0, 0.125f, 0.875f);
    assertEquals(0.5, check.confidence(three, view(three)));
    byte[] single = answer(1, 0.125f, 0.75f);
    assertEquals(0.75, check.confidence(single, view(single)));
    byte[] none = ModelInferResponse.getDefaultInstance().toByteArray();
    assertTrue(Double.isNaN(check.confidence(none, view(none))));
  }

  private static double disagreement(String kind, byte[] a, byte[] b) {
    return new AnswerCheck(contract(kind, Map.of("disagree", Map.of("above", 0.1))))
        .disagreement(a, view(a), b, view(b));
  }

  @Test
  void disagreementIsThatOfTheFarthestRow() {
    byte[] a = answer(2, 0.75f, 0.25f, 0.5f, 0.5f);
    byte[] b = answer(2, 0, 0.5f, 0, 0.625f);
    assertEquals(0.25, disagreement("probabilities", a, b));
    assertEquals(0.75, disagreement("regression", a, b));
    assertEquals(1, disagreement("labels", a, b));
    assertEquals(0, disagreement("labels", a, a));
    assertTrue(Double.isNaN(disagreement("regression", a, answer(4, 1, 2, 3, 4))));
  }

  private static float[] coarsened(Extraction.Builder rule, byte[] message) {
    byte[] coarse = new Coarsening(rule.build()).of(message, view(message));
    float[] values = new float[view(message).rawSize(0) / 4];
    view(coarse).raw(0).asFloatBuffer().get(values);
    return values;
  }

  @Test
  void roundingKeepsDigitsHalfToEven() {
    assertEquals(
        List.of(0.12f, 0.5f, -0.38f, 0f),
        boxed(
            coarsened(
                Extraction.newBuilder().setRound(2), answer(4, 0.125f, 0.4999f, -0.375f, 0.001f))));
    float huge = 1e30f;
    assertEquals(
        List.of(huge, Float.POSITIVE_INFINITY),
        boxed(
            coarsened(
                Extraction.newBuilder().setRound(15), answer(2, huge, Float.POSITIVE_INFINITY))));
  }

  @Test
  void theGreatestOfEachRowStayAndOfEqualsTheFirst() {
    assertEquals(
        List.of(0f, 0.5f, 0.25f, 0f, 0.25f, 0.25f, 0f, 0f),
        boxed(
            coarsened(
                Extraction.newBuilder().setTopK(2),
                answer(4, 0.125f, 0.5f, 0.25f, 0.125f, 0.25f, 0.25f, 0.25f, 0.25f))));
  }

  @Test
  void theAnswerItselfIsLeftAsItIs() {
    byte[] message = answer(1, 0.123f);
    byte[] before = message.clone();
    byte[] coarse =
        new Coarsening(Extraction.newBuilder().setRound(1).build()).of(message, view(message));
    org.junit.jupiter.api.Assertions.assertArrayEquals(before, message);
    assertEquals(message.length, coarse.length);
    assertSame(
        message,
        new Coarsening(Extraction.newBuilder().setOutput("q").setRound(1).build())
            .of(message, view(message)));
  }

  @Test
  void typedContentsAreCoarsenedToo() throws InvalidProtocolBufferException {
    byte[] message =
        ModelInferResponse.newBuilder()
            .addOutputs(
                InferOutputTensor.newBuilder()
                    .setName("p")
                    .setDatatype("FP64")
                    .addShape(2)
                    .setContents(
                        InferTensorContents.newBuilder()
                            .addFp64Contents(0.123)
                            .addFp64Contents(0.877)))
            .build()
            .toByteArray();
    assertEquals(
        List.of(0.1, 0.9),
        ModelInferResponse.parseFrom(
                new Coarsening(Extraction.newBuilder().setRound(1).build())
                    .of(message, view(message)))
            .getOutputs(0)
            .getContents()
            .getFp64ContentsList());
  }

  private static List<Float> boxed(float[] values) {
    Float[] boxed = new Float[values.length];
    for (int i = 0; i < values.length; i++) {
      boxed[i] = values[i] + 0f;
    }
    return List.of(boxed);
  }

  @Test
  void everyProblemOfTheAnswersIsToldWithItsPath() {
    Map<String, Object> answers =
        Map.of(
            "outputs",
            List.of(Map.of("output", "p"), Map.of("output", "q", "sumToOne", 2)),
            "confidence",
            Map.of("below", 1.5, "action", "panic"),
            "disagree",
            Map.of(),
            "benchmark",
            Map.of("wait", "2s", "timeout", "1s"),
            "extraction",
            Map.of("principals", List.of("a"), "except", List.of("b")));
    assertEquals(
        List.of(
            "answers.outputs[0].output: expected with it: min, max or sumToOne",
            "answers.outputs[1].sumToOne: 2.0 (expected: a tolerance above 0, at most 1)",
            "answers.confidence.below: 1.5 (expected: above 0, at most 1)",
            "answers.confidence.action: 'panic' (expected one of [review, fallback, benchmark,"
                + " refuse])",
            "answers.disagree.above: missing",
            "answers.benchmark.wait: 2000 ms (expected: <= timeout, 1000 ms)",
            "answers.extraction.round: expected: round, topK or both",
            "answers.extraction.except: expected either principals or except"),
        assertThrows(ContractException.class, () -> contract("probabilities", answers)).problems());
  }
}
