package dev.understudy.modelkit.onnx;

import dev.understudy.modelkit.train.GradientBoostedTrees;
import dev.understudy.modelkit.train.GradientBoostedTrees.Node;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Boosted trees as the parallel lists of a {@code TreeEnsembleRegressor}: one entry per node, nodes
 * numbered from 0 in each tree, and one entry per leaf with its value. The positive class of a
 * {@code TreeEnsembleClassifier} would be shorter, but runtimes treat its two-class case specially.
 */
final class TreeAttributes {
  private final List<Long> trees = new ArrayList<>();
  private final List<Long> nodes = new ArrayList<>();
  private final List<Long> columns = new ArrayList<>();
  private final List<Float> thresholds = new ArrayList<>();
  private final List<String> modes = new ArrayList<>();
  private final List<Long> whenTrue = new ArrayList<>();
  private final List<Long> whenFalse = new ArrayList<>();
  private final List<Long> missingTrue = new ArrayList<>();
  private final List<Long> leafTrees = new ArrayList<>();
  private final List<Long> leafNodes = new ArrayList<>();
  private final List<Long> leafTargets = new ArrayList<>();
  private final List<Float> leafValues = new ArrayList<>();
  private final float base;

  TreeAttributes(GradientBoostedTrees model) {
    base = model.base();
    for (int tree = 0; tree < model.trees().size(); tree++) {
      add(tree, 0, model.trees().get(tree));
    }
  }

  /** Adds a node and what is below it; returns the first free number after them. */
  private long add(long tree, long number, Node node) {
    trees.add(tree);
    nodes.add(number);
    int at = columns.size();
    switch (node) {
      case Node.Leaf leaf -> {
        entry(0, 0, "LEAF", 0);
        leafTrees.add(tree);
        leafNodes.add(number);
        leafTargets.add(0L);
        leafValues.add(leaf.value());
        return number + 1;
      }
      case Node.Split split -> {
        entry(split.column(), split.threshold(), "BRANCH_LEQ", split.missingLeft() ? 1 : 0);
        whenTrue.set(at, number + 1);
        long right = add(tree, number + 1, split.left());
        whenFalse.set(at, right);
        return add(tree, right, split.right());
      }
    }
  }

  private void entry(long column, float threshold, String mode, long missing) {
    columns.add(column);
    thresholds.add(threshold);
    modes.add(mode);
    whenTrue.add(0L);
    whenFalse.add(0L);
    missingTrue.add(missing);
  }

  Map<String, Object> all() {
    var all = new LinkedHashMap<String, Object>();
    all.put("n_targets", 1L);
    all.put("aggregate_function", "SUM");
    all.put("post_transform", "NONE");
    all.put("base_values", new float[] {base});
    all.put("nodes_treeids", longs(trees));
    all.put("nodes_nodeids", longs(nodes));
    all.put("nodes_featureids", longs(columns));
    all.put("nodes_values", floats(thresholds));
    all.put("nodes_modes", modes);
    all.put("nodes_truenodeids", longs(whenTrue));
    all.put("nodes_falsenodeids", longs(whenFalse));
    all.put("nodes_missing_value_tracks_true", longs(missingTrue));
    all.put("target_treeids", longs(leafTrees));
    all.put("target_nodeids", longs(leafNodes));
    all.put("target_ids", longs(leafTargets));
    all.put("target_weights", floats(leafValues));
    return all;
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private static float[] floats(List<Float> values) {
    float[] array = new float[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    return array;
  }
}
