package dev.understudy.proto.tensor;

import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Changes serialized requests without decoding them: in protobuf the concatenation of two messages
 * is their merge, in which the last value of a single field and of a map key wins. Stateless.
 */
public final class InferRequests {
  private InferRequests() {}

  /**
   * The bytes to put after a request so that it says something else. Only after a message known to
   * be well formed: a truncated one would swallow them.
   *
   * @param modelName the new {@code model_name}, or null to keep it
   * @param modelVersion the new {@code model_version} (may be empty), or null to keep it
   * @param parameters parameters to add or replace
   */
  public static byte[] overrides(
      @Nullable String modelName,
      @Nullable String modelVersion,
      Map<String, ParameterValue> parameters) {
    WireWriter writer = new WireWriter();
    if (modelName != null) {
      writer.string(1, modelName);
    }
    if (modelVersion != null) {
      writer.string(2, modelVersion);
    }
    parameters.forEach(writer::parameter);
    return writer.toArray();
  }

  /**
   * The request with the {@link #overrides} applied: one copy of its bytes, in a new buffer on the
   * heap, position 0.
   *
   * @throws IllegalArgumentException when the result would exceed 2 GiB
   */
  public static ByteBuffer rewrite(
      InferRequestView request,
      @Nullable String modelName,
      @Nullable String modelVersion,
      Map<String, ParameterValue> parameters) {
    return WireWriter.concat(request.message(), overrides(modelName, modelVersion, parameters));
  }
}
