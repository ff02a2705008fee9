package dev.understudy.modelkit.train;

import dev.understudy.modelkit.data.Table;
import java.util.Arrays;

/**
 * A table cut into at most {@value #MISSING} bins per column at its quantiles; one more bin holds
 * the missing values. A value is in bin {@code b} or below exactly if it is at most {@code
 * edges[b]}, so a split on bins is the same split on values.
 */
final class Bins {
  static final int MISSING = 63;
  static final int COUNT = 64;

  final int width;
  private final float[][] edges;
  private final byte[] bins;

  private Bins(int width, float[][] edges, byte[] bins) {
    this.width = width;
    this.edges = edges;
    this.bins = bins;
  }

  static Bins of(Table table) {
    int width = table.width();
    float[][] edges = new float[width][];
    byte[] bins = new byte[table.rows() * width];
    for (int j = 0; j < width; j++) {
      float[] column = table.column(j);
      edges[j] = edges(column);
      for (int i = 0; i < column.length; i++) {
        bins[i * width + j] = (byte) bin(column[i], edges[j]);
      }
    }
    return new Bins(width, edges, bins);
  }

  int bin(int row, int column) {
    return bins[row * width + column];
  }

  /** Number of bins of a column without the one for missing values. */
  int count(int column) {
    return edges[column].length;
  }

  float edge(int column, int bin) {
    return edges[column][bin];
  }

  private static float[] edges(float[] column) {
    float[] sorted = column.clone();
    Arrays.sort(sorted);
    int known = sorted.length;
    while (known > 0 && Float.isNaN(sorted[known - 1])) {
      known--;
    }
    float[] found = new float[MISSING];
    int count = 0;
    for (int q = 1; q <= MISSING && known > 0; q++) {
      float edge = sorted[(int) Math.max(0, (long) known * q / MISSING - 1)];
      if (count == 0 || edge > found[count - 1]) {
        found[count++] = edge;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private static int bin(float value, float[] edges) {
    if (Float.isNaN(value)) {
      return MISSING;
    }
    int at = Arrays.binarySearch(edges, value);
    return Math.min(at >= 0 ? at : -at - 1, Math.max(0, edges.length - 1));
  }
}
