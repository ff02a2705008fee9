package dev.understudy.proto.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.ByteString;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.Datatype;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.v1.ContractAction;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EventTime;
import dev.understudy.proto.v1.Feature;
import dev.understudy.proto.v1.InputContract;
import dev.understudy.proto.v1.RowLimits;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ContractFuzzTest {
  private static final ContractAction[] RANGE_ACTIONS = {
    ContractAction.ACTION_UNSPECIFIED, ContractAction.ACTION_CLAMP, ContractAction.ACTION_FLAG
  };
  private static final ContractAction[] VALUE_ACTIONS = {
    ContractAction.ACTION_UNSPECIFIED,
    ContractAction.ACTION_REFUSE,
    ContractAction.ACTION_FLAG,
    ContractAction.ACTION_ALLOW
  };
  private static final double[] NUMBERS = {
    0,
    1,
    2,
    3,
    -1,
    0.1,
    0.5,
    -0.5,
    7,
    127,
    128,
    255,
    256,
    -128,
    -129,
    32767,
    65504,
    65535,
    65536,
    1e9,
    2147483647,
    2147483648.0,
    4294967295.0,
    4294967296.0,
    1e18,
    0x1p63,
    0x1p64,
    -0x1p63,
    1e300,
    -1e300,
    Float.MIN_VALUE,
    Double.MIN_VALUE
  };

  /** Where the choices come from: fuzzed bytes, or a seed. */
  private interface Choices {
    int below(int bound);

    boolean coin();

    byte[] bytes(int length);
  }

  private static Choices of(FuzzedDataProvider data) {
    return new Choices() {
      @Override
      public int below(int bound) {
        return data.consumeInt(0, bound - 1);
      }

      @Override
      public boolean coin() {
        return data.consumeBoolean();
      }

      @Override
      public byte[] bytes(int length) {
        return Arrays.copyOf(data.consumeBytes(length), length);
      }
    };
  }

  private static Choices of(Random random) {
    return new Choices() {
      @Override
      public int below(int bound) {
        return random.nextInt(bound);
      }

      @Override
      public boolean coin() {
        return random.nextBoolean();
      }

      @Override
      public byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
      }
    };
  }

  private static Feature feature(Choices choose, String name) {
    Feature.Builder feature = Feature.newBuilder().setName(name).setTrial(choose.below(8) == 0);
    double a = NUMBERS[choose.below(NUMBERS.length)];
    double b = NUMBERS[choose.below(NUMBERS.length)];
    if (choose.coin()) {
      feature.setMin(Math.min(a, b));
    }
    if (choose.coin()) {
      feature.setMax(Math.max(a, b));
    }
    feature.setAction(RANGE_ACTIONS[choose.below(RANGE_ACTIONS.length)]);
    if (choose.below(3) == 0) {
      feature.setAction(ContractAction.ACTION_UNSPECIFIED);
      List<Double> allowed = new ArrayList<>();
      for (int i = choose.below(6); i >= 0; i--) {
        allowed.add(NUMBERS[choose.below(NUMBERS.length)]);
      }
      feature.addAllAllowed(allowed.stream().distinct().sorted().toList());
    }
    feature.setNan(VALUE_ACTIONS[choose.below(VALUE_ACTIONS.length)]);
    if (choose.coin()) {
      boolean nan = choose.coin();
      feature
          .getMissingBuilder()
          .setValue(nan ? Double.NaN : NUMBERS[choose.below(NUMBERS.length)])
          .setAction(VALUE_ACTIONS[choose.below(VALUE_ACTIONS.length)]);
      if (choose.coin()) {
        feature.getMissingBuilder().setFill(NUMBERS[choose.below(NUMBERS.length)]);
      }
    }
    return feature.build();
  }

  /** Elements drawn from the same numbers as the bounds, and arbitrary bytes between them. */
  private static byte[] tensor(Choices choose, Datatype type, int elements) {
    byte[] data = choose.bytes(elements * type.byteSize());
    Keys keys = new Keys(type);
    for (int i = 0; i < elements; i++) {
      int pick = choose.below(4);
      long key =
          pick == 0
              ? keys.exact(NUMBERS[choose.below(NUMBERS.length)])
              : pick == 1 ? keys.exact(Double.NaN) : Keys.NONE;
      if (key != Keys.NONE && (pick == 0 || keys.isFloat)) {
        keys.put(data, i * type.byteSize(), key);
      }
    }
    return data;
  }

  private static void compare(Choices choose) {
    Datatype[] types = Datatype.values();
    Datatype type = types[choose.below(types.length)];
    if (type == Datatype.BYTES) {
      return;
    }
    int columns = 1 + choose.below(choose.coin() ? 5 : 300);
    int rows = choose.below(choose.coin() ? 4 : 200);
    DataContract.Builder contract = DataContract.newBuilder().setFeatureInput("x");
    for (int i = 0; i < columns; i++) {
      contract.addFeatures(feature(choose, "c" + i));
    }
    byte[] data = tensor(choose, type, rows * columns);
    ModelInferRequest request =
        ModelInferRequest.newBuilder()
            .setId("a".repeat(choose.below(9)))
            .addInputs(
                ModelInferRequest.InferInputTensor.newBuilder()
                    .setName("x")
                    .setDatatype(type.wireName())
                    .addShape(rows)
                    .addShape(columns))
            .addRawInputContents(ByteString.copyFrom(data))
            .build();
    byte[] message = request.toByteArray();
    byte[] before = message.clone();
    InferRequestView view = InferRequestView.parse(ByteBuffer.wrap(message));
    SlowContract slow = new SlowContract(contract.getFeaturesList(), type, data);
    ContractCheck check = ContractCheck.of(contract.build());
    ContractFindings found = check == null ? null : check.check(message, view, 0);
    assertArrayEquals(before, message, "the request's own bytes are never written to");
    if (found == null) {
      assertEquals(Map.of(), slow.counts, type::wireName);
      return;
    }
    Map<String, Long> counts = new TreeMap<>();
    found.counts().forEach(c -> counts.put(c.rule() + " " + c.action(), c.times()));
    for (Feature feature : contract.getFeaturesList()) {
      for (String rule : List.of("range", "allowed", "nan", "missing")) {
        for (String action : List.of("refuse", "clamp", "fill", "flag", "trial")) {
          String key = feature.getName() + "." + rule + " " + action;
          assertEquals(
              slow.counts.get(key), counts.get(key), () -> type + " " + key + " " + feature);
        }
      }
    }
    assertEquals(slow.refused(), found.refused());
    assertEquals(Math.min(64, slow.refused()), found.violations().size());
    byte[] changed = found.changed();
    if (changed == null) {
      assertArrayEquals(data, slow.forwarded);
    } else {
      assertEquals(message.length, changed.length);
      assertArrayEquals(
          slow.forwarded,
          bytes(InferRequestView.parse(ByteBuffer.wrap(changed)).raw(0)),
          () -> type + " " + contract);
    }
  }

  private static byte[] bytes(ByteBuffer raw) {
    byte[] bytes = new byte[raw.remaining()];
    raw.get(bytes);
    return bytes;
  }

  @FuzzTest(maxDuration = "60s")
  void checksAsOneWouldSayTheRules(FuzzedDataProvider data) {
    compare(of(data));
  }

  @Test
  void checksAsOneWouldSayTheRulesForAThousandSeeds() {
    for (int seed = 0; seed < 1_000; seed++) {
      compare(of(new Random(seed)));
    }
  }

  /** Whatever bytes pass for a request are checked without an exception and without a change. */
  @FuzzTest(maxDuration = "60s")
  void arbitraryRequestsAreNeverMisread(byte[] message) {
    InferRequestView view;
    try {
      view = InferRequestView.parse(ByteBuffer.wrap(message));
    } catch (MalformedMessageException e) {
      return;
    }
    DataContract.Builder contract =
        DataContract.newBuilder()
            .setFeatureInput("x")
            .addFeatures(
                Feature.newBuilder()
                    .setName("a")
                    .setMin(0)
                    .setMax(1)
                    .setAction(ContractAction.ACTION_CLAMP))
            .addFeatures(Feature.newBuilder().setName("t").addAllowed(1).addAllowed(2))
            .addInputs(
                InputContract.newBuilder()
                    .setInput("s")
                    .addFeatures(Feature.newBuilder().setName("b").addAllowedText("DE")))
            .setRows(RowLimits.newBuilder().setMin(1).setMax(3));
    for (EventTime.Builder time :
        List.of(
            EventTime.newBuilder().setColumn("t").setUnitMs(1).setMaxAgeMs(5),
            EventTime.newBuilder().setParameter("ts").setUnitMs(1000).setMaxAheadMs(5))) {
      byte[] before = message.clone();
      ContractCheck check = ContractCheck.of(contract.setEventTime(time).build());
      assertNotNull(check);
      ContractFindings found = check.check(message, view, 1_000);
      assertArrayEquals(before, message);
      if (found != null && found.changed() != null && found.refused() == 0) {
        byte[] changed = found.changed();
        assertNotNull(changed);
        assertNull(
            refusals(check.check(changed, InferRequestView.parse(ByteBuffer.wrap(changed)), 1_000)),
            "what was put right keeps the contract");
      }
    }
  }

  private static @Nullable Object refusals(@Nullable ContractFindings found) {
    return found == null || found.refused() == 0 ? null : found.violations();
  }

  @FuzzTest(maxDuration = "60s")
  void aContractOfAnyTreeIsReadOrRefusedWithItsProblems(FuzzedDataProvider data) {
    Object tree = Trees.of(data, 4);
    if (!(tree instanceof Map<?, ?> map)) {
      return;
    }
    try {
      DataContract contract = ContractFile.parse("fuzz", map);
      assertEquals(ContractFile.digest(contract), contract.getDigest());
      ContractCheck check = ContractCheck.of(contract);
      byte[] empty = {};
      if (check != null) {
        check.check(empty, InferRequestView.parse(ByteBuffer.wrap(empty)), 0);
      }
    } catch (ContractException e) {
      assertTrue(e.problems().size() > 0);
    }
  }
}
