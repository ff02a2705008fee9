package dev.understudy.launcher.offline;

/** Why a comparison did not take place. The message names the value and the expectation. */
public final class OfflineException extends Exception {
  private static final long serialVersionUID = 1;

  /** What has to be put right. */
  public enum Kind {
    /** The command line. */
    USAGE,
    /** The file with the rows. */
    DATA,
    /** A model, or that data and model do not fit. */
    MODEL,
    /** A server that does not answer. */
    UNREACHABLE
  }

  /** What has to be put right. */
  private final Kind kind;

  OfflineException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** What has to be put right. */
  public Kind kind() {
    return kind;
  }
}
