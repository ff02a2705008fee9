package dev.understudy.evidence.divergence;

import dev.understudy.proto.v1.Measure;
import dev.understudy.proto.v1.OutputKind;
import java.util.Arrays;

/**
 * What comparing one output gave: a divergence for each row, the mean of each measure over the
 * rows, and the greatest differences. Filled by a {@link Comparer}, used again for the next pair.
 * Divergences are on the grid 0..{@value #UNITS}, rounded to nearest.
 *
 * <p>Not thread-safe.
 */
public final class OutputMeasures {
  /** The divergence 1. */
  public static final int UNITS = 1024;

  // The numbers of the protocol's measures are 1 to 11.
  private static final int MEASURES = 12;

  private OutputKind kind = OutputKind.OUTPUT_KIND_UNSPECIFIED;
  private int rows;
  private int[] units = new int[1];
  private Flag[] flags = {Flag.NONE};
  private long unitsSum;
  private int evidenceRows;
  private final long[] measureSum = new long[MEASURES];
  private final int[] measureRows = new int[MEASURES];
  private boolean otherShape;
  private boolean championNotFinite;
  private boolean copyNotFinite;
  private double maxAbs;
  private double maxRel;
  private long maxUlp;

  /** Nothing measured yet. */
  public OutputMeasures() {}

  /** The kind as which it was compared; inferred where the plan names none. */
  public OutputKind kind() {
    return kind;
  }

  /** Rows that were looked at; 0 when the output has no elements. */
  public int rows() {
    return rows;
  }

  /** Divergence of a row; 0 for a row that is no evidence. */
  public int units(int row) {
    return units[row];
  }

  /** What is out of the ordinary about a row. */
  public Flag flag(int row) {
    return flags[row];
  }

  /** Whether a row may enter a test; false for a row that is not there. */
  public boolean isEvidence(int row) {
    return row < rows && flags[row].isEvidence();
  }

  /** Mean divergence of the rows that are evidence, rounded to nearest; -1 when none is. */
  public int meanUnits() {
    return mean(unitsSum, evidenceRows);
  }

  /** Mean of a measure over the rows where it was taken; -1 when it was not. */
  public int meanUnits(Measure measure) {
    int index = measure.getNumber();
    return mean(measureSum[index], measureRows[index]);
  }

  /** Whether shapes or kinds of element differ. */
  public boolean otherShape() {
    return otherShape;
  }

  /** Whether the copy answered NaN or infinity where the champion did not at all. */
  public boolean onlyCopyNotFinite() {
    return copyNotFinite && !championNotFinite;
  }

  /** Greatest absolute difference of two numbers; positive infinity with a NaN on one side. */
  public double maxAbs() {
    return maxAbs;
  }

  /**
   * Greatest difference relative to the champion's number; positive infinity where that is 0 and
   * the copy's is not, and with a NaN on one side.
   */
  public double maxRel() {
    return maxRel;
  }

  /**
   * Greatest distance in units in the last place, for two outputs of one floating-point kind of at
   * most {@value Comparer#DISPLAY_ELEMENTS} elements, else 0; for display, never to decide on.
   */
  public long maxUlp() {
    return maxUlp;
  }

  static int mean(long sum, int count) {
    return count == 0 ? -1 : (int) ((2 * sum + count) / (2L * count));
  }

  void begin(OutputKind as, int rowCount) {
    kind = as;
    rows = rowCount;
    if (units.length < rowCount) {
      units = new int[rowCount];
      flags = new Flag[rowCount];
    }
    unitsSum = 0;
    evidenceRows = 0;
    Arrays.fill(measureSum, 0);
    Arrays.fill(measureRows, 0);
    otherShape = false;
    championNotFinite = false;
    copyNotFinite = false;
    maxAbs = 0;
    maxRel = 0;
    maxUlp = 0;
  }

  /** The measure that is the row's divergence. */
  void primary(int row, Measure measure, double value) {
    int of = grid(value);
    units[row] = of;
    flags[row] = Flag.NONE;
    unitsSum += of;
    evidenceRows++;
    add(measure, of);
  }

  void display(Measure measure, double value) {
    add(measure, grid(value));
  }

  private void add(Measure measure, int of) {
    measureSum[measure.getNumber()] += of;
    measureRows[measure.getNumber()]++;
  }

  void flagged(int row, Flag flag, Measure primary) {
    flags[row] = flag;
    units[row] = 0;
    if (flag.isEvidence()) {
      units[row] = UNITS;
      unitsSum += UNITS;
      evidenceRows++;
      add(primary, UNITS);
    }
    otherShape |= flag == Flag.SHAPE_MISMATCH || flag == Flag.DATATYPE_MISMATCH;
  }

  void notFinite(boolean champion, boolean copy) {
    championNotFinite |= champion;
    copyNotFinite |= copy;
  }

  void distances(double absolute, double relative, long ulps) {
    maxAbs = Math.max(maxAbs, absolute);
    maxRel = Math.max(maxRel, relative);
    maxUlp = Math.max(maxUlp, ulps);
  }

  private static int grid(double value) {
    if (!(value < 1)) {
      return UNITS;
    }
    return value <= 0 ? 0 : (int) StrictMath.round(value * UNITS);
  }
}
