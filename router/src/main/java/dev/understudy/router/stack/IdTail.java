package dev.understudy.router.stack;

import dev.understudy.proto.tensor.InferRequests;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.router.call.InferCall;
import java.util.Map;

/**
 * The response parameter that carries the prediction id: the same bytes for every call, but for the
 * id itself, which stands at their end. Stateless.
 */
final class IdTail {
  private static final int ID_BYTES = 36;
  private static final byte[] TEMPLATE =
      InferRequests.overrides(
          null,
          null,
          Map.of(InferCall.ID_PARAMETER, new ParameterValue.Text("0".repeat(ID_BYTES))));

  private IdTail() {}

  /** The bytes to put behind an answer; the id is a UUID's canonical text. */
  @SuppressWarnings("deprecation") // of a String, the one copy that takes no detour: all is ASCII
  static byte[] of(String id) {
    if (id.length() != ID_BYTES) {
      return InferRequests.overrides(
          null, null, Map.of(InferCall.ID_PARAMETER, new ParameterValue.Text(id)));
    }
    byte[] tail = TEMPLATE.clone();
    id.getBytes(0, ID_BYTES, tail, tail.length - ID_BYTES);
    return tail;
  }
}
