package dev.understudy.modelkit.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.data.Column;
import dev.understudy.modelkit.data.Column.Kind;
import dev.understudy.modelkit.data.Table;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LogisticRegressionTest {
  private static final List<Column> COLUMNS =
      List.of(
          new Column("x", Kind.NUMBER, -5, 5, true), new Column("c", Kind.CATEGORY, 0, 2, false));

  /** Log-odds 2 x - 1, and 2 more in category 2. */
  private static Table table(double missing) {
    var random = new SplittableRandom(5);
    float[] values = new float[2 * 20_000];
    boolean[] labels = new boolean[20_000];
    for (int i = 0; i < labels.length; i++) {
      double x = random.nextDouble(-2, 2);
      int c = random.nextInt(3);
      values[2 * i] = random.nextDouble() < missing ? Float.NaN : (float) x;
      values[2 * i + 1] = c;
      labels[i] = random.nextDouble() < Sigmoid.of(2 * x - 1 + (c == 2 ? 2 : 0));
    }
    return Table.of(2, values, labels);
  }

  @Test
  void theLogOddsBehindTheDataAreFound() {
    var model = LogisticRegression.train(table(0), COLUMNS, 1);
    double step =
        logit(model.probability(new float[] {1, 0})) - logit(model.probability(new float[] {0, 0}));
    double category =
        logit(model.probability(new float[] {0, 2})) - logit(model.probability(new float[] {0, 1}));
    assertEquals(2, step, .3);
    assertEquals(2, category, .3);
  }

  @Test
  void missingCountsAsMedian() {
    var model = LogisticRegression.train(table(.2), COLUMNS, 1);
    assertEquals(
        model.probability(new float[] {model.median()[0], 1}),
        model.probability(new float[] {Float.NaN, 1}),
        0f);
  }

  @Test
  void anUnknownCategoryHasNoWeight() {
    var model = LogisticRegression.train(table(.2), COLUMNS, 1);
    assertEquals(
        model.probability(new float[] {0, 7}), model.probability(new float[] {0, 1.5f}), 0f);
    assertTrue(Float.isFinite(model.probability(new float[] {1e30f, -1})));
  }

  @Test
  void trainingFollowsFromTheSeed() {
    Table table = table(.2);
    assertArrayEquals(
        LogisticRegression.train(table, COLUMNS, 1).weights(),
        LogisticRegression.train(table, COLUMNS, 1).weights());
  }

  @Test
  void columnsMustDescribeTheTable() {
    List<Column> one = COLUMNS.subList(0, 1);
    assertThrows(IllegalArgumentException.class, () -> LogisticRegression.train(table(.2), one, 1));
  }

  private static double logit(double p) {
    return Math.log(p / (1 - p));
  }
}
