package dev.understudy.router.frontend;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import dev.understudy.proto.tensor.InferResponses;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Reply;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * {@code ModelStreamInfer}: each message lives the same life as a unary call. Answers come in the
 * order of the requests, each with {@code triton_final_response}; a failed request is answered with
 * {@code error_message} and the stream goes on. At most {@value #WINDOW} requests of one stream are
 * under way.
 */
final class StreamInfer implements ServerCallHandler<byte[], Message> {
  static final int WINDOW = 16;

  private static final byte[] FINAL =
      InferResponses.parameter("triton_final_response", new ParameterValue.Bool(true));

  private final InferService service;
  private final HeaderKeys keys;
  private final LongSupplier nanoTime;

  StreamInfer(InferService service, HeaderKeys keys, LongSupplier nanoTime) {
    this.service = service;
    this.keys = keys;
    this.nanoTime = nanoTime;
  }

  @Override
  public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], Message> call, Metadata headers) {
    InferService.Ticket ticket;
    try {
      ticket =
          service.open(new GrpcHeaders(headers, keys), UnaryInfer.deadlineNanos(nanoTime), true);
    } catch (RuntimeException e) {
      Replies.fail(call, "", Fault.from(e), new Notes());
      return new ServerCall.Listener<>() {};
    }
    call.sendHeaders(new Metadata());
    call.request(WINDOW);
    return new OneStream(call, ticket);
  }

  /** The place of one answer in the order of the requests. */
  private static final class Place {
    private @Nullable Message answer;
    private @Nullable Cancel running;
  }

  private static final class OneStream extends ServerCall.Listener<byte[]> {
    private final ServerCall<byte[], Message> call;
    private final InferService.Ticket ticket;

    // Guarded by this.
    private final ArrayDeque<Place> places = new ArrayDeque<>();
    private boolean halfClosed;
    private boolean ended;

    OneStream(ServerCall<byte[], Message> call, InferService.Ticket ticket) {
      this.call = call;
      this.ticket = ticket;
    }

    @Override
    public void onMessage(byte[] message) {
      Place place = new Place();
      synchronized (this) {
        places.addLast(place);
      }
      Cancel running =
          ticket.infer(
              message,
              new Reply() {
                @Override
                public void ok(String id, Message response, byte @Nullable [] timing, Notes notes) {
                  answered(place, wrap(response));
                }

                @Override
                public void fail(String id, Fault fault, Notes notes) {
                  fault.logIfUnforeseen();
                  answered(place, error(String.valueOf(fault.getMessage())));
                }
              });
      synchronized (this) {
        place.running = running;
      }
    }

    @Override
    public void onHalfClose() {
      synchronized (this) {
        halfClosed = true;
      }
      flush();
    }

    @Override
    public void onReady() {
      flush();
    }

    @Override
    public void onCancel() {
      ArrayDeque<Place> open;
      synchronized (this) {
        ended = true;
        open = new ArrayDeque<>(places);
        places.clear();
      }
      for (Place place : open) {
        Cancel running = place.running;
        if (running != null) {
          running.cancel();
        }
      }
      ticket.close();
    }

    @Override
    public void onComplete() {
      ticket.close();
    }

    private void answered(Place place, Message answer) {
      synchronized (this) {
        place.answer = answer;
      }
      flush();
    }

    private synchronized void flush() {
      while (!ended && call.isReady()) {
        Place first = places.peekFirst();
        Message answer = first == null ? null : first.answer;
        if (answer == null) {
          break;
        }
        places.removeFirst();
        call.sendMessage(answer);
        call.request(1);
      }
      if (!ended && halfClosed && places.isEmpty()) {
        ended = true;
        call.close(Status.OK, new Metadata());
      }
    }

    /** {@code infer_response} is field 2: its tag and length go before the answer's parts. */
    private static Message wrap(Message response) {
      int size = response.size() + FINAL.length;
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(size + 8);
      try {
        CodedOutputStream out = CodedOutputStream.newInstance(bytes, 16);
        out.writeTag(2, WireFormat.WIRETYPE_LENGTH_DELIMITED);
        out.writeUInt32NoTag(size);
        out.flush();
        bytes.write(response.body());
        bytes.write(response.tail());
        bytes.write(FINAL);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return Message.of(bytes.toByteArray());
    }

    private static Message error(String text) {
      return Message.of(
          ModelStreamInferResponse.newBuilder().setErrorMessage(text).build().toByteArray());
    }
  }
}
