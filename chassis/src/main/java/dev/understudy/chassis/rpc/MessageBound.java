package dev.understudy.chassis.rpc;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/**
 * Refuses request messages that are longer than a question can be, before they are taken apart:
 * what they hold becomes strings and answers, and a compressed one may hold a thousand times what
 * was sent.
 */
public final class MessageBound implements ServerInterceptor {
  /** Enough for any name and version. */
  public static final int QUESTION_BYTES = 4 << 10;

  private final int mostBytes;

  private MessageBound(int mostBytes) {
    this.mostBytes = mostBytes;
  }

  /** The same service for requests of at most so many bytes each. */
  public static ServerServiceDefinition bounded(ServerServiceDefinition service, int mostBytes) {
    return ServerInterceptors.intercept(
        ServerInterceptors.useInputStreamMessages(service), new MessageBound(mostBytes));
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return new SimpleForwardingServerCallListener<Q>(next.startCall(call, headers)) {
      private boolean refused;

      @Override
      @SuppressWarnings("unchecked") // the messages of this service are streams, as made above
      public void onMessage(Q message) {
        if (refused) {
          return;
        }
        byte[] bytes = first((InputStream) message);
        if (bytes.length > mostBytes) {
          refused = true;
          call.close(
              Status.INVALID_ARGUMENT.withDescription(
                  "the request is too long (expected: at most " + mostBytes + " bytes)"),
              new Metadata());
          return;
        }
        super.onMessage((Q) new ByteArrayInputStream(bytes));
      }

      @Override
      public void onHalfClose() {
        if (!refused) {
          super.onHalfClose();
        }
      }
    };
  }

  private byte[] first(InputStream message) {
    try {
      return message.readNBytes(mostBytes + 1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
