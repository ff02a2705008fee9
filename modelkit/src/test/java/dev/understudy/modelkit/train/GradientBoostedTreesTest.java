package dev.understudy.modelkit.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.data.Table;
import dev.understudy.modelkit.train.GradientBoostedTrees.Options;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class GradientBoostedTreesTest {
  private static final Options SMALL = new Options(40, 3, .3, .8, 1, 1);

  /** Three columns; the label is a function of the first two. */
  private static Table table(Rule rule) {
    var random = new SplittableRandom(5);
    float[] values = new float[3 * 2_000];
    boolean[] labels = new boolean[2_000];
    for (int i = 0; i < labels.length; i++) {
      float a = random.nextInt(10) == 0 ? Float.NaN : random.nextFloat();
      float b = random.nextFloat();
      values[3 * i] = a;
      values[3 * i + 1] = b;
      values[3 * i + 2] = random.nextFloat();
      labels[i] = rule.positive(a, b);
    }
    return Table.of(3, values, labels);
  }

  private interface Rule {
    boolean positive(float a, float b);
  }

  @Test
  void conjunctionsAreLearnt() {
    Table table = table((a, b) -> a > .6f && b < .3f);
    var trees = GradientBoostedTrees.train(table, SMALL, 1);
    assertTrue(Metrics.auc(trees.probabilities(table), table.labels()) > .999);
    assertTrue(trees.probability(new float[] {.9f, .1f, .5f}) > .9);
    assertTrue(trees.probability(new float[] {.9f, .9f, .5f}) < .1);
  }

  @Test
  void missingValuesGoToTheSideThatFitsThem() {
    Table whenMissing = table((a, b) -> Float.isNaN(a));
    Table likeLow = table((a, b) -> Float.isNaN(a) || a < .5f);
    Table likeHigh = table((a, b) -> Float.isNaN(a) || a > .5f);
    for (Table table : new Table[] {whenMissing, likeLow, likeHigh}) {
      var trees = GradientBoostedTrees.train(table, SMALL, 1);
      assertTrue(trees.probability(new float[] {Float.NaN, .5f, .5f}) > .9);
      assertTrue(Metrics.auc(trees.probabilities(table), table.labels()) > .99);
    }
  }

  @Test
  void aConstantColumnTeachesNothing() {
    Table table = Table.of(1, new float[] {3, 3, 3, 3}, new boolean[] {true, false, false, false});
    var trees = GradientBoostedTrees.train(table, SMALL, 1);
    assertEquals(
        trees.probability(new float[] {3}), trees.probability(new float[] {Float.NaN}), 0f);
  }

  @Test
  void trainingFollowsFromTheSeed() {
    Table table = table((a, b) -> a + b > 1);
    var one = GradientBoostedTrees.train(table, SMALL, 1);
    assertEquals(one.trees(), GradientBoostedTrees.train(table, SMALL, 1).trees());
    assertNotEquals(one.trees(), GradientBoostedTrees.train(table, SMALL, 2).trees());
  }
}
