package dev.understudy.evidence.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.evidence.fold.TallyCheck;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whatever two models answer, under whatever contract, a tally comes out that can be judged. */
class HostileAnswersTest {
  private static final String[] DATATYPES = {
    "BOOL", "UINT8", "INT16", "UINT32", "INT64", "UINT64", "FP16", "BF16", "FP32", "FP64", "BYTES",
    "FP8", ""
  };
  private static final int[] WIDTHS = {1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 1, 1};

  @Test
  void nothingThrowsAndEverythingCanBeJudged() {
    SplittableRandom random = new SplittableRandom(12);
    long pairs = 0;
    for (int round = 0; round < 300; round++) {
      ComparisonTally tally = new ComparisonTally(contract(random), random.nextBoolean());
      for (int i = 0; i < 30; i++) {
        Comparison comparison = comparison(random);
        tally.add(comparison);
        tally.add(comparison); // Sent twice.
      }
      pairs += tally.pairs();
      for (PairTally taken : tally.take()) {
        assertNull(TallyCheck.problem(taken));
        assertEquals(
            taken.getPairs(),
            taken.getDivergenceCountList().stream().mapToLong(Long::longValue).sum());
      }
      for (NoiseSample sample : tally.takeNoise()) {
        assertTrue(sample.getMaxAbs() >= 0 && sample.getMaxRel() >= 0);
      }
      assertTrue(tally.takeKept().size() <= 3);
    }
    assertTrue(pairs > 1_000, "pairs: " + pairs);
  }

  private static DataContract contract(SplittableRandom random) {
    DataContract.Builder contract = DataContract.newBuilder();
    if (random.nextBoolean()) {
      contract.setDecision(
          Decision.newBuilder()
              .setOutput(name(random))
              .setKindValue(random.nextInt(9))
              .setColumn(random.nextInt(4) - 1)
              .setCutoff(random.nextInt(5) == 0 ? Double.NaN : 0.5)
              .setAtol(random.nextInt(3) == 0 ? Double.NaN : 0));
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      contract.addOutputs(
          ComparedOutput.newBuilder()
              .setOutput(name(random))
              .setKindValue(random.nextInt(9))
              .setRtol(random.nextInt(3) - 1)
              .setTopK(random.nextInt())
              .setDepth(random.nextInt()));
    }
    return contract.build();
  }

  private static Comparison comparison(SplittableRandom random) {
    Comparison.Builder comparison =
        Comparison.newBuilder()
            .setPredictionId(random.nextInt(4) == 0 ? "" : "p" + random.nextInt(9))
            .setRoleValue(random.nextInt(8));
    for (int i = random.nextInt(4); i > 0; i--) {
      TensorValue champion = tensor(random);
      comparison.addChampionOutputs(champion);
      comparison.addOutputs(
          switch (random.nextInt(3)) {
            case 0 -> champion;
            case 1 ->
                champion.toBuilder().setData(bytes(random, champion.getData().size())).build();
            default -> tensor(random);
          });
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      SliceLabel label =
          SliceLabel.newBuilder().setSlice(name(random)).setValue(name(random)).build();
      comparison.addRows(SliceLabels.newBuilder().addAllLabels(List.of(label, label)));
    }
    return comparison.build();
  }

  private static String name(SplittableRandom random) {
    return random.nextInt(9) == 0 ? "" : String.valueOf((char) ('a' + random.nextInt(3)));
  }

  private static TensorValue tensor(SplittableRandom random) {
    int type = random.nextInt(DATATYPES.length);
    TensorValue.Builder tensor =
        TensorValue.newBuilder().setName(name(random)).setDatatype(DATATYPES[type]);
    long elements = 1;
    for (int i = random.nextInt(3); i > 0; i--) {
      long dimension = random.nextInt(20) == 0 ? random.nextLong() : random.nextInt(4);
      tensor.addShape(dimension);
      elements *= dimension;
    }
    int size = Math.clamp(elements, 0, 64) * WIDTHS[type];
    if (DATATYPES[type].equals("BYTES")) {
      // So many texts of no length, which is what four zero bytes say.
      return tensor.setData(ByteString.copyFrom(new byte[size])).build();
    }
    return tensor.setData(bytes(random, size)).build();
  }

  /** Often small numbers, sometimes anything: NaN, infinity, broken text. */
  private static ByteString bytes(SplittableRandom random, int size) {
    byte[] bytes = new byte[random.nextInt(20) == 0 ? size + 1 : size];
    if (random.nextInt(3) > 0) {
      random.nextBytes(bytes);
    }
    return ByteString.copyFrom(bytes);
  }
}
