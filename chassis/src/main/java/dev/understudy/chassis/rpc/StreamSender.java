package dev.understudy.chassis.rpc;

/** The sending side of one connection of a {@link ResilientStream}. Safe for use by any thread. */
public interface StreamSender<Q> {
  /** Whether a message would go out now instead of waiting in memory. */
  boolean isReady();

  /**
   * Sends a message, also when not ready; the caller keeps its own bound by asking first.
   *
   * @return false if the connection has been lost, and the message with it
   */
  boolean send(Q message);

  /** Says that nothing more will be sent. The peer may go on answering. */
  void complete();
}
