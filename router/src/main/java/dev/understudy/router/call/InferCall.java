package dev.understudy.router.call;

import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.ParameterValue;
import org.jspecify.annotations.Nullable;

/**
 * One inference request from admission to its record: facts only, read once. Immutable but for its
 * notes.
 *
 * @param predictionId UUID of version 7
 * @param principal who asks
 * @param headers the call's metadata
 * @param request the message's head; tensor bytes are not decoded
 * @param body the message as it was received
 * @param model the model that is named
 * @param version the version that is asked for, or empty
 * @param clientId the client's own id, or empty
 * @param openedNanos monotonic clock, when the headers had come; of a stream, as arrival
 * @param arrivalNanos monotonic clock, when the whole message was there
 * @param arrivalUnixMs wall clock
 * @param deadlineNanos on the monotonic clock; {@link Long#MAX_VALUE} without a deadline
 * @param notes what the layers say of the call; all that can change
 */
@SuppressWarnings("ArrayRecordComponent") // identity is all that is asked of a call
public record InferCall(
    String predictionId,
    Principal principal,
    Headers headers,
    InferRequestView request,
    byte[] body,
    String model,
    String version,
    String clientId,
    long openedNanos,
    long arrivalNanos,
    long arrivalUnixMs,
    long deadlineNanos,
    Notes notes) {
  /** The request parameter and metadata by which a client declines the id in the answer. */
  public static final String NO_ID = "understudy_no_prediction_id";

  /** The metadata that carries the prediction id. */
  public static final String ID_HEADER = "understudy-prediction-id";

  /** The response parameter that carries the prediction id. */
  public static final String ID_PARAMETER = "understudy_prediction_id";

  /** The same call with another message. */
  public InferCall with(InferRequestView otherRequest, byte[] otherBody) {
    return new InferCall(
        predictionId,
        principal,
        headers,
        otherRequest,
        otherBody,
        model,
        version,
        clientId,
        openedNanos,
        arrivalNanos,
        arrivalUnixMs,
        deadlineNanos,
        notes);
  }

  /** Whether the call belongs to a sequence. */
  public boolean inSequence() {
    return switch (request.parameter("sequence_id")) {
      case ParameterValue.Int64 id -> id.value() != 0;
      case ParameterValue.UInt64 id -> id.value() != 0;
      case ParameterValue.Text id -> !id.value().isEmpty();
      case null, default -> false;
    };
  }

  /** Whether the answer shall carry the prediction id. */
  public boolean wantsId() {
    return headers.get("understudy-no-prediction-id") == null
        && !(request.parameter(NO_ID) instanceof ParameterValue.Bool no && no.value());
  }

  /** Nanoseconds until the deadline, or {@link Long#MAX_VALUE}. */
  public long remainingNanos(long nowNanos) {
    return deadlineNanos == Long.MAX_VALUE ? Long.MAX_VALUE : deadlineNanos - nowNanos;
  }

  /** The key metadata's value, or null. */
  public @Nullable String header(String name) {
    return name.isEmpty() ? null : headers.get(name);
  }
}
