package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Table;

/** How often rows of each category are positive: a category as a number that means something. */
public final class CategoryRates {
  /** Rows of average luck that every category gets on top, so that a rare one is not extreme. */
  private static final double PRIOR_ROWS = 50;

  private CategoryRates() {}

  /**
   * The rates by category.
   *
   * @param column column that holds the category, coded from 0
   * @param categories how many there are
   */
  public static float[] of(Table table, int column, int categories) {
    double overall = table.positiveShare();
    double[] positives = new double[categories];
    double[] rows = new double[categories];
    for (int i = 0; i < table.rows(); i++) {
      int category = (int) table.value(i, column);
      rows[category]++;
      positives[category] += table.label(i) ? 1 : 0;
    }
    float[] rates = new float[categories];
    for (int c = 0; c < categories; c++) {
      rates[c] = (float) ((positives[c] + PRIOR_ROWS * overall) / (rows[c] + PRIOR_ROWS));
    }
    return rates;
  }

  /** The rate of each of these categories. */
  public static float[] lookUp(float[] rates, float[] categories) {
    float[] found = new float[categories.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = rates[(int) categories[i]];
    }
    return found;
  }
}
