package dev.understudy.modelserver.execution;

import org.jspecify.annotations.Nullable;

/** A model version cannot be served. The text is meant for whoever owns the model. */
public final class ModelLoadException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Says why, and what helps. */
  public ModelLoadException(String message) {
    super(message);
  }

  /** Says why, and keeps what led to it. */
  public ModelLoadException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
