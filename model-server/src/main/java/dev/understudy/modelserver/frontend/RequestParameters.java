package dev.understudy.modelserver.frontend;

import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.proto.tensor.RequestedOutput;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a request that have a meaning. Sequence ids and priorities are accepted without
 * effect, as Triton does for models without sequences and priority levels.
 */
final class RequestParameters {
  private static final String EMPTY_FINAL_RESPONSE = "triton_enable_empty_final_response";

  private RequestParameters() {}

  /** The text of a refusal, or null. */
  static @Nullable String violation(InferRequestView request) {
    if (request.parameters().isEmpty()) {
      return null;
    }
    for (String name : request.parameters().names()) {
      ParameterValue value = request.parameter(name);
      if (name.startsWith("triton_") && !name.equals(EMPTY_FINAL_RESPONSE)) {
        return "parameter keys starting with 'triton_' are reserved for Triton usage and should not"
            + " be specified: '"
            + name
            + "'";
      }
      if (name.equals("headers") || name.equals("binary_data_output")) {
        return "parameter '" + name + "' is reserved";
      }
      if (name.equals(EMPTY_FINAL_RESPONSE) && !(value instanceof ParameterValue.Bool)) {
        return "parameter '" + name + "' must be a bool";
      }
      if (name.equals("timeout")
          && !(value instanceof ParameterValue.Int64(long micros) && micros >= 0)
          && !(value instanceof ParameterValue.UInt64(long unsigned) && unsigned >= 0)) {
        return "parameter 'timeout' must be an int64 of 0 or more microseconds";
      }
    }
    return null;
  }

  /** The queue timeout in microseconds; 0 without one. */
  static long timeoutMicros(InferRequestView request) {
    return request.parameters().isEmpty()
        ? 0
        : switch (request.parameter("timeout")) {
          case ParameterValue.Int64(long micros) -> micros;
          case ParameterValue.UInt64(long micros) -> micros;
          case null, default -> 0;
        };
  }

  /** The name of an output that is wanted in a form that is not supported, or null. */
  static @Nullable String classified(InferRequestView request) {
    for (RequestedOutput output : request.requestedOutputs()) {
      if (!output.parameters().isEmpty() && output.parameters().contains("classification")) {
        return output.name();
      }
    }
    return null;
  }
}
