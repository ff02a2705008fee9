package dev.understudy.evidence.divergence;

/** What is out of the ordinary about a compared row. */
public enum Flag {
  /** Nothing. */
  NONE(true),
  /** Only the copy's row cannot be read as what it should be: divergence 1. */
  COPY_INVALID(true),
  /** Only the champion's row cannot: divergence 1. */
  CHAMPION_INVALID(true),
  /** Neither can: nothing is measured. */
  BOTH_INVALID(false),
  /** The shapes differ: divergence 1. */
  SHAPE_MISMATCH(true),
  /** One is BYTES and the other is not: divergence 1. */
  DATATYPE_MISMATCH(true),
  /**
   * The measure does not fit this datatype, or the output is larger than what is read: nothing is
   * measured, the contract is to be mended.
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
