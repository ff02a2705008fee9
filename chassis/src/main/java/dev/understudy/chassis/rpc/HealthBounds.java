package dev.understudy.chassis.rpc;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Bounds what anybody can make a server remember by its health service, which is open to everybody:
 * a watch stays until its client goes, and is kept under whatever name was asked for.
 */
final class HealthBounds implements ServerInterceptor {
  static final int MOST_WATCHES = 1_024;
  static final int MOST_NAME_CHARS = 256;

  private final AtomicInteger watches = new AtomicInteger();

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    boolean watch = call.getMethodDescriptor().equals(HealthGrpc.getWatchMethod());
    if (watch && watches.incrementAndGet() > MOST_WATCHES) {
      watches.decrementAndGet();
      call.close(
          Status.RESOURCE_EXHAUSTED.withDescription(
              MOST_WATCHES + " watches of this server's health are open (expected: fewer)"),
          new Metadata());
      return new ServerCall.Listener<>() {};
    }
    return new Bounded<>(call, next.startCall(call, headers), watch);
  }

  /** Watches that are open. */
  int watches() {
    return watches.get();
  }

  private final class Bounded<Q> extends SimpleForwardingServerCallListener<Q> {
    private final ServerCall<Q, ?> call;
    private final AtomicBoolean counted;
    private boolean refused;

    Bounded(ServerCall<Q, ?> call, ServerCall.Listener<Q> listener, boolean watch) {
      super(listener);
      this.call = call;
      this.counted = new AtomicBoolean(watch);
    }

    @Override
    public void onMessage(Q message) {
      if (message instanceof HealthCheckRequest request
          && request.getService().length() > MOST_NAME_CHARS) {
        refused = true;
        call.close(
            Status.INVALID_ARGUMENT.withDescription(
                "the service's name has "
                    + request.getService().length()
                    + " characters (expected: at most "
                    + MOST_NAME_CHARS
                    + ")"),
            new Metadata());
      } else {
        super.onMessage(message);
      }
    }

    @Override
    public void onHalfClose() {
      if (!refused) {
        super.onHalfClose();
      }
    }

    @Override
    public void onCancel() {
      leave();
      super.onCancel();
    }

    @Override
    public void onComplete() {
      leave();
      super.onComplete();
    }

    private void leave() {
      if (counted.compareAndSet(true, false)) {
        watches.decrementAndGet();
      }
    }
  }
}
