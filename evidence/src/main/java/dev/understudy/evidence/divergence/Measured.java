package dev.understudy.evidence.divergence;

import org.jspecify.annotations.Nullable;

/**
 * How far the shadow's answer to one row lies from the champion's.
 *
 * @param row index within the batch
 * @param units the divergence in 1/1024, rounded to nearest: 0 for none, {@value #UNITS} for the
 *     farthest
 * @param disagreement whether the answers differ in what matters: another top class, another label,
 *     outside the tolerance
 * @param flag whether the number can be taken as it is
 * @param reason words for the flag, empty when there is none
 * @param decision both decisions, where a cut-off was given and both scores are numbers
 * @param maxAbs greatest absolute difference of two elements; for display
 * @param maxRel greatest difference relative to the champion's element; positive infinity where
 *     that is 0 and the other is not
 * @param maxUlp greatest distance in units in the last place, for two outputs of one floating-point
 *     kind; for display, never to decide on
 */
public record Measured(
    int row,
    int units,
    boolean disagreement,
    Flag flag,
    String reason,
    @Nullable DecisionChange decision,
    double maxAbs,
    double maxRel,
    long maxUlp) {

  /** The divergence 1. */
  public static final int UNITS = 1024;

  public Measured {
    if (units < 0 || units > UNITS) {
      throw new IllegalArgumentException("units: " + units + " (expected: 0 to " + UNITS + ")");
    }
  }

  /** What is out of the ordinary about a row. */
  public enum Flag {
    /** Nothing. */
    NONE(true),
    /** Only the shadow's row cannot be read as what it should be: divergence 1. */
    SHADOW_INVALID(true),
    /** Only the champion's row cannot: divergence 1. */
    CHAMPION_INVALID(true),
    /** Neither can: nothing is measured. */
    BOTH_INVALID(false),
    /** The shapes differ: divergence 1. */
    SHAPE_MISMATCH(true),
    /** One is BYTES and the other is not: divergence 1. */
    DATATYPE_MISMATCH(true),
    /**
     * The measure does not fit this datatype or width: nothing is measured, the plan is to be
     * mended.
     */
    NOT_COMPARABLE(false);

    private final boolean evidence;

    Flag(boolean evidence) {
      this.evidence = evidence;
    }

    /** Whether a row with this flag may enter a test. */
    public boolean isEvidence() {
      return evidence;
    }
  }

  /**
   * Two decisions about one case.
   *
   * @param championDecision whether the champion's score reaches the cut-off
   * @param shadowDecision whether the shadow's does
   * @param championScore the champion's score
   * @param shadowScore the shadow's score
   */
  public record DecisionChange(
      boolean championDecision, boolean shadowDecision, double championScore, double shadowScore) {
    /** Whether another model would have decided otherwise. */
    public boolean changed() {
      return championDecision != shadowDecision;
    }
  }
}
