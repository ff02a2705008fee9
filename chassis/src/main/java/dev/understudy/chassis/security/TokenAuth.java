package dev.understudy.chassis.security;

import dev.understudy.chassis.error.Fault;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lets calls through that carry {@code authorization: Bearer TOKEN}. The health service needs no
 * token, because the probes of Kubernetes cannot send one. A service may have a second token that
 * opens nothing but itself.
 */
public final class TokenAuth implements ServerInterceptor {
  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final String SCHEME = "Bearer ";
  private static final String HEALTH = "grpc.health.v1.Health";

  private final byte[] digest;
  private final Map<String, byte[]> byService = new HashMap<>();

  /** Expects this token of every caller. */
  public TokenAuth(String token) {
    this(token, Map.of());
  }

  /**
   * Expects this token of every caller, or the one of the service that is called.
   *
   * @param serviceTokens by the full name of the service
   */
  public TokenAuth(String token, Map<String, String> serviceTokens) {
    digest = Tokens.digest(token);
    serviceTokens.forEach((service, own) -> byService.put(service, Tokens.digest(own)));
  }

  /**
   * Whether the value of an {@code authorization} header is the bearer token; for surfaces other
   * than gRPC.
   */
  public boolean accepts(@Nullable String authorization) {
    return accepts(authorization, digest);
  }

  private static boolean accepts(@Nullable String authorization, byte @Nullable [] expected) {
    return authorization != null
        && expected != null
        && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        && Tokens.same(authorization.substring(SCHEME.length()).strip(), expected);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String service = String.valueOf(call.getMethodDescriptor().getServiceName());
    String authorization = headers.get(AUTHORIZATION);
    if (service.equals(HEALTH)
        || accepts(authorization, digest)
        || accepts(authorization, byService.get(service))) {
      return next.startCall(call, headers);
    }
    StatusRuntimeException refusal =
        Fault.of(
                Status.Code.UNAUTHENTICATED,
                "TOKEN_REQUIRED",
                "no valid token (expected: the header authorization: Bearer TOKEN)")
            .toGrpc();
    Metadata trailers = refusal.getTrailers();
    call.close(refusal.getStatus(), trailers == null ? new Metadata() : trailers);
    return new ServerCall.Listener<>() {};
  }
}
