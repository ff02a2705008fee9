package dev.understudy.loadtest.wire;

import org.jspecify.annotations.Nullable;

/**
 * One call on its way. Mutable and used again, so that a call allocates nothing; belongs to the
 * thread that drives the {@link Wire}.
 */
public final class Exchange {
  /** Serialized request. */
  byte[] message = NOTHING;

  /** Which of the target's tokens it carries. */
  int principal;

  /** Free for the caller: what kind of call it is. */
  int kind;

  /** When it was to be sent; latency counts from here. */
  long dueNanos;

  /** When it was handed to the connection; {@link #NOT_SENT} before. */
  long sentNanos;

  static final long NOT_SENT = Long.MIN_VALUE;
  private static final byte[] NOTHING = {};

  int streamId;
  @Nullable Connection connection;

  /** Bytes of the gRPC frame (prefix and message) that are not on the wire yet. */
  int left;

  long sendWindow;
  long responseBytes;
  int httpStatus;

  /** Neighbours among the calls on their way, oldest first. */
  @Nullable Exchange older;

  @Nullable Exchange younger;

  /** A blank one, to be used again and again. */
  public Exchange() {}

  /**
   * Prepares the next use.
   *
   * @param message a serialized request, not changed until the call has ended
   * @param principal index of a token
   * @param kind handed back as it is
   * @param dueNanos by {@link System#nanoTime}
   */
  public Exchange of(byte[] message, int principal, int kind, long dueNanos) {
    this.message = message;
    this.principal = principal;
    this.kind = kind;
    this.dueNanos = dueNanos;
    this.sentNanos = NOT_SENT;
    this.streamId = 0;
    this.connection = null;
    this.left = message.length + 5;
    this.responseBytes = 0;
    this.httpStatus = 0;
    return this;
  }

  /** As given to {@link #of}. */
  public int kind() {
    return kind;
  }

  /** As given to {@link #of}. */
  public long dueNanos() {
    return dueNanos;
  }

  /** Whether it reached a connection. */
  public boolean sent() {
    return sentNanos != NOT_SENT;
  }

  /** It was handed over at this moment. */
  public void sentAt(long nanos) {
    sentNanos = nanos;
  }

  /** When it was handed to a connection; only meaningful when {@link #sent}. */
  public long sentNanos() {
    return sentNanos;
  }

  /** Bytes of response messages, with their prefixes. */
  public long responseBytes() {
    return responseBytes;
  }
}
