package dev.understudy.chassis.security;

import dev.understudy.chassis.error.Fault;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/**
 * Lets calls through that carry {@code authorization: Bearer TOKEN}. The health service needs no
 * token, because the probes of Kubernetes cannot send one.
 */
public final class TokenAuth implements ServerInterceptor {
  static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final String SCHEME = "Bearer ";
  private static final String HEALTH = "grpc.health.v1.Health";

  private final byte[] digest;

  /** Expects this token of every caller. */
  public TokenAuth(String token) {
    digest = Tokens.digest(token);
  }

  /**
   * Whether the value of an {@code authorization} header is the bearer token; for surfaces other
   * than gRPC.
   */
  public boolean accepts(@org.jspecify.annotations.Nullable String authorization) {
    return authorization != null
        && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        && Tokens.same(authorization.substring(SCHEME.length()).strip(), digest);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    if (HEALTH.equals(call.getMethodDescriptor().getServiceName())
        || accepts(headers.get(AUTHORIZATION))) {
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
