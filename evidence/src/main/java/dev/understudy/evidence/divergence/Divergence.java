package dev.understudy.evidence.divergence;

import dev.understudy.evidence.divergence.Measured.DecisionChange;
import dev.understudy.evidence.divergence.Measured.Flag;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A way to measure how far two outputs lie apart, row by row. Pure: the same bytes give the same
 * numbers on any machine. Never throws for what a model answered.
 *
 * @param kind what the output means
 * @param tolerance for {@link Kind#REGRESSION}, and the absolute part for {@link Kind#EMBEDDING}
 * @param cutOff which score decides, or null when none does
 */
public record Divergence(Kind kind, Tolerance tolerance, @Nullable CutOff cutOff) {

  /** What an output means, and how two are compared. */
  public enum Kind {
    /**
     * Probabilities of classes: half the sum of absolute differences. A single column is the
     * probability of "yes".
     */
    TOTAL_VARIATION,
    /** Probabilities: Jensen-Shannon divergence to base 2. */
    JENSEN_SHANNON,
    /** Probabilities: the square of the Hellinger distance. */
    SQUARED_HELLINGER,
    /** Probabilities: 1 when the likeliest classes differ, else 0; the first wins a tie. */
    TOP_ONE,
    /** Labels, numbers or BYTES: 1 when any differs, else 0. */
    LABELS,
    /**
     * Numbers, also logits: {@code min(1, |a-b| / (atol + rtol |a|) / cap)} of the worst element.
     */
    REGRESSION,
    /** Vectors: {@code (1 - cosine) / 2}. */
    EMBEDDING,
    /** 1 when any byte differs, else 0. */
    EXACT;

    boolean isProbabilities() {
      return this == TOTAL_VARIATION
          || this == JENSEN_SHANNON
          || this == SQUARED_HELLINGER
          || this == TOP_ONE;
    }
  }

  /**
   * How much of a difference is noise.
   *
   * @param atol absolute part, 0 or more
   * @param rtol part relative to the champion's number, 0 or more
   * @param cap at so many times the tolerance the divergence is 1; at least 1
   */
  public record Tolerance(double atol, double rtol, double cap) {
    /** For FP32: 1e-5, 1e-4, cap 10. */
    public static final Tolerance FP32 = new Tolerance(1e-5, 1e-4, 10);

    /** For FP16 and TF32, to be calibrated: 1e-3, 1e-2, cap 10. */
    public static final Tolerance FP16 = new Tolerance(1e-3, 1e-2, 10);

    public Tolerance {
      if (!(atol >= 0 && rtol >= 0 && cap >= 1)
          || Double.isInfinite(atol + rtol)
          || Double.isInfinite(cap)) {
        throw new IllegalArgumentException(
            "atol, rtol, cap: "
                + atol
                + ", "
                + rtol
                + ", "
                + cap
                + " (expected: >= 0, >= 0, >= 1, all finite)");
      }
    }
  }

  /**
   * Where a score becomes a decision: "yes" from the cut-off upwards.
   *
   * @param column of the row that holds the score, 0 or more
   * @param score the cut-off, finite
   */
  public record CutOff(int column, double score) {
    public CutOff {
      if (column < 0) {
        throw new IllegalArgumentException("column: " + column + " (expected: >= 0)");
      }
      if (!Double.isFinite(score)) {
        throw new IllegalArgumentException("score: " + score + " (expected: finite)");
      }
    }
  }

  /** A measure with FP32's tolerance and no cut-off. */
  public static Divergence of(Kind kind) {
    return new Divergence(kind, Tolerance.FP32, null);
  }

  /** This measure with a cut-off. */
  public Divergence withCutOff(int column, double score) {
    return new Divergence(kind, tolerance, new CutOff(column, score));
  }

  /**
   * Compares two outputs for the same input.
   *
   * @return one entry for each row of the champion's output, in order; a single one when the
   *     champion's rows cannot be told; none when the output has no elements
   */
  public List<Measured> measure(Tensor champion, Tensor shadow) {
    @Nullable String championProblem = champion.problem();
    @Nullable String shadowProblem = shadow.problem();
    if (championProblem != null && shadowProblem != null) {
      return List.of(flagged(0, Flag.BOTH_INVALID, championProblem));
    }
    if (championProblem != null) {
      return List.of(flagged(0, Flag.CHAMPION_INVALID, championProblem));
    }
    if (shadowProblem != null) {
      return all(champion, Flag.SHADOW_INVALID, shadowProblem);
    }
    if (!champion.sameShape(shadow)) {
      return all(
          champion,
          Flag.SHAPE_MISMATCH,
          "shapes " + champion.shapeText() + " and " + shadow.shapeText());
    }
    if (champion.isNumeric() != shadow.isNumeric()) {
      return all(champion, Flag.DATATYPE_MISMATCH, "BYTES and numbers");
    }
    if (!champion.isNumeric() && kind != Kind.LABELS && kind != Kind.EXACT) {
      return all(champion, Flag.NOT_COMPARABLE, "BYTES cannot be compared as " + kind);
    }
    if (cutOff != null && champion.isNumeric() && cutOff.column() >= champion.width()) {
      return all(
          champion,
          Flag.NOT_COMPARABLE,
          "cut-off column " + cutOff.column() + " of " + champion.width());
    }
    List<Measured> measured = new ArrayList<>(champion.rows());
    for (int row = 0; row < champion.rows(); row++) {
      measured.add(row(champion, shadow, row));
    }
    return measured;
  }

  private Measured row(Tensor champion, Tensor shadow, int row) {
    if (!champion.isNumeric()) {
      int units = same(champion, shadow, row) ? 0 : Measured.UNITS;
      return new Measured(row, units, units > 0, Flag.NONE, "", null, 0, 0, 0);
    }
    double[] a = champion.row(row);
    double[] b = shadow.row(row);
    @Nullable String problemA = Rows.problem(kind, a);
    @Nullable String problemB = Rows.problem(kind, b);
    if (problemA != null && problemB != null) {
      return flagged(row, Flag.BOTH_INVALID, problemA);
    }
    if (problemA != null) {
      return flagged(row, Flag.CHAMPION_INVALID, problemA);
    }
    if (problemB != null) {
      return flagged(row, Flag.SHADOW_INVALID, problemB);
    }
    Distances distances = Distances.of(champion, shadow, row, a, b);
    double value =
        switch (kind) {
          case TOTAL_VARIATION -> Rows.totalVariation(a, b);
          case JENSEN_SHANNON -> Rows.jensenShannon(a, b);
          case SQUARED_HELLINGER -> Rows.squaredHellinger(a, b);
          case TOP_ONE -> Rows.topOne(a) == Rows.topOne(b) ? 0 : 1;
          case LABELS, EXACT -> same(champion, shadow, row) ? 0 : 1;
          case EMBEDDING -> Rows.halfOneMinusCosine(a, b);
          case REGRESSION -> StrictMath.min(1, Rows.worstRatio(a, b, tolerance) / tolerance.cap());
        };
    boolean disagreement =
        switch (kind) {
          case TOTAL_VARIATION, JENSEN_SHANNON, SQUARED_HELLINGER, TOP_ONE ->
              Rows.topOne(a) != Rows.topOne(b);
          case REGRESSION -> Rows.worstRatio(a, b, tolerance) > 1;
          case EMBEDDING -> value > tolerance.atol();
          case LABELS, EXACT -> value > 0;
        };
    return new Measured(
        row,
        (int) StrictMath.round(StrictMath.clamp(value, 0.0, 1.0) * Measured.UNITS),
        disagreement,
        Flag.NONE,
        "",
        decision(a, b),
        distances.maxAbs(),
        distances.maxRel(),
        distances.maxUlp());
  }

  private @Nullable DecisionChange decision(double[] a, double[] b) {
    if (cutOff == null) {
      return null;
    }
    double scoreA = a[cutOff.column()];
    double scoreB = b[cutOff.column()];
    if (Double.isNaN(scoreA) || Double.isNaN(scoreB)) {
      return null;
    }
    return new DecisionChange(scoreA >= cutOff.score(), scoreB >= cutOff.score(), scoreA, scoreB);
  }

  private boolean same(Tensor champion, Tensor shadow, int row) {
    for (int i = row * champion.width(); i < (row + 1) * champion.width(); i++) {
      if (kind == Kind.EXACT ? !champion.identical(shadow, i) : !champion.same(shadow, i)) {
        return false;
      }
    }
    return true;
  }

  private static List<Measured> all(Tensor champion, Flag flag, String reason) {
    List<Measured> rows = new ArrayList<>(Math.max(1, champion.rows()));
    int row = 0;
    do {
      rows.add(flagged(row, flag, reason));
      row++;
    } while (row < champion.rows());
    return rows;
  }

  private static Measured flagged(int row, Flag flag, String reason) {
    boolean apart = flag.isEvidence();
    return new Measured(row, apart ? Measured.UNITS : 0, apart, flag, reason, null, 0, 0, 0);
  }
}
