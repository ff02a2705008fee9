package dev.understudy.chassis.security;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;

/** Adds {@code authorization: Bearer TOKEN} to every call. */
public final class BearerToken implements ClientInterceptor {
  private final String header;

  /** Presents this token. */
  public BearerToken(String token) {
    header = "Bearer " + token;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
      @Override
      public void start(Listener<A> listener, Metadata headers) {
        headers.put(TokenAuth.AUTHORIZATION, header);
        super.start(listener, headers);
      }
    };
  }
}
