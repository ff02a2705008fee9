package dev.understudy.proto.tensor;

/**
 * The message is well formed, but a tensor in it cannot be used. The message text is meant for the
 * caller; on the wire it is always INVALID_ARGUMENT.
 */
public final class TensorException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what the caller is told
   */
  public TensorException(String message) {
    super(message, null, false, false);
  }
}
