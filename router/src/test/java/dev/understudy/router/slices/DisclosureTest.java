package dev.understudy.router.slices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferRequest.InferInputTensor;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelInferResponse.InferOutputTensor;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PrivacyPolicy;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.SliceRule;
import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Amount and country may leave; age may not. */
class DisclosureTest {
  private static final int AMOUNT = 0;
  private static final int AGE = 1;
  private static final int COUNTRY = 2;
  private static final float SECRET = 47.25f;

  private static DataContract.Builder contract(Integer... clear) {
    return DataContract.newBuilder()
        .setFeatureInput("features")
        .addFeatures(Feature.newBuilder().setName("amount"))
        .addFeatures(Feature.newBuilder().setName("age"))
        .addFeatures(Feature.newBuilder().setName("country"))
        .addSlices(
            SliceRule.newBuilder().setName("size").setColumn(AMOUNT).addEdges(10).addEdges(100))
        .addSlices(SliceRule.newBuilder().setName("age").setColumn(AGE).addEdges(30))
        .addSlices(SliceRule.newBuilder().setName("country").setColumn(COUNTRY).setCategory(true))
        .setPrivacy(PrivacyPolicy.newBuilder().addAllClearColumns(List.of(clear)));
  }

  private static ByteString floats(float... values) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      raw.putFloat(value);
    }
    return ByteString.copyFrom(raw.flip());
  }

  private static InferRequestView request(
      String input, String datatype, ByteString raw, long... shape) {
    InferInputTensor.Builder tensor =
        InferInputTensor.newBuilder().setName(input).setDatatype(datatype);
    for (long dimension : shape) {
      tensor.addShape(dimension);
    }
    return InferRequestView.parse(
        ModelInferRequest.newBuilder()
            .addInputs(tensor)
            .addRawInputContents(raw)
            .build()
            .toByteString()
            .asReadOnlyByteBuffer());
  }

  private static InferRequestView request() {
    return request("features", "FP32", floats(5, SECRET, 2, 250, SECRET, Float.NaN), 2, 3);
  }

  private static float[] read(@Nullable TensorValue value) {
    assertNotNull(value);
    ByteBuffer raw = value.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[raw.remaining() / 4];
    raw.asFloatBuffer().get(values);
    return values;
  }

  private static List<String> labels(DataContract contract) {
    return new Disclosure(contract, "salt")
        .slices(request(), "anna", 2).stream()
            .map(row ->
                String.join(
                    " ",
                    row.getLabelsList().stream()
                        .map((SliceLabel label) -> label.getSlice() + "=" + label.getValue())
                        .toList()))
            .toList();
  }

  @Test
  void withoutAPolicyNothingOfTheInputLeaves() {
    DataContract contract = contract().clearPrivacy().build();
    assertNull(new Disclosure(contract, "salt").features(request()));
    assertEquals(List.of(), labels(contract));
    assertNull(new Disclosure(DataContract.getDefaultInstance(), "salt").features(request()));
  }

  @Test
  void withoutAClearColumnNoTensorLeavesNotEvenItsShape() {
    assertNull(new Disclosure(contract().build(), "salt").features(request()));
    assertEquals(List.of("", ""), labels(contract().build()));
  }

  @Test
  void clearColumnsStayAndAllOthersBecomeNaN() {
    float[] left =
        read(new Disclosure(contract(AMOUNT, COUNTRY).build(), "salt").features(request()));
    assertEquals(List.of(5f, 250f, 2f), List.of(left[0], left[3], left[2]));
    assertTrue(Float.isNaN(left[AGE]) && Float.isNaN(left[3 + AGE]));
    assertTrue(Float.isNaN(left[3 + COUNTRY]), "it was missing before");
  }

  @Test
  void whatIsBlankedHoldsNoBitOfTheValue() {
    TensorValue one = new Disclosure(contract(AMOUNT).build(), "salt").features(request());
    TensorValue other =
        new Disclosure(contract(AMOUNT).build(), "salt")
            .features(request("features", "FP32", floats(5, -1, 7, 250, 3, 9), 2, 3));
    assertEquals(one, other);
  }

  @Test
  void blankedIntegersAreZero() {
    ByteString raw = ByteString.copyFrom(new byte[] {7, 8, 9});
    TensorValue left =
        new Disclosure(contract(COUNTRY).build(), "salt")
            .features(request("features", "UINT8", raw, 1, 3));
    assertNotNull(left);
    assertEquals(ByteString.copyFrom(new byte[] {0, 0, 9}), left.getData());
    assertEquals(List.of(1L, 3L), left.getShapeList());
  }

  @Test
  void theRequestItselfIsLeftAsItWas() {
    InferRequestView request = request();
    ByteBuffer before = ByteBuffer.allocate(request.messageSize()).put(request.message());
    new Disclosure(contract(AMOUNT).build(), "salt").features(request);
    assertEquals(
        before.flip(), ByteBuffer.allocate(request.messageSize()).put(request.message()).flip());
  }

  @Test
  void sliceIsLabelledOnlyWhenItsColumnIsClear() {
    assertEquals(
        List.of("size=<10 country=2", "size=>=100 country=missing"),
        labels(contract(AMOUNT, COUNTRY).build()));
    assertEquals(List.of("age=>=30", "age=>=30"), labels(contract(AGE).build()));
  }

  @Test
  void valueOnAnEdgeBelongsAboveIt() {
    Disclosure disclosure = new Disclosure(contract(AMOUNT).build(), "salt");
    InferRequestView rows =
        request("features", "FP32", floats(10, 0, 0, 99.5f, 0, 0, 100, 0, 0), 3, 3);
    assertEquals(
        List.of("10..100", "10..100", ">=100"),
        disclosure.slices(rows, "anna", 3).stream()
            .map(row -> row.getLabels(0).getValue())
            .toList());
  }

  private static List<String> values(Collection<SliceLabel> labels) {
    return labels.stream().map(label -> label.getSlice() + "=" + label.getValue()).toList();
  }

  @Test
  void aCallCountsOnceUnderEachDifferentValue() {
    Disclosure disclosure = new Disclosure(contract(AMOUNT, COUNTRY).build(), "salt");
    InferRequestView rows = request("features", "FP32", floats(5, 1, 2, 7, 1, 2, 500, 1, 2), 3, 3);
    assertEquals(
        List.of("size=<10", "country=2", "size=>=100"),
        values(disclosure.distinct(rows, "anna", 3)));
    assertEquals(List.of(), new Disclosure(contract().build(), "salt").distinct(rows, "anna", 3));
  }

  @Test
  void callersAndRowsAreKnownWithoutAnyFeature() {
    DataContract.Builder contract =
        DataContract.newBuilder()
            .addSlices(SliceRule.newBuilder().setName("who").setPrincipal(true))
            .addSlices(
                SliceRule.newBuilder()
                    .setName("rows")
                    .setBatchSize(true)
                    .addAllEdges(List.of(2.0, 9.0)));
    Disclosure hidden = new Disclosure(contract.build(), "salt");
    List<SliceLabels> rows = hidden.slices(request(), "anna", 2);
    assertEquals(2, rows.size());
    assertEquals(rows.get(0), rows.get(1));
    List<String> labels = values(hidden.distinct(request(), "anna", 2));
    assertEquals("rows=2..9", labels.get(1));
    assertTrue(labels.get(0).matches("who=[0-9a-f]{12}"), labels.get(0));
    assertEquals(values(rows.getFirst().getLabelsList()), labels);
    // The same caller in every router, another in every rollout.
    assertEquals(
        labels, values(new Disclosure(contract.build(), "salt").distinct(request(), "anna", 2)));
    assertNotEquals(labels, values(hidden.distinct(request(), "bert", 2)));
    assertNotEquals(
        labels, values(new Disclosure(contract.build(), "other").distinct(request(), "anna", 2)));
    contract.setPrivacy(PrivacyPolicy.newBuilder().setClearPrincipal(true));
    assertEquals(
        List.of("who=anna", "rows=<2"),
        values(new Disclosure(contract.build(), "salt").distinct(request(), "anna", 1)));
  }

  @Test
  void theOutputsThatTheContractListsAreCompared() {
    ModelInferResponse.Builder answer = ModelInferResponse.newBuilder();
    for (String name : List.of("a", "b", "c")) {
      answer
          .addOutputs(InferOutputTensor.newBuilder().setName(name).setDatatype("FP32").addShape(1))
          .addRawOutputContents(floats(1));
    }
    InferResponseView view =
        InferResponseView.parse(answer.build().toByteString().asReadOnlyByteBuffer());
    DataContract listed =
        contract()
            .setDecision(Decision.newBuilder().setOutput("b"))
            .addOutputs(ComparedOutput.newBuilder().setOutput("c"))
            .addOutputs(ComparedOutput.newBuilder().setOutput("a"))
            .build();
    assertEquals(
        List.of("a", "c"),
        new Disclosure(listed, "salt").outputs(view).stream().map(TensorValue::getName).toList());
  }

  @Test
  void tensorThatIsNotLaidOutAsDeclaredIsWithheldWhole() {
    Disclosure disclosure = new Disclosure(contract(AMOUNT, COUNTRY).build(), "salt");
    ByteString six = floats(5, SECRET, 2, 250, SECRET, 3);
    for (InferRequestView request :
        List.of(
            // Columns that are shifted by one would show the age as a country.
            request("features", "FP32", six, 3, 2),
            request("features", "FP32", six, 6),
            request("features", "FP32", floats(5, SECRET), 1, 3),
            request("features", "BYTES", six, 2, 3),
            request("others", "FP32", six, 2, 3))) {
      assertNull(disclosure.features(request));
      assertEquals(List.of(), disclosure.slices(request, "anna", 2));
    }
  }

  @Test
  void onlyTheDecisionOutputIsComparedWhenThereIsOne() {
    InferResponseView answer =
        InferResponseView.parse(
            ModelInferResponse.newBuilder()
                .addOutputs(
                    InferOutputTensor.newBuilder()
                        .setName("probabilities")
                        .setDatatype("FP32")
                        .addShape(2)
                        .addShape(2))
                .addRawOutputContents(floats(0.75f, 0.25f, 0.5f, 0.5f))
                .addOutputs(
                    InferOutputTensor.newBuilder().setName("why").setDatatype("FP32").addShape(1))
                .addRawOutputContents(floats(SECRET))
                .build()
                .toByteString()
                .asReadOnlyByteBuffer());
    DataContract decided =
        contract()
            .setDecision(
                Decision.newBuilder()
                    .setOutput("probabilities")
                    .setKind(OutputKind.PROBABILITIES)
                    .setColumn(1))
            .build();
    Disclosure disclosure = new Disclosure(decided, "salt");
    assertEquals(
        List.of("probabilities"),
        disclosure.outputs(answer).stream().map(TensorValue::getName).toList());
    assertEquals(List.of(0.25, 0.5), disclosure.scores(answer));
    Disclosure undeclared = new Disclosure(contract().build(), "salt");
    assertEquals(2, undeclared.outputs(answer).size());
    assertEquals(List.of(), undeclared.scores(answer));
  }
}
