package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Table;
import java.util.ArrayList;
import java.util.List;

/**
 * Boosted regression trees on the logistic loss (Friedman 2001), grown level by level from
 * histograms. A split sends values of at most its threshold left; each split has learnt to which
 * side missing values go.
 */
public final class GradientBoostedTrees implements Classifier {
  private final float base;
  private final List<Node> trees;

  GradientBoostedTrees(float base, List<Node> trees) {
    this.base = base;
    this.trees = List.copyOf(trees);
  }

  /**
   * How to grow.
   *
   * @param trees how many trees
   * @param depth splits from root to leaf, at most
   * @param rate how much of each tree counts, 0 to 1
   * @param sample share of the rows that each tree sees, 0 to 1
   * @param lambda quadratic penalty on leaf values
   * @param minHessian least sum of p(1-p) on each side of a split
   */
  public record Options(
      int trees, int depth, double rate, double sample, double lambda, double minHessian) {
    /** Small enough for seconds on one core, strong enough to see conjunctions of three facts. */
    public static final Options DEFAULT = new Options(160, 5, .1, .6, 8, 5);
  }

  /** Part of a tree. */
  public sealed interface Node {

    /**
     * An inner node.
     *
     * @param column which value of the row decides
     * @param threshold values of at most this go left
     * @param missingLeft whether NaN goes left
     */
    record Split(int column, float threshold, boolean missingLeft, Node left, Node right)
        implements Node {}

    /**
     * An end.
     *
     * @param value what the tree adds to the logit
     */
    record Leaf(float value) implements Node {}
  }

  /**
   * Trains on a table.
   *
   * @param seed which rows each tree sees
   */
  public static GradientBoostedTrees train(Table table, Options options, long seed) {
    double share = table.positiveShare();
    float base = (float) StrictMath.log(share / (1 - share));
    var grower = new TreeGrower(table, options, base, seed);
    var trees = new ArrayList<Node>(options.trees);
    for (int i = 0; i < options.trees; i++) {
      trees.add(grower.grow());
    }
    return new GradientBoostedTrees(base, trees);
  }

  @Override
  public float probability(float[] row) {
    float logit = 0;
    for (Node tree : trees) {
      logit += leaf(tree, row);
    }
    return (float) Sigmoid.of(logit + base);
  }

  private static float leaf(Node tree, float[] row) {
    Node node = tree;
    while (node instanceof Node.Split split) {
      float value = row[split.column];
      boolean left = Float.isNaN(value) ? split.missingLeft : value <= split.threshold;
      node = left ? split.left : split.right;
    }
    return ((Node.Leaf) node).value;
  }

  /** The logit to which the trees add. */
  public float base() {
    return base;
  }

  /** The roots. */
  public List<Node> trees() {
    return trees;
  }
}
