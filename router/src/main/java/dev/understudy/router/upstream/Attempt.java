package dev.understudy.router.upstream;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One call to one backend, and the translation of its end. */
final class Attempt extends ClientCall.Listener<byte[]> implements Cancel {
  private static final MethodDescriptor<Message, byte[]> METHOD = InferMethods.clientUnary();
  private static final Metadata.Key<byte[]> TIMING =
      Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<String> ID = ascii(InferCall.ID_HEADER);
  private static final Metadata.Key<String> SHADOW = ascii("x-shadow");
  private static final Metadata.Key<String> TRACE_PARENT = ascii("traceparent");
  private static final Metadata.Key<String> TRACE_STATE = ascii("tracestate");

  /** gRPC's own timer may fire a little before our clock says so. */
  private static final long EARLY_NANOS = 2_000_000;

  private final Upstream upstream;
  private final Upstream.Slot slot;
  private final AttemptOptions options;
  private final TimeSource time;
  private final Consumer<Answer> done;
  private final ClientCall<Message, byte[]> call;
  private final long startNanos;
  private volatile boolean cancelled;
  private byte @Nullable [] response;

  private Attempt(
      Upstream upstream,
      Upstream.Slot slot,
      AttemptOptions options,
      TimeSource time,
      Consumer<Answer> done) {
    this.upstream = upstream;
    this.slot = slot;
    this.options = options;
    this.time = time;
    this.done = done;
    this.startNanos = time.nanoTime();
    this.call =
        slot.backend
            .channel()
            .newCall(
                METHOD,
                CallOptions.DEFAULT.withDeadlineAfter(options.limitNanos(), TimeUnit.NANOSECONDS));
  }

  /** Makes the attempt; see {@link Upstream#send}. */
  static Cancel make(
      Upstream upstream,
      Upstream.Slot slot,
      AttemptOptions options,
      TimeSource time,
      Message message,
      Runnable sent,
      Consumer<Answer> done) {
    // The inbound call's context must not end this one: a copy outlives its client, and the end of
    // a client is told to the attempt explicitly. gRPC reads the context when a call is made.
    Context before = Context.ROOT.attach();
    try {
      Attempt attempt = new Attempt(upstream, slot, options, time, done);
      attempt.send(message, sent);
      return attempt;
    } finally {
      Context.ROOT.detach(before);
    }
  }

  private void send(Message message, Runnable sent) {
    call.start(this, headers());
    call.request(2);
    call.sendMessage(message);
    call.halfClose();
    sent.run();
  }

  private Metadata headers() {
    Metadata headers = new Metadata();
    headers.put(ID, options.predictionId());
    String parent = options.headers().get("traceparent");
    if (parent != null) {
      headers.put(TRACE_PARENT, parent);
      String state = options.headers().get("tracestate");
      if (state != null) {
        headers.put(TRACE_STATE, state);
      }
    }
    if (options.shadow()) {
      headers.put(SHADOW, "true");
    }
    return headers;
  }

  @Override
  public void cancel() {
    cancelled = true;
    call.cancel("the client cancelled", null);
  }

  @Override
  public void onMessage(byte[] message) {
    if (response != null) {
      call.cancel("more than one answer to a unary call", null);
      return;
    }
    response = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    long nanos = Math.max(0, time.nanoTime() - startNanos);
    byte[] message = response;
    Answer answer =
        status.isOk() && message != null
            ? Answer.ok(message, trailers.get(TIMING), nanos)
            : failure(status, trailers, nanos);
    upstream.ended(slot, answer, startNanos + nanos);
    done.accept(answer);
  }

  private Answer failure(Status status, Metadata trailers, long nanos) {
    String id = options.clientId();
    if (cancelled) {
      return Answer.failed(Outcome.CANCELLED_BY_CLIENT, Refusals.cancelled(), nanos, false);
    }
    if (status.getCode() == Status.Code.DEADLINE_EXCEEDED
        && nanos + EARLY_NANOS >= options.limitNanos()) {
      return options.limitIsDeadline()
          ? Answer.failed(Outcome.BAD_DEADLINE_EXCEEDED, Refusals.deadline(id), nanos, true)
          : Answer.failed(
              Outcome.BAD_TRY_TIMEOUT,
              Refusals.tryTimeout(id, slot.backend.address, Math.round(options.limitNanos() / 1e6)),
              nanos,
              true);
    }
    if (status.isOk()) {
      return Answer.failed(
          Outcome.BAD_INTERNAL,
          Fault.from(
              Status.INTERNAL
                  .withDescription(
                      Refusals.prefixed(
                          id, "backend " + slot.backend.address + " ended without an answer"))
                  .asRuntimeException()),
          nanos,
          false);
    }
    if (status.getCode() == Status.Code.CANCELLED) {
      // Nobody here cancelled: the backend is being torn down. To the client it was not there.
      return Answer.failed(
          Outcome.BAD_UNAVAILABLE, Refusals.brokenOff(id, slot.backend.address), nanos, true);
    }
    return Answer.failed(
        outcome(status.getCode()),
        Fault.from(status.asRuntimeException(trailers)),
        nanos,
        status.getCode() == Status.Code.UNAVAILABLE);
  }

  static Outcome outcome(Status.Code code) {
    return switch (code) {
      case OK -> Outcome.OK;
      case UNAVAILABLE -> Outcome.BAD_UNAVAILABLE;
      case INTERNAL -> Outcome.BAD_INTERNAL;
      case UNKNOWN -> Outcome.BAD_UNKNOWN;
      case DATA_LOSS -> Outcome.BAD_DATA_LOSS;
      case DEADLINE_EXCEEDED -> Outcome.BAD_DEADLINE_EXCEEDED;
      case RESOURCE_EXHAUSTED -> Outcome.BAD_RESOURCE_EXHAUSTED;
      case INVALID_ARGUMENT -> Outcome.BAD_INVALID_ARGUMENT;
      default -> Outcome.BAD_OTHER;
    };
  }

  private static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
