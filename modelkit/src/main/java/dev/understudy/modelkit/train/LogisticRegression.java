package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Column;
import dev.understudy.modelkit.data.Column.Kind;
import dev.understudy.modelkit.data.Table;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Logistic regression over standardised columns and one weight per category, trained with Adam
 * (Kingma and Ba 2015).
 *
 * <p>The preparation belongs to the model: a missing value becomes the column's median, a skewed
 * column is seen as ln(1 + x), then every column is centred, scaled and cut at ±{@value #LIMIT}
 * standard deviations. A category that training did not know has no weight.
 */
public final class LogisticRegression implements Classifier {
  /** Standardised values are cut here, so that one absurd value cannot decide alone. */
  public static final float LIMIT = 8;

  private static final int EPOCHS = 8;
  private static final int BATCH = 128;

  private final float[] median;
  private final boolean[] skewed;
  private final float[] mean;
  private final float[] scale;
  private final int categoryColumn;
  private final int categories;
  private final float[] weights;
  private final float bias;

  private LogisticRegression(Preparation preparation, float[] weights, float bias) {
    this.median = preparation.median;
    this.skewed = preparation.skewed;
    this.mean = preparation.mean;
    this.scale = preparation.scale;
    this.categoryColumn = preparation.categoryColumn;
    this.categories = preparation.categories;
    this.weights = weights;
    this.bias = bias;
  }

  /**
   * Trains on a table.
   *
   * @param columns what the table's columns are; exactly one is a category coded from 0 to its
   *     {@code max}
   * @param seed order of the rows in each epoch
   */
  public static LogisticRegression train(Table table, List<Column> columns, long seed) {
    var preparation = Preparation.of(table, columns);
    int width = table.width() + preparation.categories;
    float[] prepared = new float[table.rows() * width];
    float[] into = new float[width];
    for (int i = 0; i < table.rows(); i++) {
      preparation.apply(table.row(i), into);
      System.arraycopy(into, 0, prepared, i * width, width);
    }
    double[] weights = new double[width + 1];
    double share = table.positiveShare();
    weights[width] = StrictMath.log(share / (1 - share));
    adam(prepared, table, weights, new SplittableRandom(seed));
    float[] single = new float[width];
    for (int j = 0; j < width; j++) {
      single[j] = (float) weights[j];
    }
    return new LogisticRegression(preparation, single, (float) weights[width]);
  }

  private static void adam(float[] rows, Table table, double[] weights, SplittableRandom random) {
    int width = weights.length - 1;
    int[] order = new int[table.rows()];
    Arrays.setAll(order, i -> i);
    double[] gradient = new double[weights.length];
    double[] first = new double[weights.length];
    double[] second = new double[weights.length];
    double decay1 = 1;
    double decay2 = 1;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      double rate = .02 * StrictMath.pow(.55, epoch);
      for (int i = order.length - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int other = order[j];
        order[j] = order[i];
        order[i] = other;
      }
      for (int from = 0; from < order.length; from += BATCH) {
        int to = Math.min(order.length, from + BATCH);
        Arrays.fill(gradient, 0);
        for (int k = from; k < to; k++) {
          int at = order[k] * width;
          double logit = weights[width];
          for (int j = 0; j < width; j++) {
            logit += weights[j] * rows[at + j];
          }
          double error = (Sigmoid.of(logit) - (table.label(order[k]) ? 1 : 0)) / (to - from);
          for (int j = 0; j < width; j++) {
            gradient[j] += error * rows[at + j];
          }
          gradient[width] += error;
        }
        decay1 *= .9;
        decay2 *= .999;
        for (int j = 0; j <= width; j++) {
          first[j] = .9 * first[j] + .1 * gradient[j];
          second[j] = .999 * second[j] + .001 * gradient[j] * gradient[j];
          double step = first[j] / (1 - decay1) / (Math.sqrt(second[j] / (1 - decay2)) + 1e-8);
          weights[j] -= rate * step;
        }
      }
    }
  }

  @Override
  public float probability(float[] row) {
    float logit = bias;
    for (int j = 0; j < median.length; j++) {
      logit += weights[j] * Preparation.standardised(row[j], j, median, skewed, mean, scale);
    }
    float category = row[categoryColumn];
    for (int c = 0; c < categories; c++) {
      if (category == c) {
        logit += weights[median.length + c];
      }
    }
    return (float) Sigmoid.of(logit);
  }

  /** What stands for a missing value, by column. */
  public float[] median() {
    return median.clone();
  }

  /** Which columns are seen as ln(1 + x). */
  public boolean[] skewed() {
    return skewed.clone();
  }

  /** What is taken off, by column. */
  public float[] mean() {
    return mean.clone();
  }

  /** What the rest is multiplied by, by column; 0 switches a column off. */
  public float[] scale() {
    return scale.clone();
  }

  /** Which column holds the category. */
  public int categoryColumn() {
    return categoryColumn;
  }

  /** One weight per column. */
  public float[] weights() {
    return Arrays.copyOf(weights, median.length);
  }

  /** One weight per known category, from code 0. */
  public float[] categoryWeights() {
    return Arrays.copyOfRange(weights, median.length, weights.length);
  }

  /** The logit of an average row. */
  public float bias() {
    return bias;
  }

  /** How a raw row becomes what the weights multiply. */
  private static final class Preparation {
    final float[] median;
    final boolean[] skewed;
    final float[] mean;
    final float[] scale;
    final int categoryColumn;
    final int categories;

    private Preparation(int width, int categoryColumn, int categories) {
      this.median = new float[width];
      this.skewed = new boolean[width];
      this.mean = new float[width];
      this.scale = new float[width];
      this.categoryColumn = categoryColumn;
      this.categories = categories;
    }

    static Preparation of(Table table, List<Column> columns) {
      if (columns.size() != table.width()) {
        throw new IllegalArgumentException(
            columns.size() + " columns described, the table has " + table.width());
      }
      List<Column> categorical = columns.stream().filter(c -> c.kind() == Kind.CATEGORY).toList();
      if (categorical.size() != 1) {
        throw new IllegalArgumentException("expected one category column, found " + categorical);
      }
      Column category = categorical.getFirst();
      var preparation =
          new Preparation(table.width(), columns.indexOf(category), (int) category.max() + 1);
      for (int j = 0; j < table.width(); j++) {
        preparation.fit(j, table.column(j), columns.get(j).kind());
      }
      return preparation;
    }

    private void fit(int j, float[] values, Kind kind) {
      float[] sorted = values.clone();
      Arrays.sort(sorted);
      int known = sorted.length;
      while (known > 0 && Float.isNaN(sorted[known - 1])) {
        known--;
      }
      median[j] = known == 0 ? 0 : sorted[known / 2];
      skewed[j] = kind == Kind.SKEWED;
      double sum = 0;
      double squares = 0;
      for (float value : values) {
        float x = Float.isNaN(value) ? median[j] : value;
        x = skewed[j] ? (float) StrictMath.log(1 + Math.max(0, x)) : x;
        sum += x;
        squares += (double) x * x;
      }
      double centre = sum / values.length;
      double deviation = Math.sqrt(Math.max(0, squares / values.length - centre * centre));
      mean[j] = (float) centre;
      scale[j] = kind == Kind.CATEGORY || deviation < 1e-9 ? 0 : (float) (1 / deviation);
    }

    void apply(float[] row, float[] into) {
      Arrays.fill(into, 0);
      for (int j = 0; j < row.length; j++) {
        into[j] = standardised(row[j], j, median, skewed, mean, scale);
      }
      float category = row[categoryColumn];
      if (category >= 0 && category < categories && category == (int) category) {
        into[row.length + (int) category] = 1;
      }
    }

    static float standardised(
        float value, int j, float[] median, boolean[] skewed, float[] mean, float[] scale) {
      float x = Float.isNaN(value) ? median[j] : value;
      x = skewed[j] ? (float) StrictMath.log(1 + Math.max(0, x)) : x;
      return Math.clamp((x - mean[j]) * scale[j], -LIMIT, LIMIT);
    }
  }
}
