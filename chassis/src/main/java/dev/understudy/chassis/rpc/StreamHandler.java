package dev.understudy.chassis.rpc;

/**
 * What happens on a {@link ResilientStream}. The callbacks of one stream never overlap, and none
 * comes after the stream has been closed, save for one that is under way. They must not block.
 *
 * @param <Q> what is sent
 * @param <A> what is received
 */
public interface StreamHandler<Q, A> {
  /**
   * A connection has been opened. Everything that the peer must know has to be said again.
   *
   * @param sender for this connection only
   */
  void onConnected(StreamSender<Q> sender);

  /** The connection can take messages again after {@link StreamSender#isReady()} was false. */
  default void onReady(StreamSender<Q> sender) {}

  /** The peer has sent a message. The next one is asked for when this returns. */
  void onMessage(A message);

  /**
   * The connection, or an attempt at one, has ended. Another attempt follows by itself.
   *
   * @param why for people: the status's name and text, such as {@code UNAVAILABLE: io exception};
   *     {@code OK} if the peer ended it
   */
  void onLost(String why);
}
