package dev.understudy.modelserver.execution;

/** A model has failed on the inputs it was given. */
public final class InferenceException extends Exception {
  private static final long serialVersionUID = 1L;
  private final boolean badInput;

  private InferenceException(String message, boolean badInput) {
    super(message);
    this.badInput = badInput;
  }

  /** The model failed while it ran. */
  public static InferenceException failed(String message) {
    return new InferenceException(message, false);
  }

  /** The inputs cannot be given to the engine at all. */
  public static InferenceException badInput(String message) {
    return new InferenceException(message, true);
  }

  /** Whether the caller is to blame, by what the engine can tell before it runs. */
  public boolean isBadInput() {
    return badInput;
  }

  String text() {
    String message = getMessage();
    return message == null ? "" : message;
  }
}
