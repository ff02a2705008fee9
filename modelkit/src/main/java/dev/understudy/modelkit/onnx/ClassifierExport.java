package dev.understudy.modelkit.onnx;

import static dev.understudy.modelkit.onnx.ElementType.FP32;
import static dev.understudy.modelkit.onnx.ElementType.INT64;

import dev.understudy.modelkit.train.GradientBoostedTrees;
import dev.understudy.modelkit.train.LogisticRegression;
import java.util.Arrays;
import java.util.Map;

/**
 * Writes trained classifiers as ONNX models: input {@code features}, FP32 of shape [N, columns]
 * with NaN for a missing value; output {@code probabilities}, FP32 of shape [N, 2], column 1
 * positive. They agree with their Java originals to 1e-6.
 */
public final class ClassifierExport {
  /** Name of the input. */
  public static final String INPUT = "features";

  /** Name of the output. */
  public static final String OUTPUT = "probabilities";

  private static final Map<String, Long> PER_COLUMN = Map.of("axis", 1L);

  private final OnnxGraph graph;

  private ClassifierExport(String name, int columns) {
    graph = new OnnxGraph(name);
    graph.input(INPUT, FP32, OnnxGraph.BATCH, columns);
  }

  /** Logistic regression with its whole preparation of the raw columns inside the graph. */
  public static byte[] logistic(LogisticRegression model, ModelCard card) {
    int width = model.median().length;
    var export = new ClassifierExport(card.name(), width);
    var g = export.graph;
    String missing = g.node("IsNaN", "missing", INPUT);
    String filled = g.node("Where", "filled", missing, export.row(model.median()), INPUT);
    String positive = g.node("Max", "positive", filled, g.constant(new float[] {0}));
    String shifted = g.node("Add", "shifted", positive, g.constant(new float[] {1}));
    String log = g.node("Log", "log", shifted);
    String skewed = g.constant(model.skewed(), 1, width);
    String scaled = g.node("Where", "unskewed", skewed, log, filled);
    scaled = g.node("Sub", "centred", scaled, export.row(model.mean()));
    scaled = g.node("Mul", "scaled", scaled, export.row(model.scale()));
    String limit = g.constant(new float[] {LogisticRegression.LIMIT});
    String lowest = g.constant(new float[] {-LogisticRegression.LIMIT});
    String prepared = g.node("Clip", "prepared", scaled, lowest, limit);

    float[] byCategory = model.categoryWeights();
    float[] codes = new float[byCategory.length];
    for (int c = 0; c < codes.length; c++) {
      codes[c] = c;
    }
    String column = g.constant(new long[] {model.categoryColumn()}, 1);
    String category = g.node("Gather", "category", PER_COLUMN, INPUT, column);
    String equal = g.node("Equal", "is_category", category, export.row(codes));
    String oneHot = g.node("Cast", "one_hot", Map.of("to", FP32), equal);

    String weights = g.constant(model.weights(), width, 1);
    String categoryWeights = g.constant(byCategory, byCategory.length, 1);
    String sum =
        g.node(
            "Add",
            "sum",
            g.node("MatMul", "by_column", prepared, weights),
            g.node("MatMul", "by_category", oneHot, categoryWeights));
    String logit = g.node("Add", "logit", sum, g.constant(new float[] {model.bias()}));
    return export.finish(logit, card);
  }

  /** Boosted trees on the columns as they come. */
  public static byte[] trees(GradientBoostedTrees model, int columns, ModelCard card) {
    var export = new ClassifierExport(card.name(), columns);
    return export.finish(export.ensemble(model, INPUT), card);
  }

  /**
   * Boosted trees that see the columns in another order.
   *
   * @param order which input column the trees see at each place
   */
  public static byte[] reorderedTrees(GradientBoostedTrees model, int[] order, ModelCard card) {
    var export = new ClassifierExport(card.name(), order.length);
    long[] indices = Arrays.stream(order).asLongStream().toArray();
    String constant = export.graph.constant(indices, indices.length);
    String reordered = export.graph.node("Gather", "reordered", PER_COLUMN, INPUT, constant);
    return export.finish(export.ensemble(model, reordered), card);
  }

  /**
   * Boosted trees that were trained with one more column, looked up in a table by a category. The
   * model refuses to run (the whole batch) when a category has no entry: as with any lookup that
   * was never shown a new category.
   *
   * @param columns number of input columns
   * @param categoryColumn which input column holds the category
   * @param table what the trees see in column {@code columns}, by category from 0
   */
  public static byte[] encodedTrees(
      GradientBoostedTrees model, int columns, int categoryColumn, float[] table, ModelCard card) {
    var export = new ClassifierExport(card.name(), columns);
    var g = export.graph;
    String column = g.constant(new long[] {categoryColumn}, 1);
    String category = g.node("Gather", "category", PER_COLUMN, INPUT, column);
    String code = g.node("Cast", "code", Map.of("to", INT64), category);
    String encoding = g.constant(table, table.length);
    String encoded = g.node("Gather", "encoded", Map.of("axis", 0L), encoding, code);
    String wider = g.node("Concat", "wider", PER_COLUMN, INPUT, encoded);
    return export.finish(export.ensemble(model, wider), card);
  }

  private String ensemble(GradientBoostedTrees model, String input) {
    return graph.mlNode("TreeEnsembleRegressor", "logit", new TreeAttributes(model).all(), input);
  }

  private String row(float[] values) {
    return graph.constant(values, 1, values.length);
  }

  private byte[] finish(String logit, ModelCard card) {
    String positive = graph.node("Sigmoid", "positive_probability", logit);
    String one = graph.constant(new float[] {1});
    String negative = graph.node("Sub", "negative_probability", one, positive);
    graph.node("Concat", OUTPUT, PER_COLUMN, negative, positive);
    graph.output(OUTPUT, FP32, OnnxGraph.BATCH, 2);
    return graph.build(card.metadata());
  }
}
