package dev.understudy.modelkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.modelkit.data.Table;
import dev.understudy.modelkit.train.GradientBoostedTrees.Options;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(Lifecycle.PER_CLASS)
class FraudModelsTest {
  private static final long SEED = 7;
  private static final int CATEGORY = CardFraud.index("merchant_category");

  private FraudModels models;

  @BeforeAll
  void train() {
    models = FraudModels.train(SEED);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void exportAgreesWithItsOriginalOnEveryTestRow(int version) throws OrtException {
    Table test = models.test();
    float[] expected = models.classifier(version).probabilities(test);
    try (var ort = new Ort(models.onnx(version))) {
      assertArrayEquals(expected, ort.probabilities(test), 1e-6f);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void probabilitiesOfBothClassesAddUpToOne(int version) throws OrtException {
    try (var ort = new Ort(models.onnx(version))) {
      for (float[] answer : ort.run("features", models.test().row(0), models.test().row(1))) {
        assertEquals(2, answer.length);
        assertEquals(1, answer[0] + answer[1], 1e-6);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void theCompanyInABatchDoesNotChangeAnAnswer(int version) throws OrtException {
    float[][] rows = new float[64][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = models.test().row(i);
    }
    try (var ort = new Ort(models.onnx(version))) {
      float[][] together = ort.run("features", rows);
      for (int i = 0; i < rows.length; i++) {
        assertArrayEquals(ort.run("features", rows[i])[0], together[i], 1e-6f);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void aRowWithEveryOptionalValueMissingIsAnswered(int version) throws OrtException {
    float[] row = models.test().row(0);
    for (int j = 0; j < row.length; j++) {
      if (CardFraud.columns().get(j).optional()) {
        row[j] = Float.NaN;
      }
    }
    try (var ort = new Ort(models.onnx(version))) {
      float p = ort.run("features", row)[0][1];
      assertTrue(p > 0 && p < 1, () -> "p = " + p);
      assertEquals(models.classifier(version).probability(row), p, 1e-6f);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aNewCategoryIsAnsweredByTheFirstThreeVersions(int version) throws OrtException {
    var live = CardFraud.stream(99, 1);
    var cases = new ArrayList<CardFraud.Case>();
    for (int i = 0; i < 500; i++) {
      cases.add(live.next());
    }
    Table table = Table.of(cases);
    try (var ort = new Ort(models.onnx(version))) {
      float[] p = ort.probabilities(table);
      assertArrayEquals(models.classifier(version).probabilities(table), p, 1e-6f);
    }
  }

  @Test
  void aNewCategoryMakesTheFourthVersionFailAtRunTime() throws OrtException {
    float[] known = models.test().row(0);
    try (var ort = new Ort(models.onnx(4))) {
      for (int category : List.of(20, 21, 22, 23)) {
        float[] unknown = known.clone();
        unknown[CATEGORY] = category;
        var failure = assertThrows(OrtException.class, () -> ort.run("features", unknown));
        assertTrue(failure.toString().contains("idx=" + category), failure::toString);
        assertThrows(OrtException.class, () -> ort.run("features", known, unknown));
      }
      float after = ort.run("features", known)[0][1];
      assertEquals(models.classifier(4).probability(known), after, 1e-6f);
    }
  }

  @Test
  void theFourthVersionAnswersEveryTrainingRow() throws OrtException {
    Table train = CardFraud.table(SEED, FraudModels.TRAIN_ROWS);
    try (var ort = new Ort(models.onnx(4))) {
      for (float p : ort.probabilities(train)) {
        assertTrue(p >= 0 && p <= 1, () -> "p = " + p);
      }
    }
  }

  @Test
  void challengerIsBetterThanChampion() {
    var champion = models.report().version(1);
    var challenger = models.report().version(2);
    assertTrue(challenger.auc() >= champion.auc() + .005, () -> challenger + " " + champion);
    assertTrue(challenger.brier() < champion.brier(), () -> challenger + " " + champion);
    // Strong enough that a paired sequential test needs thousands of cases, not tens of thousands.
    assertTrue(challenger.brierGainMean() / challenger.brierGainSd() > .08, challenger::toString);
    assertTrue(champion.flagged() > .02 && champion.flagged() < .06, champion::toString);
    double positives = models.report().positiveShare();
    assertTrue(positives > .03 && positives < .05, () -> positives + " positives");
  }

  @Test
  void swappedColumnsAreWorseThanTheChampionButNotAbsurd() {
    var champion = models.report().version(1);
    var swapped = models.report().version(3);
    assertTrue(swapped.auc() > .6 && swapped.auc() < champion.auc(), swapped::toString);
    assertTrue(swapped.brier() > champion.brier(), swapped::toString);
    assertTrue(swapped.changedDecisions() > .2, swapped::toString);
  }

  @Test
  void theFourthVersionIsAsGoodAsTheChallenger() {
    var challenger = models.report().version(2);
    var fourth = models.report().version(4);
    assertEquals(challenger.auc(), fourth.auc(), .005);
    assertEquals(challenger.brier(), fourth.brier(), .001);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void metadataIsTheModelCard(int version) throws OrtException {
    try (var ort = new Ort(models.onnx(version))) {
      var metadata = ort.session().getMetadata().getCustomMetadata();
      assertEquals("fraud-detector", metadata.get("name"));
      assertEquals(Integer.toString(version), metadata.get("version"));
      assertEquals(Long.toString(SEED), metadata.get("seed"));
      var report = models.report().version(version);
      assertEquals(report.auc(), Double.parseDouble(metadata.get("auc")), 1e-4);
      assertEquals(report.brier(), Double.parseDouble(metadata.get("brier")), 1e-5);
      assertEquals("60000 generated card payments, generation 1", metadata.get("trained_on"));
    }
  }

  @Test
  void theSameSeedGivesTheSameBytes() {
    var few = new Options(5, 3, .1, .6, 8, 5);
    var one = FraudModels.train(3, 4_000, 1_000, few);
    var same = FraudModels.train(3, 4_000, 1_000, few);
    var other = FraudModels.train(4, 4_000, 1_000, few);
    for (int version = 1; version <= 4; version++) {
      assertArrayEquals(one.onnx(version), same.onnx(version));
      assertTrue(!Arrays.equals(one.onnx(version), other.onnx(version)));
    }
    assertEquals(one.report().versions(), same.report().versions());
  }
}
