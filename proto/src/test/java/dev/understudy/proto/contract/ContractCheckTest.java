package dev.understudy.proto.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.contract.ContractFindings.Count;
import dev.understudy.proto.contract.ContractFindings.Violation;
import dev.understudy.proto.inference.InferParameter;
import dev.understudy.proto.inference.InferTensorContents;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferRequest.InferInputTensor;
import dev.understudy.proto.tensor.BytesTensor;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.TensorSpec;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Feature;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ContractCheckTest {
  private static final long NOW = 1_700_000_000_000L;

  private static ContractCheck check(Map<String, Object> rest, List<Map<String, Object>> columns) {
    Map<String, Object> tree = new HashMap<>(rest);
    tree.put("contract", "t/1");
    tree.put("features", Map.of("input", "x", "columns", columns));
    ContractCheck check = ContractCheck.of(ContractFile.parse("t", tree));
    assertNotNull(check);
    return check;
  }

  private static ContractCheck columns(Map<String, Object> a) {
    return check(Map.of(), List.of(a));
  }

  private static ContractCheck columns(Map<String, Object> a, Map<String, Object> b) {
    return check(Map.of(), List.of(a, b));
  }

  private static ContractCheck columns(
      Map<String, Object> a, Map<String, Object> b, Map<String, Object> c) {
    return check(Map.of(), List.of(a, b, c));
  }

  private static ModelInferRequest.Builder floats(int columns, float... values) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      raw.putFloat(value);
    }
    return ModelInferRequest.newBuilder()
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addShape(values.length / columns)
                .addShape(columns))
        .addRawInputContents(ByteString.copyFrom(raw.flip()));
  }

  private static @Nullable ContractFindings look(
      ContractCheck check, ModelInferRequest.Builder request) {
    byte[] message = request.build().toByteArray();
    return check.check(message, InferRequestView.parse(ByteBuffer.wrap(message)), NOW);
  }

  private static ContractFindings found(ContractCheck check, ModelInferRequest.Builder request) {
    ContractFindings found = look(check, request);
    assertNotNull(found);
    return found;
  }

  private static ModelInferRequest forwarded(ContractFindings found)
      throws InvalidProtocolBufferException {
    byte[] changed = found.changed();
    assertNotNull(changed);
    return ModelInferRequest.parseFrom(changed);
  }

  @Test
  void aContractWithoutRulesIsNoCheck() {
    assertNull(
        ContractCheck.of(
            ContractFile.parse(
                "t",
                Map.of(
                    "contract",
                    "t/1",
                    "features",
                    Map.of("input", "x", "columns", List.of(Map.of("name", "a")))))));
  }

  @Test
  void allViolationsAreToldAtOnceWithRowColumnValueAndExpectation() {
    ContractCheck check =
        columns(
            Map.of("name", "amount", "min", 0, "max", 50000),
            Map.of("name", "mcc", "allowed", List.of(1, 2, 3)),
            Map.of("name", "age", "min", 18));
    assertNull(look(check, floats(3, 0, 1, 18, 50000, 3, 1e9f)));
    ContractFindings found =
        found(check, floats(3, 1, 1, 20, -0.5f, 7, 17, Float.NaN, 2.5f, Float.NaN, 60000, 2, 18));
    assertEquals(
        List.of(
            new Violation("inputs[x].data[row=1, amount]", "-0.5 (expected: 0 to 50000)"),
            new Violation("inputs[x].data[row=1, mcc]", "7 (expected: one of [1, 2, 3])"),
            new Violation("inputs[x].data[row=1, age]", "17 (expected: at least 18)"),
            new Violation("inputs[x].data[row=2, amount]", "NaN (expected: 0 to 50000)"),
            new Violation("inputs[x].data[row=2, mcc]", "2.5 (expected: one of [1, 2, 3])"),
            new Violation("inputs[x].data[row=2, age]", "NaN (expected: at least 18)"),
            new Violation("inputs[x].data[row=3, amount]", "60000 (expected: 0 to 50000)")),
        found.violations());
    assertEquals(7, found.refused());
    assertEquals(
        List.of(
            new Count("amount.range", "refuse", 3),
            new Count("mcc.allowed", "refuse", 2),
            new Count("age.range", "refuse", 2)),
        found.counts());
    assertNull(found.changed());
  }

  @Test
  void theFirst64ViolationsAreToldAndTheOthersCounted() {
    ContractCheck check = columns(Map.of("name", "a", "max", 0));
    float[] many = new float[200];
    java.util.Arrays.fill(many, 1);
    ContractFindings found = found(check, floats(1, many));
    assertEquals(64, found.violations().size());
    assertEquals(200, found.refused());
    assertTrue(!found.cut());
    float[] flood = new float[100_000];
    java.util.Arrays.fill(flood, 1);
    found = found(check, floats(1, flood));
    assertEquals(ContractFindings.MOST_COUNTED, found.refused());
    assertTrue(found.cut());
  }

  @Test
  void flagsNeverHideARefusalHoweverMany() {
    ContractCheck check =
        columns(Map.of("name", "a", "max", 0, "action", "flag"), Map.of("name", "b", "max", 0));
    float[] many = new float[200_000];
    for (int i = 0; i < many.length; i += 2) {
      many[i] = 1;
    }
    many[many.length - 1] = 1;
    assertEquals(1, found(check, floats(2, many)).refused());
  }

  @Test
  void aBoundIsTheTensorsOwnNumberNearestToIt() {
    ContractCheck check = columns(Map.of("name", "a", "min", 0.1, "max", 0.3));
    assertNull(look(check, floats(1, 0.1f, 0.3f)));
    assertNotNull(look(check, floats(1, Math.nextDown(0.1f))));
    assertNotNull(look(check, floats(1, Math.nextUp(0.3f))));
    assertNull(look(columns(Map.of("name", "a", "min", 0, "max", 0)), floats(1, -0f, 0f)));
  }

  @Test
  void infinityIsOutsideOfABoundAndInsideWithoutOne() {
    assertNull(look(columns(Map.of("name", "a", "min", 0)), floats(1, Float.POSITIVE_INFINITY)));
    assertNotNull(look(columns(Map.of("name", "a", "max", 1)), floats(1, Float.POSITIVE_INFINITY)));
    assertNull(
        look(columns(Map.of("name", "a", "nan", "refuse")), floats(1, Float.NEGATIVE_INFINITY)));
  }

  @Test
  void clampedValuesAreForwardedInACopyAndSaidSo() throws InvalidProtocolBufferException {
    ContractCheck check =
        columns(
            Map.of("name", "a", "min", 0, "max", 10, "action", "clamp"),
            Map.of("name", "b", "max", 5));
    ModelInferRequest.Builder request = floats(2, -3, 1, 4, 5, 99, -7).setId("id-1");
    ContractFindings found = found(check, request);
    assertEquals(0, found.refused());
    assertEquals(Set.of("contract.clamped"), found.flags());
    assertEquals(List.of(new Count("a.range", "clamp", 2)), found.counts());
    assertEquals(floats(2, 0, 1, 4, 5, 10, -7).setId("id-1").build(), forwarded(found));
  }

  @Test
  void nanCannotBeClampedAndIsRefused() {
    ContractCheck check = columns(Map.of("name", "a", "min", 0, "max", 10, "action", "clamp"));
    assertEquals(
        List.of(new Violation("inputs[x].data[row=0, a]", "NaN (expected: 0 to 10)")),
        found(check, floats(1, Float.NaN)).violations());
  }

  @Test
  void aMissingValuePassesTheRangeAndGetsItsDefault() throws InvalidProtocolBufferException {
    assertNull(look(columns(Map.of("name", "a", "min", 0, "missing", -1)), floats(1, -1, 0)));
    assertNull(
        look(columns(Map.of("name", "a", "min", 0, "missing", "nan")), floats(1, Float.NaN)));
    ContractFindings found =
        found(
            columns(Map.of("name", "a", "min", 0, "missing", Map.of("value", -1, "default", 40))),
            floats(1, -1, 3));
    assertEquals(Set.of("contract.filled"), found.flags());
    assertEquals(List.of(new Count("a.missing", "fill", 1)), found.counts());
    assertEquals(floats(1, 40, 3).build(), forwarded(found));
    assertEquals(
        List.of(
            new Violation(
                "inputs[x].data[row=1, a]",
                "-1 (expected: a known value; this one stands for none)")),
        found(
                columns(Map.of("name", "a", "missing", Map.of("value", -1, "action", "refuse"))),
                floats(1, 5, -1))
            .violations());
    // A sentinel inside of the range is found too.
    assertEquals(
        Set.of("contract.a"),
        found(
                columns(
                    Map.of(
                        "name",
                        "a",
                        "min",
                        -5,
                        "max",
                        5,
                        "missing",
                        Map.of("value", 0, "action", "flag"))),
                floats(1, 1, -0f))
            .flags());
  }

  @Test
  void nanHasAPolicyOfItsOwn() {
    float[] nan = {Float.NaN, 1};
    assertNull(look(columns(Map.of("name", "a", "min", 0, "nan", "allow")), floats(1, nan)));
    assertEquals(
        Set.of("contract.a"),
        found(columns(Map.of("name", "a", "min", 0, "nan", "flag")), floats(1, nan)).flags());
    assertEquals(
        List.of(new Violation("inputs[x].data[row=0, a]", "NaN (expected: a number)")),
        found(columns(Map.of("name", "a", "nan", "refuse")), floats(1, nan)).violations());
  }

  @Test
  void aTrialIsCountedAndFlaggedAndNeverMore() {
    ContractFindings found =
        found(
            columns(
                Map.of("name", "a", "max", 0, "trial", true),
                Map.of("name", "b", "max", 0, "action", "clamp", "trial", true)),
            floats(2, 1, 1, Float.NaN, 0));
    assertEquals(0, found.refused());
    assertNull(found.changed());
    assertEquals(Set.of("contract.trial.a", "contract.trial.b"), found.flags());
    assertEquals(
        List.of(new Count("a.range", "trial", 2), new Count("b.range", "trial", 1)),
        found.counts());
  }

  @Test
  void typedContentsAreCheckedAndClampedToo() throws InvalidProtocolBufferException {
    ContractCheck check = columns(Map.of("name", "a", "min", 100, "max", 300, "action", "clamp"));
    ModelInferRequest.Builder request =
        ModelInferRequest.newBuilder()
            .setModelName("m")
            .addInputs(
                InferInputTensor.newBuilder()
                    .setName("x")
                    .setDatatype("INT16")
                    .addShape(3)
                    .addShape(1)
                    .setContents(
                        InferTensorContents.newBuilder()
                            .addIntContents(-5)
                            .addIntContents(200)
                            .addIntContents(301)));
    ModelInferRequest forwarded = forwarded(found(check, request));
    assertEquals(List.of(100, 200, 300), forwarded.getInputs(0).getContents().getIntContentsList());
    assertEquals("m", forwarded.getModelName());
    assertNull(
        look(
            check,
            ModelInferRequest.newBuilder()
                .addInputs(
                    InferInputTensor.newBuilder()
                        .setName("x")
                        .setDatatype("FP64")
                        .addShape(1)
                        .addShape(1)
                        .setContents(InferTensorContents.newBuilder().addFp64Contents(100)))));
  }

  private static ModelInferRequest.Builder texts(String... values) {
    List<byte[]> elements = new ArrayList<>();
    for (String value : values) {
      elements.add(value.getBytes(StandardCharsets.UTF_8));
    }
    return ModelInferRequest.newBuilder()
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("BYTES")
                .addShape(values.length)
                .addShape(1))
        .addRawInputContents(ByteString.copyFrom(BytesTensor.encode(elements)));
  }

  @Test
  void textsAreHeldAgainstTheListThatIsAllowed() {
    ContractCheck check = columns(Map.of("name", "country", "allowed", List.of("DE", "FR", "Ö")));
    assertNull(look(check, texts("DE", "Ö", "FR")));
    assertEquals(
        List.of(
            new Violation("inputs[x].data[row=1, country]", "'' (expected: one of [DE, FR, Ö])"),
            new Violation(
                "inputs[x].data[row=2, country]", "'DEU' (expected: one of [DE, FR, Ö])")),
        found(check, texts("FR", "", "DEU")).violations());
    assertEquals(
        List.of(new Violation("inputs[x]", "FP32 (expected: BYTES)")),
        found(check, floats(1, 1)).violations());
  }

  @Test
  void severalInputsHaveRulesOfTheirOwn() {
    ContractCheck check =
        ContractCheck.of(
            ContractFile.parse(
                "t",
                Map.of(
                    "contract",
                    "t/1",
                    "features",
                    List.of(
                        Map.of("input", "y", "columns", List.of(Map.of("name", "b", "max", 1))),
                        Map.of(
                            "input",
                            "x",
                            "columns",
                            List.of(
                                Map.of("name", "a", "max", 1), Map.of("name", "c", "min", 1)))))));
    assertNotNull(check);
    assertEquals(
        List.of(new Violation("inputs[x].data[row=0, c]", "0 (expected: at least 1)")),
        found(check, floats(2, 0, 0)).violations());
    assertEquals(
        List.of(new Violation("inputs[x]", "last dimension 3 (expected: 2 columns)")),
        found(check, floats(3, 0, 0, 0)).violations());
  }

  @Test
  void rowsAreLimited() {
    ContractCheck check =
        check(Map.of("rows", Map.of("min", 2, "max", 3)), List.of(Map.of("name", "a")));
    assertNull(look(check, floats(1, 1, 2, 3)));
    assertEquals(
        List.of(new Violation("inputs[x].shape", "4 rows (expected: 2 to 3)")),
        found(check, floats(1, 1, 2, 3, 4)).violations());
    ContractCheck trial =
        check(Map.of("rows", Map.of("max", 1, "trial", true)), List.of(Map.of("name", "a")));
    assertEquals(Set.of("contract.trial.rows"), found(trial, floats(1, 1, 2)).flags());
  }

  @Test
  void eventTimesAreFreshByParameter() {
    ContractCheck check =
        check(
            Map.of("eventTime", Map.of("parameter", "ts", "maxAge", "5m", "maxAhead", "10s")),
            List.of(Map.of("name", "a")));
    for (long ok : new long[] {NOW, NOW - 300_000, NOW + 10_000}) {
      assertNull(look(check, at(InferParameter.newBuilder().setInt64Param(ok))));
      assertNull(look(check, at(InferParameter.newBuilder().setDoubleParam((double) ok))));
      assertNull(look(check, at(InferParameter.newBuilder().setStringParam("" + ok))));
    }
    assertEquals(
        List.of(new Violation("parameters[ts]", "300001 ms old (expected: at most 300000 ms)")),
        found(check, at(InferParameter.newBuilder().setUint64Param(NOW - 300_001))).violations());
    assertEquals(
        List.of(
            new Violation(
                "parameters[ts]",
                "10001 ms ahead of the router's clock (expected: at most 10000 ms)")),
        found(check, at(InferParameter.newBuilder().setInt64Param(NOW + 10_001))).violations());
    assertEquals(
        List.of(
            new Violation(
                "parameters[ts]", "not a number (expected: an event time in milliseconds)")),
        found(check, at(InferParameter.newBuilder().setStringParam("today"))).violations());
    assertEquals(
        List.of(
            new Violation("parameters[ts]", "missing (expected: an event time in milliseconds)")),
        found(check, floats(1, 1)).violations());
  }

  private static ModelInferRequest.Builder at(InferParameter.Builder value) {
    return floats(1, 1).putParameters("ts", value.build());
  }

  @Test
  void eventTimesAreFreshByColumnRowByRow() {
    ContractCheck check =
        check(
            Map.of(
                "eventTime",
                Map.of("column", "ts", "unit", "s", "maxAge", "60s", "action", "flag")),
            List.of(Map.of("name", "a"), Map.of("name", "ts")));
    float now = NOW / 1000;
    assertNull(look(check, floats(2, 0, now, 0, now + 1e9f)));
    assertEquals(
        Set.of("contract.event_time"), found(check, floats(2, 0, now, 0, now - 256)).flags());
    assertNotNull(look(check, floats(2, 0, Float.NaN)));
  }

  @Test
  void aContractThatNoRequestCanKeepIsToldBeforeItIsUsed() {
    ContractCheck two = columns(Map.of("name", "a", "max", 1), Map.of("name", "b"));
    ContractCheck text = columns(Map.of("name", "a", "allowed", List.of("x")));
    Signature fits = signature("x", Datatype.FP32, -1, 2);
    assertNull(two.misfit(fits));
    assertNull(two.misfit(signature("x", Datatype.FP32, -1, -1)));
    assertEquals(
        "has 2 columns in input 'x' (expected: 3)",
        two.misfit(signature("x", Datatype.FP32, -1, 3)));
    assertEquals(
        "has rules for input 'x', which the model does not have",
        two.misfit(signature("y", Datatype.FP32, -1, 2)));
    assertEquals(
        "has rules for numbers in input 'x' of datatype BYTES",
        two.misfit(signature("x", Datatype.BYTES, -1, 2)));
    assertEquals("has rules for texts in input 'x' of datatype FP32", text.misfit(fits));
  }

  private static Signature signature(String name, Datatype type, long... dims) {
    return new Signature("m", 0, List.of(new TensorSpec(name, type, dims, false)), List.of());
  }

  @Test
  void allowedValuesMayComeOverTheWireInAnyOrder() {
    ContractCheck check =
        ContractCheck.of(
            DataContract.newBuilder()
                .setFeatureInput("x")
                .addFeatures(Feature.newBuilder().setName("a").addAllowed(3).addAllowed(1))
                .build());
    assertNotNull(check);
    assertNull(look(check, floats(1, 1, 3)));
    assertEquals(1, found(check, floats(1, 1, 2, 3)).refused());
  }

  @Test
  void bytesOfAnotherMessageAreRefused() {
    ContractCheck check = columns(Map.of("name", "a", "max", 1));
    InferRequestView view =
        InferRequestView.parse(ByteBuffer.wrap(floats(1, 1).build().toByteArray()));
    assertThrows(IllegalArgumentException.class, () -> check.check(new byte[3], view, NOW));
  }

  @Test
  void whatIsNotSaidChangesNoDigestAndWhatIsSaidDoes() {
    Map<String, Object> old =
        Map.of(
            "contract",
            "t/1",
            "features",
            Map.of("input", "x", "columns", List.of(Map.of("name", "a", "min", 0, "max", 1))));
    // Written down from the version before rules were enforced.
    assertEquals(
        "4f19a8122d9da3bcdc946cf38e209f0d30b1d11cb8ea042c1079b48cc7b99ee5",
        ContractFile.parse("t", old).getDigest());
    Map<String, Object> defaults =
        Map.of(
            "contract",
            "t/1",
            "features",
            Map.of(
                "input",
                "x",
                "columns",
                List.of(Map.of("name", "a", "min", 0, "max", 1, "action", "refuse"))));
    assertEquals(
        ContractFile.parse("t", old).getDigest(), ContractFile.parse("t", defaults).getDigest());
    Map<String, Object> clamped =
        Map.of(
            "contract",
            "t/1",
            "features",
            Map.of(
                "input",
                "x",
                "columns",
                List.of(Map.of("name", "a", "min", 0, "max", 1, "action", "clamp"))));
    assertNotEquals(
        ContractFile.parse("t", old).getDigest(), ContractFile.parse("t", clamped).getDigest());
  }

  @Test
  void flagsAndTrialsAreCountedUpToABound() {
    float[] flood = new float[200_000];
    java.util.Arrays.fill(flood, 1);
    for (Map<String, Object> how :
        List.of(Map.<String, Object>of("action", "flag"), Map.<String, Object>of("trial", true))) {
      Map<String, Object> column = new java.util.HashMap<>(how);
      column.put("name", "a");
      column.put("max", 0);
      ContractFindings found = found(columns(column), floats(1, flood));
      assertEquals(0, found.refused());
      assertTrue(!found.cut());
      assertEquals(ContractFindings.MOST_COUNTED, found.counts().get(0).times());
    }
  }
}
