package dev.understudy.router.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Set;

/** Asks who is calling before a rare method runs. */
final class HeaderGate implements ServerInterceptor {
  private static final Set<String> OPEN = Set.of("ServerLive", "ServerReady");

  /** Who calls a rare method. */
  static final Context.Key<Principal> PRINCIPAL =
      Context.keyWithDefault("principal", Principal.ANONYMOUS);

  private final Gate gate;
  private final HeaderKeys keys;

  HeaderGate(Gate gate, HeaderKeys keys) {
    this.gate = gate;
    this.keys = keys;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String method = call.getMethodDescriptor().getBareMethodName();
    if (method != null && OPEN.contains(method)) {
      return next.startCall(call, headers);
    }
    Principal principal;
    try {
      principal = gate.authenticate(new GrpcHeaders(headers, call.getAttributes(), keys));
    } catch (Fault refusal) {
      Replies.fail(call, "", refusal, new Notes());
      return new ServerCall.Listener<>() {};
    }
    Context context = Context.current().withValue(PRINCIPAL, principal);
    return Contexts.interceptCall(context, call, headers, next);
  }
}
