package dev.understudy.chassis.telemetry;

import dev.understudy.chassis.error.Fault;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import org.jspecify.annotations.Nullable;

/**
 * What spans of {@code ModelInfer} say by OpenTelemetry's semantic conventions for gRPC, the same
 * in every service. Stateless.
 */
public final class RpcSpans {
  /** The spans' name. */
  public static final String NAME = "inference.GRPCInferenceService/ModelInfer";

  private static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("rpc.system");
  private static final AttributeKey<String> SERVICE = AttributeKey.stringKey("rpc.service");
  private static final AttributeKey<String> METHOD = AttributeKey.stringKey("rpc.method");
  private static final AttributeKey<Long> STATUS = AttributeKey.longKey("rpc.grpc.status_code");
  private static final AttributeKey<String> REASON = AttributeKey.stringKey("understudy.reason");

  private RpcSpans() {}

  /**
   * Begins the attributes of a span.
   *
   * @param fault how the call failed, or null
   */
  public static AttributesBuilder attributes(@Nullable Fault fault) {
    AttributesBuilder attributes =
        Attributes.builder()
            .put(SYSTEM, "grpc")
            .put(SERVICE, "inference.GRPCInferenceService")
            .put(METHOD, "ModelInfer")
            .put(STATUS, fault == null ? 0L : fault.code().value());
    return fault == null ? attributes : attributes.put(REASON, fault.reason());
  }

  /** Of a server's span: the fault's reason when the server was at fault and not its caller. */
  public static @Nullable String serverError(@Nullable Fault fault) {
    if (fault == null) {
      return null;
    }
    return switch (fault.code()) {
      case UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS ->
          fault.reason();
      default -> null;
    };
  }
}
