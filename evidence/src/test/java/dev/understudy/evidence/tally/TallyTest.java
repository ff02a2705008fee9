package dev.understudy.evidence.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.ComparedOutput;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.CopyScore;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.LabelledScore;
import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import dev.understudy.proto.v1.ToleranceLearned;
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

  private static SliceLabels labels(String slice, String value) {
    return SliceLabels.newBuilder()
        .addLabels(SliceLabel.newBuilder().setSlice(slice).setValue(value))
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
    assertEquals(List.of(512), tally.getChangedShareList());
    assertEquals(List.of(1L), tally.getChangedShareCountList());
  }

  @Test
  void eachCallWithADecidedRowIsOneObservationOfTheShareThatChanged() {
    float nan = Float.NaN;
    PairTally tally =
        tally(
            pair(probabilities(0.25f), probabilities(0.75f)),
            pair(probabilities(0.25f), probabilities(0.25f)),
            pair(probabilities(0.25f), probabilities(0.25f)),
            pair(probabilities(0.25f, 0.5f, 0.6f), probabilities(0.75f, 0.5f, 0.6f)),
            pair(probabilities(0.25f, 0.5f, nan), probabilities(0.75f, 0.5f, nan)),
            pair(probabilities(0.25f), probabilities(nan)),
            pair(probabilities(0.25f), probabilities(0.25f, 0.25f)));
    assertEquals(7, tally.getPairs());
    assertEquals(8, tally.getComparedWithDecision());
    assertEquals(List.of(0, 341, 512, 1024), tally.getChangedShareList());
    assertEquals(List.of(2L, 1L, 1L, 1L), tally.getChangedShareCountList());
  }

  @Test
  void slicesCountRowsWithTheirLabels() {
    SliceLabels small = labels("amount", "<10");
    SliceLabels large = labels("amount", ">=10");
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
  void aCallIsOneObservationOfEachSliceAmongItsRows() {
    SliceLabels near = labels("amount", "<10");
    PairTally tally =
        tally(
            pair(probabilities(0.25f, 0.5f, 0f), probabilities(0.75f, 0.5f, 1f))
                .addRows(near)
                .addRows(near)
                .addRows(labels("amount", ">=10")));
    assertEquals(1, tally.getSlices(0).getPairs());
    assertEquals(List.of(256), tally.getSlices(0).getDivergenceList());
    assertEquals(2, tally.getSlices(0).getComparedWithDecision());
    assertEquals(1, tally.getSlices(0).getChanged());
    assertEquals(List.of(512), tally.getSlices(0).getChangedShareList());
    assertEquals(List.of(1L), tally.getSlices(0).getChangedShareCountList());
    assertEquals(List.of(1024), tally.getSlices(1).getDivergenceList());
    assertEquals(List.of(1024), tally.getSlices(1).getChangedShareList());
  }

  @Test
  void slicesBeyondTheBoundAreCountedTogether() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    for (int i = 0; i < 300; i++) {
      tally.add(
          pair(probabilities(0.25f), probabilities(0.75f)).addRows(labels("who", "" + i)).build());
    }
    PairTally taken = tally.take().getFirst();
    assertEquals(257, taken.getSlicesCount());
    assertEquals(
        44,
        taken.getSlicesList().stream()
            .filter(slice -> slice.getLabel().getValue().equals("other"))
            .findFirst()
            .orElseThrow()
            .getPairs());
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

  private static Comparison control(Comparison.Builder pair) {
    return pair.setRole(Role.MIRRORED_CONTROL).build();
  }

  @Test
  void whatTheControlDiffersIsTakenOffWhicheverComesFirst() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    tally.add(pair(probabilities(0.25f), probabilities(0.75f)).setPredictionId("a").build());
    tally.add(control(pair(probabilities(0.25f), probabilities(0.5f)).setPredictionId("a")));
    tally.add(control(pair(probabilities(0.5f), probabilities(0.75f)).setPredictionId("b")));
    tally.add(pair(probabilities(0.5f), probabilities(0.5f)).setPredictionId("b").build());
    // Another call that a client gave the same id, and one without.
    tally.add(control(pair(probabilities(0.6f), probabilities(0.6f)).setPredictionId("c")));
    tally.add(pair(probabilities(0.7f), probabilities(0.9f)).setPredictionId("c").build());
    tally.add(control(pair(probabilities(0.6f), probabilities(0.6f)).setPredictionId("")));
    tally.add(pair(probabilities(0.6f), probabilities(0.9f)).setPredictionId("").build());
    PairTally shadow = tally.take().getFirst();
    assertEquals(Role.SHADOW, shadow.getRole());
    assertEquals(List.of(-256, 256), shadow.getCancelledList());
    assertEquals(List.of(1L, 1L), shadow.getCancelledCountList());
    assertEquals(1, tally.unmatched());
  }

  @Test
  void aPartnerMayComeOneTakeLater() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    tally.add(pair(probabilities(0.25f), probabilities(0.75f)).build());
    assertEquals(1, tally.take().size());
    tally.add(control(pair(probabilities(0.25f), probabilities(0.25f))));
    PairTally late = tally.take().getFirst();
    assertEquals(0, late.getPairs());
    assertEquals(List.of(512), late.getCancelledList());
    tally.add(pair(probabilities(0.25f), probabilities(0.75f)).build());
    assertEquals(1, tally.take().size());
    assertEquals(List.of(), tally.take());
    assertEquals(1, tally.unmatched());
    tally.add(control(pair(probabilities(0.25f), probabilities(0.25f))));
    assertEquals(Role.MIRRORED_CONTROL, tally.take().getFirst().getRole());
  }

  @Test
  void pairsThatWaitForAPartnerAreBounded() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    for (int i = 0; i <= Triples.MOST; i++) {
      tally.add(pair(probabilities(0.25f), probabilities(0.75f)).setPredictionId("" + i).build());
    }
    assertEquals(1, tally.unmatched());
  }

  @Test
  void championsYesIsCounted() {
    PairTally tally =
        tally(pair(probabilities(0.25f, 0.5f, 0.9f), probabilities(0.25f, 0.25f, 0.9f)));
    assertEquals(3, tally.getComparedWithDecision());
    assertEquals(2, tally.getChampionPositive());
    assertEquals(1, tally.getChangedToNegative());
  }

  @Test
  void everyMeasureOfEveryOutputIsSummed() {
    DataContract contract =
        DataContract.newBuilder()
            .addOutputs(ComparedOutput.newBuilder().setOutput("y").setKind(OutputKind.REGRESSION))
            .addOutputs(ComparedOutput.newBuilder().setOutput("probabilities"))
            .build();
    ComparisonTally tally = new ComparisonTally(contract);
    for (float copy : new float[] {0.25f, 0.75f}) {
      tally.add(
          pair(probabilities(0.25f), probabilities(copy))
              .addChampionOutputs(number("y", 2))
              .addOutputs(number("y", 2))
              .addChampionOutputs(number("not compared", 1))
              .build());
    }
    PairTally taken = tally.take().getFirst();
    assertEquals(List.of(0, 512), taken.getDivergenceList());
    assertEquals(
        List.of(
            Measure.TOTAL_VARIATION,
            Measure.JENSEN_SHANNON,
            Measure.SQUARED_HELLINGER,
            Measure.TOP_ONE,
            Measure.TOP_K,
            Measure.BEYOND_TOLERANCE),
        taken.getMeasuresList().stream().map(MeasureTally::getMeasure).toList());
    MeasureTally first = taken.getMeasures(0);
    assertEquals("probabilities", first.getOutput());
    assertEquals(2, first.getPairs());
    assertEquals(512, first.getUnitsSum());
    assertEquals(512, first.getUnitsMax());
    assertEquals(0.5, first.getMaxAbs());
    assertEquals(2, first.getMaxRel());
    assertEquals(0, taken.getMeasures(1).getMaxAbs());
  }

  private static TensorValue number(String name, double value) {
    return numbers(name, value);
  }

  private static TensorValue numbers(String name, double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putDouble(value);
    }
    return TensorValue.newBuilder()
        .setName(name)
        .setDatatype("FP64")
        .addShape(1)
        .addShape(values.length)
        .setData(ByteString.copyFrom(bytes.flip()))
        .build();
  }

  @Test
  void theWorstOutputIsThePairs() {
    ComparisonTally tally = new ComparisonTally(DataContract.getDefaultInstance());
    tally.add(
        pair(number("a", 1), number("a", 1))
            .addChampionOutputs(number("b", 1))
            .addOutputs(number("b", 2))
            // A repeated name: the first counts.
            .addChampionOutputs(number("a", 7))
            .build());
    assertEquals(List.of(1024), tally.take().getFirst().getDivergenceList());
  }

  @Test
  void noPairIsTestedBeforeItsToleranceIsKnown() {
    ComparisonTally tally = new ComparisonTally(DataContract.getDefaultInstance(), true);
    tally.add(pair(number("y", 100), number("y", 101)).build());
    tally.add(control(pair(number("y", 100), number("y", 100.5))));
    assertEquals(List.of(), tally.take());
    assertEquals(2, tally.waiting());
    assertEquals(
        List.of(NoiseSample.newBuilder().setOutput("y").setMaxAbs(0.5).setMaxRel(0.005).build()),
        tally.takeNoise());
    assertEquals(List.of(), tally.takeNoise());
    tally.tolerance(ToleranceLearned.newBuilder().setOutput("y").setRtol(0.01).build());
    tally.add(pair(number("y", 100), number("y", 101)).build());
    tally.add(control(pair(number("y", 100), number("y", 100.5)).setPredictionId("q")));
    assertEquals(2, tally.waiting());
    assertEquals(List.of(), tally.takeNoise());
    // One tenth of a cap of ten: 1 / (1e-5 + 0.01 * 100) / 10.
    assertEquals(List.of(102), tally.take().getFirst().getDivergenceList());
  }

  @Test
  void declaredTolerancesAreNotLearned() {
    DataContract contract =
        DataContract.newBuilder()
            .addOutputs(ComparedOutput.newBuilder().setOutput("y").setAtol(1))
            .build();
    ComparisonTally tally = new ComparisonTally(contract, true);
    tally.tolerance(ToleranceLearned.newBuilder().setOutput("y").setAtol(1000).build());
    tally.add(pair(number("y", 0), number("y", 5)).build());
    assertEquals(List.of(512), tally.take().getFirst().getDivergenceList());
    // Probabilities need none.
    ComparisonTally probabilities = new ComparisonTally(CONTRACT, true);
    probabilities.add(pair(probabilities(0.5f), probabilities(0.5f)).build());
    assertEquals(1, probabilities.pairs());
  }

  @Test
  void theThreeMostDivergentComparisonsAreKeptWhole() {
    ComparisonTally tally = new ComparisonTally(CONTRACT);
    float[] copies = {0.1f, 0.2f, 0.9f, 0.5f, 0.6f};
    for (float copy : copies) {
      tally.add(pair(probabilities(0.1f), probabilities(copy)).setPredictionId("" + copy).build());
    }
    tally.add(control(pair(probabilities(0.1f), probabilities(1f))));
    List<KeptPair> kept = tally.takeKept();
    assertEquals(
        List.of("0.9", "0.6", "0.5"),
        kept.stream().map(pair -> pair.getComparison().getPredictionId()).toList());
    assertEquals(819, kept.getFirst().getDivergence());
    assertEquals(List.of(), tally.takeKept());
    tally.add(
        pair(probabilities(0.1f), probabilities(1f))
            .setFeatures(TensorValue.newBuilder().setData(ByteString.copyFrom(new byte[1 << 20])))
            .build());
    assertEquals(List.of(), tally.takeKept());
  }

  @Test
  void aDecisionIsTakenOnItsOutputAlsoWhereOthersAreCompared() {
    DataContract contract =
        CONTRACT.toBuilder().addOutputs(ComparedOutput.newBuilder().setOutput("y")).build();
    ComparisonTally tally = new ComparisonTally(contract);
    tally.add(
        pair(probabilities(0.1f), probabilities(0.9f))
            .addChampionOutputs(number("y", 2))
            .addOutputs(number("y", 2))
            .build());
    PairTally taken = tally.take().getFirst();
    assertEquals(List.of(0), taken.getDivergenceList());
    assertEquals(1, taken.getChangedToPositive());
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
