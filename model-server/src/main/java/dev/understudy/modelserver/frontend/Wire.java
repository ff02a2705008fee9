package dev.understudy.modelserver.frontend;

import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/**
 * Messages as bytes: inference requests are read in place and answers are encoded by hand, so gRPC
 * neither parses the one nor serialises the other.
 */
final class Wire implements MethodDescriptor.Marshaller<byte[]> {
  static final Wire BYTES = new Wire();

  private Wire() {}

  @Override
  public InputStream stream(byte[] message) {
    return new Message(message);
  }

  @Override
  public byte[] parse(InputStream stream) {
    try {
      if (!(stream instanceof KnownLength)) {
        return stream.readAllBytes();
      }
      byte[] message = new byte[stream.available()];
      int read = stream.readNBytes(message, 0, message.length);
      if (read != message.length) {
        throw new IllegalStateException(
            "message of " + message.length + " bytes ended after " + read);
      }
      return message;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Hands its bytes over in one piece. */
  private static final class Message extends ByteArrayInputStream
      implements KnownLength, Drainable {
    Message(byte[] message) {
      super(message);
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      int left = available();
      target.write(buf, pos, left);
      pos += left;
      return left;
    }
  }
}
