package dev.understudy.router.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.Notes;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.Set;
import java.util.function.Consumer;

/** Asks who is calling before a rare method runs. */
final class HeaderGate implements ServerInterceptor {
  private static final Set<String> OPEN = Set.of("ServerLive", "ServerReady");

  private final Consumer<Headers> admit;
  private final HeaderKeys keys;

  HeaderGate(Consumer<Headers> admit, HeaderKeys keys) {
    this.admit = admit;
    this.keys = keys;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String method = call.getMethodDescriptor().getBareMethodName();
    if (method == null || !OPEN.contains(method)) {
      try {
        admit.accept(new GrpcHeaders(headers, keys));
      } catch (Fault refusal) {
        Replies.fail(call, "", refusal, new Notes());
        return new ServerCall.Listener<>() {};
      }
    }
    return next.startCall(call, headers);
  }
}
