package dev.understudy.chassis.rpc;

import dev.understudy.chassis.error.Fault;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The edge: whatever a handler throws, or hands to {@code onError}, leaves as a status with
 * details. It stands outermost.
 */
final class FaultTranslation implements ServerInterceptor {
  private final Set<String> exempt;

  /**
   * For all methods but some.
   *
   * @param exempt full names of methods that translate by themselves
   */
  FaultTranslation(Set<String> exempt) {
    this.exempt = exempt;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    if (exempt.contains(call.getMethodDescriptor().getFullMethodName())) {
      return next.startCall(call, headers);
    }
    var guarded = new GuardedCall<>(call);
    try {
      return new GuardedListener<>(next.startCall(guarded, headers), guarded);
    } catch (RuntimeException e) {
      guarded.fail(e);
      return new ServerCall.Listener<>() {};
    }
  }

  private static final class GuardedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final AtomicBoolean closed = new AtomicBoolean();

    GuardedCall(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (!closed.compareAndSet(false, true)) {
        return;
      }
      Throwable cause = status.getCause();
      // StreamObserver.onError turns what it does not know into UNKNOWN and keeps it as the cause.
      if (status.getCode() == Status.Code.UNKNOWN && cause != null) {
        Fault fault = Fault.from(cause);
        fault.logIfUnforeseen();
        StatusRuntimeException sent = fault.toGrpc();
        if (sent.getTrailers() != null) {
          trailers.merge(sent.getTrailers());
        }
        super.close(sent.getStatus(), trailers);
      } else {
        super.close(status, trailers);
      }
    }

    void fail(RuntimeException thrown) {
      close(Status.UNKNOWN.withCause(thrown), new Metadata());
    }
  }

  private static final class GuardedListener<Q> extends SimpleForwardingServerCallListener<Q> {
    private final GuardedCall<Q, ?> call;

    GuardedListener(ServerCall.Listener<Q> listener, GuardedCall<Q, ?> call) {
      super(listener);
      this.call = call;
    }

    @Override
    public void onMessage(Q message) {
      guard(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      guard(super::onHalfClose);
    }

    @Override
    public void onReady() {
      guard(super::onReady);
    }

    private void guard(Runnable step) {
      try {
        step.run();
      } catch (RuntimeException e) {
        call.fail(e);
      }
    }
  }
}
