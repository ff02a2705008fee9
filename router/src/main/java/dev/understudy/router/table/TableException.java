package dev.understudy.router.table;

/** A routing table that must not be put in force; the text names the model and the fault. */
public final class TableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the text that is reported back to the controller. */
  public TableException(String message) {
    super(message, null, false, false);
  }
}
