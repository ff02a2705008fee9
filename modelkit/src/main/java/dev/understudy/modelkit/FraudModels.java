package dev.understudy.modelkit;

import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.modelkit.data.Table;
import dev.understudy.modelkit.onnx.ClassifierExport;
import dev.understudy.modelkit.onnx.ModelCard;
import dev.understudy.modelkit.train.CategoryRates;
import dev.understudy.modelkit.train.Classifier;
import dev.understudy.modelkit.train.GradientBoostedTrees;
import dev.understudy.modelkit.train.GradientBoostedTrees.Options;
import dev.understudy.modelkit.train.LogisticRegression;
import dev.understudy.modelkit.train.Metrics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Four versions of a model that finds fraudulent card payments:
 *
 * <ol>
 *   <li>the champion, a logistic regression;
 *   <li>the challenger, boosted trees: better, because it sees which facts go together;
 *   <li>the challenger fed with two neighbouring columns swapped, a wiring mistake;
 *   <li>boosted trees with the fraud rate of the merchant's category as one more column, looked up
 *       in a table inside the graph: as good as the challenger, and failing at run time on a
 *       category that training did not know.
 * </ol>
 *
 * Versions 1 to 3 answer for any category.
 */
public final class FraudModels {
  /** What clients call the model. */
  public static final String MODEL = "fraud-detector";

  /** Probability from which on a payment is flagged. */
  public static final double CUTOFF = .15;

  /** The columns that version 3 sees in each other's place. */
  public static final List<String> SWAPPED = List.of("amount_to_mean", "device_age_days");

  static final int TRAIN_ROWS = 60_000;
  static final int TEST_ROWS = 20_000;

  private static final List<String> SUMMARIES =
      List.of(
          "logistic regression",
          "boosted trees",
          "boosted trees fed with " + String.join(" and ", SWAPPED) + " swapped",
          "boosted trees with a lookup of the category's fraud rate");

  private final Table test;
  private final List<Classifier> classifiers;
  private final List<byte[]> models;
  private final FraudReport report;

  private FraudModels(
      Table test, List<Classifier> classifiers, List<byte[]> models, FraudReport report) {
    this.test = test;
    this.classifiers = List.copyOf(classifiers);
    this.models = List.copyOf(models);
    this.report = report;
  }

  /** Trains all four from a seed; the same seed gives the same bytes. Takes some seconds. */
  public static FraudModels train(long seed) {
    return train(seed, TRAIN_ROWS, TEST_ROWS, Options.DEFAULT);
  }

  static FraudModels train(long seed, int trainRows, int testRows, Options options) {
    long startNanos = System.nanoTime();
    Table train = CardFraud.table(seed, trainRows);
    Table test = CardFraud.table(~seed, testRows); // another stream, of the same world
    int width = train.width();
    int category = CardFraud.index("merchant_category");
    int[] order = swapped(width);
    var logistic = LogisticRegression.train(train, CardFraud.columns(), seed);
    var trees = GradientBoostedTrees.train(train, options, seed);
    float[] rates = CategoryRates.of(train, category, CardFraud.KNOWN_CATEGORIES);
    Table encoded = train.withColumn(CategoryRates.lookUp(rates, train.column(category)));
    var encodedTrees = GradientBoostedTrees.train(encoded, options, seed);
    List<Classifier> classifiers =
        List.of(
            logistic,
            trees,
            row -> trees.probability(reordered(row, order)),
            row -> encodedTrees.probability(encoded(row, rates, category)));
    long trainingMillis = (System.nanoTime() - startNanos) / 1_000_000;

    var models = new ArrayList<byte[]>();
    var versions = new ArrayList<FraudReport.Version>();
    boolean[] labels = test.labels();
    float[] champion = logistic.probabilities(test);
    for (int v = 1; v <= classifiers.size(); v++) {
      String summary = SUMMARIES.get(v - 1);
      float[] p = classifiers.get(v - 1).probabilities(test);
      double auc = Metrics.auc(p, labels);
      double brier = Metrics.brier(p, labels);
      String trainedOn =
          "%d generated card payments, generation %d".formatted(trainRows, CardFraud.GENERATION);
      var card = new ModelCard(MODEL, v, summary, trainedOn, seed, auc, brier);
      byte[] onnx =
          switch (v) {
            case 1 -> ClassifierExport.logistic(logistic, card);
            case 2 -> ClassifierExport.trees(trees, width, card);
            case 3 -> ClassifierExport.reorderedTrees(trees, order, card);
            default -> ClassifierExport.encodedTrees(encodedTrees, width, category, rates, card);
          };
      models.add(onnx);
      versions.add(FraudRepository.measure(v, summary, champion, p, labels, onnx));
    }
    var report =
        new FraudReport(
            seed, trainRows, testRows, test.positiveShare(), CUTOFF, trainingMillis, versions);
    return new FraudModels(test, classifiers, models, report);
  }

  /**
   * Makes sure that a folder holds the model repository of a seed: all four versions,
   * configuration, contract and report. What is already there from the same seed and generator,
   * undamaged, is kept.
   *
   * @return how good the models are
   */
  public static FraudReport writeRepository(Path dir, long seed) {
    return FraudRepository.write(dir, seed, () -> train(seed));
  }

  /** The rows that the report is about. */
  public Table test() {
    return test;
  }

  /** The Java original of a version, from 1; version 4 throws for a category unknown to it. */
  public Classifier classifier(int version) {
    return classifiers.get(version - 1);
  }

  /** A version as ONNX model, from 1. */
  public byte[] onnx(int version) {
    return models.get(version - 1).clone();
  }

  /** How good the models are. */
  public FraudReport report() {
    return report;
  }

  private static int[] swapped(int width) {
    int[] order = new int[width];
    for (int j = 0; j < width; j++) {
      order[j] = j;
    }
    int first = CardFraud.index(SWAPPED.getFirst());
    int second = CardFraud.index(SWAPPED.getLast());
    order[first] = second;
    order[second] = first;
    return order;
  }

  private static float[] reordered(float[] row, int[] order) {
    float[] result = new float[row.length];
    for (int j = 0; j < row.length; j++) {
      result[j] = row[order[j]];
    }
    return result;
  }

  private static float[] encoded(float[] row, float[] rates, int category) {
    float[] wider = Arrays.copyOf(row, row.length + 1);
    wider[row.length] = rates[(int) row[category]];
    return wider;
  }
}
