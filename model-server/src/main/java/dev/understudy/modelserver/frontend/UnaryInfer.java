package dev.understudy.modelserver.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import org.jspecify.annotations.Nullable;

/**
 * {@code ModelInfer}: one request, one answer, and in the trailers how the server spent its time.
 */
final class UnaryInfer implements ServerCallHandler<byte[], byte[]> {
  static final Metadata.Key<byte[]> TIMING =
      Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private static final Metadata.Key<String> TRACE_PARENT =
      Metadata.Key.of(TraceContext.HEADER, Metadata.ASCII_STRING_MARSHALLER);

  private final InferContext context;

  UnaryInfer(InferContext context) {
    this.context = context;
  }

  @Override
  public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
    // Two, so that a second message is noticed.
    call.request(2);
    return new Listener(context, call, traceparent(context, headers));
  }

  /** What the caller says of its trace; null when nobody asks. */
  static @Nullable String traceparent(InferContext context, Metadata headers) {
    return context.tracing() == null ? null : headers.get(TRACE_PARENT);
  }

  private static final class Listener extends ServerCall.Listener<byte[]> {
    private final InferContext context;
    private final ServerCall<byte[], byte[]> call;
    private final @Nullable String traceparent;
    private byte @Nullable [] message;
    private @Nullable InferCall started;

    Listener(InferContext context, ServerCall<byte[], byte[]> call, @Nullable String traceparent) {
      this.context = context;
      this.call = call;
      this.traceparent = traceparent;
    }

    @Override
    public void onMessage(byte[] received) {
      if (message != null) {
        throw Fault.of(
            Status.Code.INVALID_ARGUMENT, "TOO_MANY_MESSAGES", "ModelInfer takes one message");
      }
      message = received;
    }

    @Override
    public void onHalfClose() {
      byte[] received = message;
      if (received == null) {
        throw Fault.of(Status.Code.INVALID_ARGUMENT, "NO_MESSAGE", "ModelInfer takes one message");
      }
      message = null;
      started = InferCall.start(context, received, false, traceparent, new Sink(call));
    }

    @Override
    public void onCancel() {
      if (started != null) {
        started.cancel();
      }
    }
  }

  private record Sink(ServerCall<byte[], byte[]> call) implements InferSink {
    @Override
    public void answer(byte[] response, ServerTiming timing) {
      var trailers = new Metadata();
      trailers.put(TIMING, timing.toByteArray());
      call.sendHeaders(new Metadata());
      call.sendMessage(response);
      call.close(Status.OK, trailers);
    }

    @Override
    public void fail(Fault fault) {
      fault.logIfUnforeseen();
      StatusRuntimeException sent = fault.toGrpc();
      Metadata trailers = sent.getTrailers();
      call.close(sent.getStatus(), trailers == null ? new Metadata() : trailers);
    }
  }
}
