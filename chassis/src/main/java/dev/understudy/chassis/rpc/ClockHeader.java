package dev.understudy.chassis.rpc;

import dev.understudy.chassis.time.TimeSource;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;

/**
 * Tells with an answer what time it is here, in milliseconds since 1970. Every server's health
 * service has it, so that whoever asks how a service is can also see how far its clock is off.
 */
public final class ClockHeader implements ServerInterceptor {
  /** The header of the answer. */
  public static final Metadata.Key<String> UNIX_MS =
      Metadata.Key.of("understudy-unix-ms", Metadata.ASCII_STRING_MARSHALLER);

  private final TimeSource time;

  /** Tells the time of this clock. */
  public ClockHeader(TimeSource time) {
    this.time = time;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return next.startCall(
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void sendHeaders(Metadata answer) {
            answer.put(UNIX_MS, Long.toString(time.wallMillis()));
            super.sendHeaders(answer);
          }
        },
        headers);
  }
}
