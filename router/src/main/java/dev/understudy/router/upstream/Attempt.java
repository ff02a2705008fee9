package dev.understudy.router.upstream;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One call to one backend, and the translation of its end.
 *
 * <p>Its limit is kept by the {@link TryTimer} of the connection's event loop and told to the
 * backend in whole milliseconds: few different values, which header compression remembers, where
 * gRPC's own would differ with every call.
 */
final class Attempt extends ClientCall.Listener<byte[]> implements Cancel {
  private static final MethodDescriptor<Message, byte[]> METHOD = InferMethods.clientUnary();
  private static final Metadata.Key<byte[]> TIMING =
      Metadata.Key.of("understudy-timing-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<String> TIMEOUT = ascii("grpc-timeout");
  private static final Metadata.Key<String> SHADOW = ascii("x-shadow");
  private static final Metadata.Key<String> TRACE_PARENT = ascii("traceparent");
  private static final Metadata.Key<String> TRACE_STATE = ascii("tracestate");

  /** The backend's timer may fire a little before our clock says so. */
  private static final long EARLY_NANOS = 2_000_000;

  private final Upstream.Slot slot;
  private final AttemptOptions options;
  private final TimeSource time;
  private final Consumer<Answer> done;
  private final ClientCall<Message, byte[]> call;
  private final long startNanos;
  private final int lane;
  private final TryTimer.Limited limit =
      new TryTimer.Limited() {
        @Override
        void tooLate() {
          timedOut = true;
          call.cancel("the attempt took too long", null);
        }
      };
  private volatile boolean cancelled;
  private volatile boolean closed;
  private boolean timedOut;
  private byte @Nullable [] response;

  private Attempt(
      Upstream.Slot slot, AttemptOptions options, TimeSource time, Consumer<Answer> done) {
    this.slot = slot;
    this.options = options;
    this.time = time;
    this.done = done;
    this.startNanos = time.nanoTime();
    this.lane = slot.backend.lane();
    this.call = slot.backend.channel(lane).newCall(METHOD, CallOptions.DEFAULT);
  }

  /** Makes the attempt; see {@link Upstream#send}. */
  static Cancel make(
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
      Attempt attempt = new Attempt(slot, options, time, done);
      attempt.send(message, sent);
      return attempt;
    } finally {
      Context.ROOT.detach(before);
    }
  }

  private void send(Message message, Runnable sent) {
    if (slot.backend.onLoop(lane)) {
      slot.backend.timer(lane).set(limit, options.limitNanos());
    } else {
      slot.backend.onLoop(lane, this::limitLater);
    }
    call.start(this, headers());
    call.request(2);
    call.sendMessage(message);
    call.halfClose();
    sent.run();
  }

  private void limitLater() {
    long left = options.limitNanos() - (time.nanoTime() - startNanos);
    if (!closed) {
      slot.backend.timer(lane).set(limit, Math.max(1, left));
    }
  }

  private void lift() {
    slot.backend.timer(lane).lift(limit);
  }

  private Metadata headers() {
    Metadata headers = new Metadata();
    headers.put(TIMEOUT, timeout(options.limitNanos()));
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
    closed = true;
    if (slot.backend.onLoop(lane)) {
      lift();
    } else {
      slot.backend.onLoop(lane, this::lift);
    }
    long nanos = Math.max(0, time.nanoTime() - startNanos);
    byte[] message = response;
    Answer answer =
        status.isOk() && message != null
            ? Answer.ok(message, trailers.get(TIMING), nanos)
            : failure(status, trailers, nanos);
    slot.backend.ended(
        slot.permitted, answer.transport(), answer.outcome() != Outcome.CANCELLED_BY_CLIENT, nanos);
    done.accept(answer);
  }

  private Answer failure(Status status, Metadata trailers, long nanos) {
    String id = options.clientId();
    if (cancelled) {
      return Answer.failed(Outcome.CANCELLED_BY_CLIENT, Refusals.cancelled(), nanos, false);
    }
    if (timedOut
        || (status.getCode() == Status.Code.DEADLINE_EXCEEDED
            && nanos + EARLY_NANOS >= options.limitNanos())) {
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

  /** At most eight digits, as the protocol wants it; never 0. */
  static String timeout(long nanos) {
    long millis = Math.max(1, nanos / 1_000_000);
    return millis < 100_000_000 ? millis + "m" : millis / 1000 + "S";
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
