package dev.understudy.modelkit.data;

import java.util.Arrays;
import java.util.List;

/** Labelled rows, held row-major in one array. Immutable as long as nobody writes to a row. */
public final class Table {
  private final int width;
  private final float[] values;
  private final boolean[] labels;

  private Table(int width, float[] values, boolean[] labels) {
    this.width = width;
    this.values = values;
    this.labels = labels;
  }

  /**
   * A table of {@code labels.length} rows.
   *
   * @param values rows × width values, row by row; taken over, not copied
   * @param labels whether each row is positive; taken over, not copied
   */
  public static Table of(int width, float[] values, boolean[] labels) {
    if (values.length != (long) width * labels.length) {
      throw new IllegalArgumentException(
          values.length + " values are not " + labels.length + " rows of " + width);
    }
    return new Table(width, values, labels);
  }

  /** A table of these cases, in their order. */
  public static Table of(List<CardFraud.Case> cases) {
    int width = cases.isEmpty() ? 0 : cases.getFirst().features().length;
    float[] values = new float[cases.size() * width];
    boolean[] labels = new boolean[cases.size()];
    for (int i = 0; i < labels.length; i++) {
      System.arraycopy(cases.get(i).features(), 0, values, i * width, width);
      labels[i] = cases.get(i).fraud();
    }
    return of(width, values, labels);
  }

  /** Number of rows. */
  public int rows() {
    return labels.length;
  }

  /** Number of columns. */
  public int width() {
    return width;
  }

  /** Value of one cell; NaN where it is missing. */
  public float value(int row, int column) {
    return values[row * width + column];
  }

  /** A copy of one row. */
  public float[] row(int row) {
    return Arrays.copyOfRange(values, row * width, (row + 1) * width);
  }

  /** A copy of one column. */
  public float[] column(int column) {
    float[] copy = new float[rows()];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = value(i, column);
    }
    return copy;
  }

  /** Whether a row is positive. */
  public boolean label(int row) {
    return labels[row];
  }

  /** The labels, one per row. */
  public boolean[] labels() {
    return labels.clone();
  }

  /** Share of positive rows, 0 to 1; NaN for an empty table. */
  public double positiveShare() {
    int positives = 0;
    for (boolean label : labels) {
      positives += label ? 1 : 0;
    }
    return (double) positives / labels.length;
  }

  /** This table with one more column at its right end. */
  public Table withColumn(float[] column) {
    if (column.length != rows()) {
      throw new IllegalArgumentException(
          "a column of " + column.length + " values for a table of " + rows() + " rows");
    }
    float[] wider = new float[rows() * (width + 1)];
    for (int i = 0; i < rows(); i++) {
      System.arraycopy(values, i * width, wider, i * (width + 1), width);
      wider[i * (width + 1) + width] = column[i];
    }
    return new Table(width + 1, wider, labels);
  }
}
