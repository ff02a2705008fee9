package dev.understudy.router.frontend;

import dev.understudy.chassis.error.Fault;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Reply;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * {@code ModelInfer}. Everything runs on the event loop of the connection; nothing here or below
 * blocks it.
 */
final class UnaryInfer implements ServerCallHandler<byte[], Message> {
  private final InferService service;
  private final HeaderKeys keys;
  private final LongSupplier nanoTime;

  UnaryInfer(InferService service, HeaderKeys keys, LongSupplier nanoTime) {
    this.service = service;
    this.keys = keys;
    this.nanoTime = nanoTime;
  }

  static long deadlineNanos(LongSupplier nanoTime) {
    Deadline deadline = Context.current().getDeadline();
    return deadline == null
        ? Long.MAX_VALUE
        : nanoTime.getAsLong() + deadline.timeRemaining(TimeUnit.NANOSECONDS);
  }

  @Override
  public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], Message> call, Metadata headers) {
    InferService.Ticket ticket;
    try {
      ticket =
          service.open(
              new GrpcHeaders(headers, call.getAttributes(), keys), deadlineNanos(nanoTime), false);
    } catch (RuntimeException e) {
      Replies.fail(call, "", Fault.from(e), new Notes());
      return new ServerCall.Listener<>() {};
    }
    call.request(2);
    return new OneCall(call, ticket);
  }

  private static final class OneCall extends ServerCall.Listener<byte[]> implements Reply {
    private final ServerCall<byte[], Message> call;
    private final InferService.Ticket ticket;
    private final AtomicBoolean ended = new AtomicBoolean();
    private boolean received;
    private @Nullable Cancel running;

    OneCall(ServerCall<byte[], Message> call, InferService.Ticket ticket) {
      this.call = call;
      this.ticket = ticket;
    }

    /**
     * The call begins here and not when the client has nothing more to say: from here on the
     * message is counted, however long the client keeps its side open.
     */
    @Override
    public void onMessage(byte[] message) {
      if (ended.get()) {
        return;
      }
      if (received) {
        fail("", Fault.from(notOne().asRuntimeException()), new Notes());
        cancelRunning();
        return;
      }
      received = true;
      try {
        running = ticket.infer(message, this);
      } catch (RuntimeException e) {
        fail("", Fault.from(e), new Notes());
      }
    }

    @Override
    public void onHalfClose() {
      if (!received) {
        fail("", Fault.from(notOne().asRuntimeException()), new Notes());
      }
    }

    @Override
    public void onCancel() {
      ended.set(true);
      cancelRunning();
      ticket.close();
    }

    @Override
    public void onComplete() {
      ticket.close();
    }

    @Override
    public void ok(String predictionId, Message response, byte @Nullable [] timing, Notes notes) {
      if (ended.compareAndSet(false, true)) {
        call.sendHeaders(Replies.headers(predictionId));
        call.sendMessage(response);
        call.close(Status.OK, Replies.trailers(timing, notes));
      }
    }

    @Override
    public void fail(String predictionId, Fault fault, Notes notes) {
      if (ended.compareAndSet(false, true)) {
        Replies.fail(call, predictionId, fault, notes);
      }
    }

    private void cancelRunning() {
      Cancel cancel = running;
      if (cancel != null) {
        cancel.cancel();
      }
    }

    private static Status notOne() {
      return Status.INTERNAL.withDescription("expected exactly one request message");
    }
  }
}
