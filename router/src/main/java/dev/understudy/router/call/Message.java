package dev.understudy.router.call;

/**
 * A serialized message in parts that are sent one after another. In protobuf the concatenation of
 * two messages is their merge, so a part behind the original overrides its fields without a copy.
 *
 * <p>Immutable by agreement: nobody writes to the arrays.
 *
 * @param body the first part
 * @param tail the second part, often empty
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that is asked of a message
public record Message(byte[] body, byte[] tail) {
  private static final byte[] NONE = new byte[0];

  /** A message in one part. */
  public static Message of(byte[] body) {
    return new Message(body, NONE);
  }

  /** The same body with another tail. */
  public Message withTail(byte[] other) {
    return new Message(body, other);
  }

  /** Bytes in all. */
  public int size() {
    return body.length + tail.length;
  }
}
