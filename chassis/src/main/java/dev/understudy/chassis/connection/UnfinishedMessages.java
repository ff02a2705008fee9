package dev.understudy.chassis.connection;

import io.netty.buffer.ByteBuf;
import io.netty.util.collection.IntObjectHashMap;
import java.util.function.IntPredicate;

/**
 * How many bytes a server holds of gRPC messages whose end has not come: HTTP/2's windows do not
 * bound them, because a server gives the window back while it puts a message together. Only streams
 * that send a DATA frame without END_STREAM are followed, so an ordinary unary call costs nothing.
 * For one thread.
 */
final class UnfinishedMessages {
  private static final int PREFIX_BYTES = 5;

  private static final class OneStream {
    private int prefixSeen;
    private long length;
    private long left;

    /** Bytes of the message under way. */
    long held() {
      return left == 0 ? 0 : length - left;
    }
  }

  private final IntObjectHashMap<OneStream> streams = new IntObjectHashMap<>(8);
  private long held;

  /** Bytes held for all streams together. */
  long held() {
    return held;
  }

  /** Whether any stream is followed. */
  boolean isEmpty() {
    return streams.isEmpty();
  }

  /** Takes up the content of a DATA frame; messages may begin and end anywhere in it. */
  void data(int stream, ByteBuf in, int from, int count) {
    OneStream one = streams.get(stream);
    if (one == null) {
      one = new OneStream();
      streams.put(stream, one);
    }
    long before = one.held();
    int at = from;
    int end = from + count;
    while (at < end) {
      if (one.left > 0) {
        long taken = Math.min(one.left, end - at);
        one.left -= taken;
        at += (int) taken;
      } else {
        // The first byte of the prefix says whether the message is compressed.
        if (one.prefixSeen == 0) {
          one.length = 0;
        } else {
          one.length = (one.length << 8) | in.getUnsignedByte(at);
        }
        at++;
        if (++one.prefixSeen == PREFIX_BYTES) {
          one.prefixSeen = 0;
          one.left = one.length;
        }
      }
    }
    held += one.held() - before;
  }

  /** A stream has ended, or its last message has. */
  void ended(int stream) {
    if (!streams.isEmpty()) {
      OneStream one = streams.remove(stream);
      if (one != null) {
        held -= one.held();
      }
    }
  }

  /** Forgets streams that are no more. */
  void retain(IntPredicate isOpen) {
    var entries = streams.entries().iterator();
    while (entries.hasNext()) {
      var entry = entries.next();
      if (!isOpen.test(entry.key())) {
        held -= entry.value().held();
        entries.remove();
      }
    }
  }
}
