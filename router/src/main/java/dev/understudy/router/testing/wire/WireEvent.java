package dev.understudy.router.testing.wire;

import io.netty.handler.codec.http2.Http2Headers;

/** What a server sent. */
public sealed interface WireEvent {
  /** Headers, or trailers when the stream ends with them. */
  record Headers(int stream, Http2Headers headers, boolean end) implements WireEvent {}

  /** A piece of a body. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Data(int stream, byte[] bytes, boolean end) implements WireEvent {}

  /** The stream is over. */
  record Reset(int stream, long code) implements WireEvent {}

  /**
   * The server's settings, or its acknowledgement of the client's.
   *
   * @param initialWindow of streams towards the server, as far as these settings say it
   */
  record Settings(boolean ack, int initialWindow) implements WireEvent {}

  /** A PING, or the answer to one. */
  record Ping(boolean ack) implements WireEvent {}

  /** No new stream beyond this one. */
  record GoAway(int lastStream, long code, String word) implements WireEvent {}

  /** More may be sent on a stream, or with 0 on the connection. */
  record Window(int stream, int increment) implements WireEvent {}

  /** The connection is over. */
  record Closed(String why) implements WireEvent {}
}
