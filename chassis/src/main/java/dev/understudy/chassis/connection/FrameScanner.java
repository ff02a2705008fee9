package dev.understudy.chassis.connection;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;

/**
 * Follows the frames of what a client sends, without consuming or keeping any of it. It sees every
 * frame, also those that an HTTP/2 codec ignores, at the price of one look at nine bytes for each.
 *
 * <p>It judges nothing but the preface: sizes, states and compression are the codec's. RFC 9113,
 * section 4.1. For one thread.
 */
final class FrameScanner {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int PRIORITY = 2;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;
  static final int CONTINUATION = 9;

  static final int ACK = 1;
  static final int END_STREAM = 1;
  static final int PADDED = 8;

  private static final int HEAD_BYTES = 9;
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  /** What is told of the frames, in their order. */
  interface Sink {
    /**
     * A frame begins.
     *
     * @return false to end the scan for good
     */
    boolean frame(int type, int flags, int stream, int length);

    /** Bytes of a DATA frame without its padding, in one or more pieces. */
    void data(int stream, ByteBuf in, int from, int count);

    /** The content of a WINDOW_UPDATE. */
    void windowUpdate(int stream, int increment);
  }

  /** How a scan ended. */
  enum Result {
    GOES_ON,
    BAD_PREFACE,
    STOPPED
  }

  private final Sink sink;
  private final byte[] head = new byte[HEAD_BYTES];
  private int prefaceSeen;
  private int headSeen;
  private int type;
  private int stream;
  private int left;
  private int dataLeft;
  private int value;
  private int valueBytes;
  private boolean padUnknown;

  FrameScanner(Sink sink) {
    this.sink = sink;
  }

  /** Looks at all readable bytes; the reader index stays. */
  Result scan(ByteBuf in) {
    int at = in.readerIndex();
    int end = in.writerIndex();
    while (prefaceSeen < PREFACE.length && at < end) {
      if (in.getByte(at++) != PREFACE[prefaceSeen++]) {
        return Result.BAD_PREFACE;
      }
    }
    while (at < end) {
      if (left > 0) {
        int count = Math.min(left, end - at);
        payload(in, at, count);
        at += count;
        left -= count;
      } else if (headSeen == 0 && end - at >= HEAD_BYTES) {
        boolean goesOn =
            begin(
                in.getUnsignedMedium(at),
                in.getUnsignedByte(at + 3),
                in.getUnsignedByte(at + 4),
                in.getInt(at + 5));
        at += HEAD_BYTES;
        if (!goesOn) {
          return Result.STOPPED;
        }
      } else {
        head[headSeen++] = in.getByte(at++);
        if (headSeen == HEAD_BYTES) {
          headSeen = 0;
          if (!begin(number(0, 3), head[3] & 0xff, head[4] & 0xff, number(5, 4))) {
            return Result.STOPPED;
          }
        }
      }
    }
    return Result.GOES_ON;
  }

  /** Whether what was seen ends where a frame ends. */
  boolean atBoundary() {
    return prefaceSeen == PREFACE.length && headSeen == 0 && left == 0;
  }

  private int number(int from, int bytes) {
    int number = 0;
    for (int i = from; i < from + bytes; i++) {
      number = (number << 8) | (head[i] & 0xff);
    }
    return number;
  }

  private boolean begin(int length, int frameType, int flags, int streamBits) {
    type = frameType;
    stream = streamBits & Integer.MAX_VALUE;
    left = length;
    dataLeft = length;
    padUnknown = type == DATA && (flags & PADDED) != 0;
    value = 0;
    valueBytes = 0;
    return sink.frame(type, flags, stream, length);
  }

  private void payload(ByteBuf in, int from, int count) {
    if (type == DATA) {
      int at = from;
      int rest = count;
      if (padUnknown) {
        padUnknown = false;
        dataLeft = Math.max(0, left - 1 - in.getUnsignedByte(at));
        at++;
        rest--;
      }
      int data = Math.min(rest, dataLeft);
      if (data > 0) {
        dataLeft -= data;
        sink.data(stream, in, at, data);
      }
    } else if (type == WINDOW_UPDATE) {
      for (int i = 0; i < count && valueBytes < 4; i++) {
        value = (value << 8) | in.getUnsignedByte(from + i);
        if (++valueBytes == 4) {
          sink.windowUpdate(stream, value & Integer.MAX_VALUE);
        }
      }
    }
  }
}
