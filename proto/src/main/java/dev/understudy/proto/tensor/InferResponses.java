package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;

/** Adds to serialized responses without parsing them; see {@link InferRequests}. Stateless. */
public final class InferResponses {
  private InferResponses() {}

  /**
   * The bytes that, put after a well-formed response, add or replace one of its parameters. A
   * truncated response would swallow them.
   */
  public static byte[] parameter(String key, ParameterValue value) {
    return new WireWriter().parameter(key, value).toArray();
  }

  /**
   * The response with a string parameter added or replaced: one copy, in a new buffer on the heap,
   * position 0. The given buffer keeps its position.
   *
   * @throws IllegalArgumentException when the result would exceed 2 GiB
   */
  public static ByteBuffer append(ByteBuffer response, String key, String value) {
    return WireWriter.concat(response, parameter(key, new ParameterValue.Text(value)));
  }

  /** As {@link #append(ByteBuffer, String, String)}, for a message in an array. */
  public static byte[] append(byte[] response, String key, String value) {
    return append(ByteBuffer.wrap(response), key, value).array();
  }
}
