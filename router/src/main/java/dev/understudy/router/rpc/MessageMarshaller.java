package dev.understudy.router.rpc;

import dev.understudy.router.call.Message;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Writes both parts of a message straight into the transport's buffer. */
enum MessageMarshaller implements Marshaller<Message> {
  INSTANCE;

  @Override
  public InputStream stream(Message value) {
    return new Parts(value);
  }

  @Override
  public Message parse(InputStream stream) {
    return Message.of(BytesMarshaller.INSTANCE.parse(stream));
  }

  private static final class Parts extends InputStream implements KnownLength, Drainable {
    private final Message message;
    private int position;

    Parts(Message message) {
      this.message = message;
    }

    @Override
    public int available() {
      return message.size() - position;
    }

    @Override
    public int read() {
      if (position == message.size()) {
        return -1;
      }
      int at = position++;
      int split = message.body().length;
      return (at < split ? message.body()[at] : message.tail()[at - split]) & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (length == 0) {
        return 0;
      }
      if (position == message.size()) {
        return -1;
      }
      int split = message.body().length;
      byte[] from = position < split ? message.body() : message.tail();
      int at = position < split ? position : position - split;
      int count = Math.min(length, from.length - at);
      System.arraycopy(from, at, target, offset, count);
      position += count;
      return count;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      int split = message.body().length;
      int before = position;
      if (position < split) {
        target.write(message.body(), position, split - position);
        position = split;
      }
      target.write(message.tail(), position - split, message.size() - position);
      position = message.size();
      return position - before;
    }
  }
}
