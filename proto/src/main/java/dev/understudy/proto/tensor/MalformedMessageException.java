package dev.understudy.proto.tensor;

/**
 * The bytes are not a message of the Open Inference Protocol, or go beyond a bound of this reader.
 * Carries no stack trace: refusing a hostile message must stay cheap.
 */
public final class MalformedMessageException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int offset;

  MalformedMessageException(int offset, String what) {
    super("malformed message at byte " + offset + ": " + what, null, false, false);
    this.offset = offset;
  }

  /** Where reading stopped: bytes from the start of the message, 0 or more. */
  public int offset() {
    return offset;
  }
}
