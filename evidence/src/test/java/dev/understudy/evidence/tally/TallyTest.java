package dev.understudy.evidence.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.CopyScore;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

class TallyTest {
  private static final DataContract CONTRACT =
      DataContract.newBuilder()
          .setDecision(
              Decision.newBuilder()
                  .setOutput("probabilities")
                  .setKind(OutputKind.PROBABILITIES)
                  .setColumn(1)
                  .setCutoff(0.5))
          .build();

  private static TensorValue probabilities(float... fraud) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * fraud.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float p : fraud) {
      bytes.putFloat(1 - p).putFloat(p);
    }
    return TensorValue.newBuilder()
        .setName("probabilities")
        .setDatatype("FP32")
        .addShape(fraud.length)
        .addShape(2)
        .setData(ByteString.copyFrom(bytes.flip()))
        .build();
  }

  private static Comparison.Builder pair(TensorValue champion, TensorValue copy) {
    return Comparison.newBuilder()
        .setPredictionId("p")
        .setRole(Role.SHADOW)
        .addChampionOutputs(champion)
        .addOutputs(copy);
  }

  private static PairTally tally(Comparison.Builder... comparisons) {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    for (Comparison.Builder comparison : comparisons) {
      tally.add(comparison.build());
    }
    List<PairTally> taken = tally.take();
    assertEquals(1, taken.size());
    assertEquals(0, tally.pairs());
    return taken.get(0);
  }

  @Test
  void equalAnswersHaveNoDivergence() {
    PairTally tally = tally(pair(probabilities(0.2f), probabilities(0.2f)));
    assertEquals(List.of(0), tally.getDivergenceList());
    assertEquals(List.of(1L), tally.getDivergenceCountList());
    assertEquals(0, tally.getExamplesCount());
  }

  @Test
  void changedDecisionsFillTheSwapSetByTheChampionsScore() {
    PairTally tally =
        tally(
            pair(probabilities(0.42f), probabilities(0.9f)),
            pair(probabilities(0.95f), probabilities(0.1f)),
            pair(probabilities(0.95f), probabilities(0.9f)));
    assertEquals(3, tally.getComparedWithDecision());
    assertEquals(1, tally.getChangedToPositive());
    assertEquals(1, tally.getChangedToNegative());
    assertEquals(1, tally.getToPositiveByBand(4));
    assertEquals(1, tally.getToNegativeByBand(9));
    assertEquals(10, tally.getToNegativeByBandCount());
  }

  @Test
  void oneCallIsOnePairWithTheMeanOfItsRows() {
    PairTally tally = tally(pair(probabilities(0.25f, 0.5f), probabilities(0.75f, 0.5f)));
    assertEquals(1, tally.getPairs());
    assertEquals(List.of(256), tally.getDivergenceList());
    assertEquals(2, tally.getComparedWithDecision());
  }

  @Test
  void slicesCountRowsWithTheirLabels() {
    SliceLabels small =
        SliceLabels.newBuilder()
            .addLabels(SliceLabel.newBuilder().setSlice("amount").setValue("<10"))
            .build();
    SliceLabels large =
        SliceLabels.newBuilder()
            .addLabels(SliceLabel.newBuilder().setSlice("amount").setValue(">=10"))
            .build();
    PairTally tally =
        tally(
            pair(probabilities(0.25f, 0.5f), probabilities(0.75f, 0.5f))
                .addRows(small)
                .addRows(large));
    assertEquals("<10", tally.getSlices(0).getLabel().getValue());
    assertEquals(List.of(512), tally.getSlices(0).getDivergenceList());
    assertEquals(1, tally.getSlices(0).getChanged());
    assertEquals(List.of(0), tally.getSlices(1).getDivergenceList());
  }

  @Test
  void keepsTheThreeMostDivergentWithoutAnyFeature() {
    PairTally tally =
        tally(
            pair(probabilities(0.1f), probabilities(0.2f)).setPredictionId("a"),
            pair(probabilities(0.1f), probabilities(0.9f)).setPredictionId("b"),
            pair(probabilities(0.1f), probabilities(0.5f)).setPredictionId("c"),
            pair(probabilities(0.1f), probabilities(0.6f))
                .setPredictionId("d")
                .setFeatures(probabilities(0.123f)));
    assertEquals(
        List.of("b", "d", "c"),
        tally.getExamplesList().stream().map(e -> e.getPredictionId()).toList());
    assertFalse(tally.toByteString().toString().contains("features"));
  }

  @Test
  void anAnswerThatIsNotFiniteIsAllApartAndCounted() {
    PairTally tally = tally(pair(probabilities(0.1f), probabilities(Float.NaN)));
    assertEquals(1, tally.getNotFinite());
    assertEquals(List.of(1024), tally.getDivergenceList());
  }

  @Test
  void otherShapesAndMissingOutputsAreAllApart() {
    PairTally tally =
        tally(
            pair(probabilities(0.1f), probabilities(0.1f, 0.2f)),
            pair(probabilities(0.1f), probabilities(0.1f).toBuilder().setName("other").build()));
    assertEquals(2, tally.getShapeMismatch());
    assertEquals(List.of(2L), tally.getDivergenceCountList());
  }

  @Test
  void bothWrongIsNoPair() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    tally.add(pair(probabilities(Float.NaN), probabilities(Float.NaN)).build());
    assertEquals(List.of(), tally.take());
  }

  @Test
  void rolesAreCountedApart() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    tally.add(pair(probabilities(0.1f), probabilities(0.1f)).build());
    tally.add(
        pair(probabilities(0.1f), probabilities(0.1f)).setRole(Role.MIRRORED_CONTROL).build());
    assertEquals(
        List.of(Role.SHADOW, Role.MIRRORED_CONTROL),
        tally.take().stream().map(PairTally::getRole).toList());
  }

  @Test
  void countsWhereBatchSizesDiffer() {
    PairTally tally =
        tally(
            pair(probabilities(0.1f), probabilities(0.1f))
                .setChampionTiming(ServerTiming.newBuilder().setBatchSize(8))
                .setTiming(ServerTiming.newBuilder().setBatchSize(1)),
            pair(probabilities(0.1f), probabilities(0.1f))
                .setChampionTiming(ServerTiming.newBuilder().setBatchSize(8)));
    assertEquals(1, tally.getBatchSizeDiffers());
  }

  @Test
  void theShadowsScoreIsJudgedOnTheSameCase() {
    LabelledScore score =
        Scores.of(
            LabelledPrediction.newBuilder()
                .setPredictionId("p-1")
                .setRole(Role.CHAMPION)
                .setScore(0.5)
                .setOutcome(1)
                .addCopies(CopyScore.newBuilder().setRole(Role.MIRRORED_CONTROL).setScore(0.4))
                .addCopies(CopyScore.newBuilder().setRole(Role.SHADOW).setScore(1))
                .build());
    assertEquals(500_000, score.getScoreMicros());
    assertTrue(score.hasShadowScoreMicros());
    assertEquals(1_000_000, score.getShadowScoreMicros());
    assertEquals(1_000_000, score.getOutcomeMicros());
    assertEquals(Scores.fingerprint("p-1"), score.getPrediction());
    assertNotEquals(Scores.fingerprint("p-2"), score.getPrediction());
  }

  @Test
  void whatIsNotANumberStaysSo() {
    assertEquals(Scores.NOT_A_NUMBER, Scores.micros(Double.NaN));
    assertTrue(Double.isNaN(Scores.value(Scores.NOT_A_NUMBER)));
    assertEquals(9_000_000_000_000_000_000L, Scores.micros(Double.POSITIVE_INFINITY));
    assertEquals(-0.25, Scores.value(Scores.micros(-0.25)));
  }
}
