package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Table;

/** Says how likely a row is positive. Immutable, for use by many threads. */
public interface Classifier {

  /**
   * Probability that the row is positive, computed in single precision as the exported model does.
   *
   * @param row one value per column; NaN where it is missing
   */
  float probability(float[] row);

  /** Probabilities of all rows of a table. */
  default float[] probabilities(Table table) {
    float[] p = new float[table.rows()];
    for (int i = 0; i < p.length; i++) {
      p[i] = probability(table.row(i));
    }
    return p;
  }
}
