package dev.understudy.modelserver.frontend;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import dev.understudy.proto.v1.ServerTiming;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code ModelStreamInfer}: each message is an inference of its own; the answers come in the order
 * of the requests, and a failure is an answer with {@code error_message}.
 *
 * <p>At most {@value #WINDOW} inferences of a stream are under way. A client that does not read its
 * answers is not asked for more requests.
 */
final class StreamInfer implements ServerCallHandler<byte[], byte[]> {
  private static final int WINDOW = 32;

  private final InferContext context;

  StreamInfer(InferContext context) {
    this.context = context;
  }

  @Override
  public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], byte[]> call, Metadata headers) {
    call.sendHeaders(new Metadata());
    call.request(WINDOW);
    return new Stream(context, call, UnaryInfer.traceparent(context, headers));
  }

  private static final class Stream extends ServerCall.Listener<byte[]> {
    private final InferContext context;
    private final ServerCall<byte[], byte[]> call;
    private final @Nullable String traceparent;

    // Guarded by this.
    private final ArrayDeque<Turn> turns = new ArrayDeque<>();
    private int owedRequests;
    private boolean halfClosed;
    private boolean closed;

    Stream(InferContext context, ServerCall<byte[], byte[]> call, @Nullable String traceparent) {
      this.context = context;
      this.call = call;
      this.traceparent = traceparent;
    }

    @Override
    public void onMessage(byte[] message) {
      var turn = new Turn(this);
      synchronized (this) {
        turns.add(turn);
      }
      turn.call = InferCall.start(context, message, true, traceparent, turn);
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
      List<Turn> left;
      synchronized (this) {
        closed = true;
        left = List.copyOf(turns);
        turns.clear();
      }
      for (Turn turn : left) {
        InferCall inference = turn.call;
        if (inference != null) {
          inference.cancel();
        }
      }
    }

    private synchronized void flush() {
      while (!closed && !turns.isEmpty()) {
        byte[] answer = turns.getFirst().answer;
        if (answer == null) {
          break;
        }
        turns.removeFirst();
        call.sendMessage(answer);
        owedRequests++;
      }
      if (closed) {
        return;
      }
      if (halfClosed && turns.isEmpty()) {
        closed = true;
        call.close(Status.OK, new Metadata());
      } else if (owedRequests > 0 && call.isReady()) {
        call.request(owedRequests);
        owedRequests = 0;
      }
    }
  }

  /** One request of a stream and, when it is known, the message that answers it. */
  private static final class Turn implements InferSink {
    private final Stream stream;
    private volatile @Nullable InferCall call;
    private volatile byte @Nullable [] answer;

    Turn(Stream stream) {
      this.stream = stream;
    }

    @Override
    public void answer(byte[] response, ServerTiming timing) {
      answer = wrap(response);
      stream.flush();
    }

    @Override
    public void fail(Fault fault) {
      fault.logIfUnforeseen();
      answer =
          ModelStreamInferResponse.newBuilder()
              .setErrorMessage(String.valueOf(fault.getMessage()))
              .build()
              .toByteArray();
      stream.flush();
    }

    private static byte[] wrap(byte[] response) {
      int field = ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER;
      byte[] message = new byte[CodedOutputStream.computeByteArraySize(field, response)];
      CodedOutputStream out = CodedOutputStream.newInstance(message);
      try {
        out.writeTag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
        out.writeUInt32NoTag(response.length);
        out.writeRawBytes(response);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return message;
    }
  }
}
