package dev.understudy.loadtest.wire;

import io.grpc.Status;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.util.collection.IntObjectHashMap;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The client's side of one HTTP/2 connection (RFC 9113) that carries unary gRPC calls and nothing
 * else.
 *
 * <p>A general codec makes an object for each stream, each header block, each frame and each
 * promise. Here a call is one {@link Exchange} that the caller owns; its frames are appended to the
 * one buffer of this turn, and the buffer goes to the socket when the turn ends: one system call
 * for all calls that were due. Answers are read frame by frame out of what the socket gave; message
 * bytes are counted and dropped, since an instrument needs their end, not their content.
 *
 * <p>What a peer may ask is honoured: flow control of stream and connection, its bounds on frame
 * size, streams and header table, SETTINGS, PING, RST_STREAM, GOAWAY. Our own windows are opened as
 * wide as they go, so that the peer never waits for us. Whatever breaks the protocol closes the
 * connection, and its calls end UNAVAILABLE with the reason.
 */
final class Connection extends ChannelInboundHandlerAdapter {
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PUSH_PROMISE = 5;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;

  private static final int END_STREAM = 1;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;
  private static final int PADDED = 8;
  private static final int PRIORITY = 0x20;

  private static final int NO_ERROR = 0;
  private static final int PROTOCOL_ERROR = 1;
  private static final int REFUSED_STREAM = 7;
  private static final int CANCEL = 8;
  private static final int ENHANCE_YOUR_CALM = 11;

  private static final int FRAME_HEADER = 9;
  private static final int MAX_INBOUND_FRAME = 16_384;
  private static final int DEFAULT_WINDOW = 65_535;
  private static final int DEFAULT_TABLE = 4_096;
  private static final int LAST_STREAM_ID = Integer.MAX_VALUE - 2;

  /** Frames of large messages are appended while less than this waits for the socket. */
  private static final int TURN_BYTES = 1 << 18;

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private enum State {
    OPENING,
    READY,
    DRAINING,
    CLOSED
  }

  private final Owner owner;
  private final RequestHeaders requestHeaders;
  private final ResponseHeaders responseHeaders = new ResponseHeaders();
  private final IntObjectHashMap<Exchange> streams = new IntObjectHashMap<>();

  /** Calls with bytes left, in the order in which they came. */
  private final ArrayDeque<Exchange> unsent = new ArrayDeque<>();

  private @Nullable Channel channel;
  private State state = State.OPENING;
  private String reason = "connection closed by the server";

  private @Nullable ByteBuf out;
  private @Nullable ByteBuf rest;
  private @Nullable ByteBuf headerFragments;
  private int headerStream;
  private boolean headerEndsStream;

  private int nextStreamId = 1;
  private boolean firstHeaders = true;
  private long sendWindow = DEFAULT_WINDOW;
  private int initialSendWindow = DEFAULT_WINDOW;
  private int maxFrame = MAX_INBOUND_FRAME;
  private long maxStreams = Integer.MAX_VALUE;
  private long peerTable = DEFAULT_TABLE;
  private long received;

  Connection(Owner owner, RequestHeaders requestHeaders) {
    this.owner = owner;
    this.requestHeaders = requestHeaders;
  }

  /** Whether another call fits. */
  boolean hasRoom() {
    return state == State.READY && streams.size() < maxStreams;
  }

  boolean opening() {
    return state == State.OPENING;
  }

  boolean closed() {
    return state == State.CLOSED;
  }

  // --- Sending

  /** Begins a call; only when {@link #hasRoom}. */
  void start(Exchange exchange, long nanos) {
    int id = nextStreamId;
    nextStreamId += 2;
    if (nextStreamId >= LAST_STREAM_ID) {
      state = State.DRAINING;
    }
    exchange.connection = this;
    exchange.streamId = id;
    exchange.sendWindow = initialSendWindow;
    exchange.sentNanos = nanos;
    streams.put(id, exchange);
    ByteBuf to = out(exchange.left + 256);
    int at = to.writerIndex();
    to.writeZero(FRAME_HEADER);
    requestHeaders.write(to, exchange.principal, firstHeaders, peerTable);
    firstHeaders = false;
    int length = to.writerIndex() - at - FRAME_HEADER;
    to.setMedium(at, length);
    to.setByte(at + 3, HEADERS);
    to.setByte(at + 4, END_HEADERS);
    to.setInt(at + 5, id);
    if (!unsent.isEmpty() || !sendBody(exchange)) {
      unsent.add(exchange);
    }
  }

  /** Appends frames while windows and the turn's buffer allow; true when nothing is left. */
  private boolean sendBody(Exchange exchange) {
    int whole = exchange.message.length + 5;
    while (exchange.left > 0) {
      int done = whole - exchange.left;
      int length =
          (int)
              Math.min(
                  Math.min(exchange.left, maxFrame), Math.min(sendWindow, exchange.sendWindow));
      if (length <= 0 || (done > 0 && !roomInTurn())) {
        return false;
      }
      ByteBuf to = out(length + FRAME_HEADER);
      exchange.left -= length;
      frame(to, length, DATA, exchange.left == 0 ? END_STREAM : 0, exchange.streamId);
      int prefix = Math.clamp(5 - done, 0, length);
      for (int i = done; i < done + prefix; i++) {
        to.writeByte(i == 0 ? 0 : exchange.message.length >>> (8 * (4 - i)));
      }
      to.writeBytes(exchange.message, Math.max(done - 5, 0), length - prefix);
      sendWindow -= length;
      exchange.sendWindow -= length;
    }
    return true;
  }

  private boolean roomInTurn() {
    Channel open = channel;
    return open != null && open.isWritable() && (out == null || out.readableBytes() < TURN_BYTES);
  }

  private void sendUnsent() {
    for (int i = unsent.size(); i > 0; i--) {
      Exchange exchange = unsent.peek();
      if (exchange == null || sendWindow <= 0 || !roomInTurn()) {
        return;
      }
      unsent.poll();
      if (!sendBody(exchange)) {
        unsent.add(exchange); // Its own window is used up, or the turn is full: others are next.
      }
    }
  }

  /** Gives up a call whose time is over. */
  void cancel(Exchange exchange) {
    if (streams.remove(exchange.streamId) != null) {
      if (exchange.left > 0) {
        unsent.remove(exchange);
      }
      ByteBuf to = out(FRAME_HEADER + 4);
      frame(to, 4, RST_STREAM, 0, exchange.streamId);
      to.writeInt(CANCEL);
    }
    exchange.connection = null;
    closeWhenDrained();
  }

  private ByteBuf out(int bytes) {
    ByteBuf buffer = out;
    if (buffer == null) {
      Channel open = channel;
      if (open == null) {
        throw new IllegalStateException("frames for a connection that is not open");
      }
      buffer = open.alloc().directBuffer(Math.max(bytes, 16_384));
      out = buffer;
      owner.dirty(this);
    }
    return buffer;
  }

  private static void frame(ByteBuf to, int length, int type, int flags, int streamId) {
    to.writeMedium(length).writeByte(type).writeByte(flags).writeInt(streamId);
  }

  /**
   * Hands this turn's frames to the socket, and goes on with large messages while it takes them:
   * only a socket that was full says when it is ready again.
   */
  void flush() {
    while (out != null) {
      ByteBuf frames = out;
      Channel open = channel;
      out = null;
      if (open == null || state == State.CLOSED) {
        frames.release();
        return;
      }
      var _ = open.writeAndFlush(frames, open.voidPromise());
      if (state != State.CLOSED) {
        sendUnsent();
      }
    }
  }

  // --- The channel's life

  @Override
  public void channelActive(ChannelHandlerContext context) {
    channel = context.channel();
    ByteBuf to = out(128);
    to.writeBytes(PREFACE);
    frame(to, 12, SETTINGS, 0, 0);
    to.writeShort(2).writeInt(0); // ENABLE_PUSH
    to.writeShort(4).writeInt(Integer.MAX_VALUE); // INITIAL_WINDOW_SIZE
    frame(to, 4, WINDOW_UPDATE, 0, 0);
    to.writeInt(Integer.MAX_VALUE - DEFAULT_WINDOW);
    flush();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    close(reason);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    close(cause.getMessage() == null ? cause.toString() : cause.getMessage());
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (context.channel().isWritable()) {
      sendUnsent();
      flush();
    }
  }

  /** Ends the connection and all its calls; again and again does no harm. */
  void close(String why) {
    if (state == State.CLOSED) {
      return;
    }
    state = State.CLOSED;
    reason = why;
    for (ByteBuf buffer : new ByteBuf[] {out, rest, headerFragments}) {
      if (buffer != null) {
        buffer.release();
      }
    }
    out = null;
    rest = null;
    headerFragments = null;
    if (channel != null) {
      var _ = channel.close();
    }
    List<Exchange> lost = new ArrayList<>(streams.values());
    streams.clear();
    unsent.clear();
    owner.lost(this, why);
    long now = System.nanoTime();
    for (Exchange exchange : lost) {
      owner.end(exchange, Status.Code.UNAVAILABLE, why, now);
    }
  }

  private void closeWhenDrained() {
    if (state == State.DRAINING && streams.isEmpty()) {
      close("drained");
    }
  }

  private void violated(String what) {
    if (state != State.CLOSED && channel != null) {
      ByteBuf to = out(FRAME_HEADER + 8);
      frame(to, 8, GOAWAY, 0, 0);
      to.writeInt(0).writeInt(PROTOCOL_ERROR);
      flush();
    }
    close("the server broke the protocol: " + what);
  }

  // --- Receiving

  @Override
  public void channelRead(ChannelHandlerContext context, Object read) {
    ByteBuf in = (ByteBuf) read;
    long now = System.nanoTime();
    if (rest != null) {
      rest.writeBytes(in);
      in.release();
      in = rest;
      rest = null;
    }
    while (state != State.CLOSED && in.readableBytes() >= FRAME_HEADER) {
      int at = in.readerIndex();
      int length = in.getUnsignedMedium(at);
      if (length > MAX_INBOUND_FRAME) {
        violated("a frame of " + length + " bytes (expected: up to 16384)");
        break;
      }
      if (in.readableBytes() < FRAME_HEADER + length) {
        break;
      }
      int type = in.getByte(at + 3);
      int flags = in.getUnsignedByte(at + 4);
      int streamId = in.getInt(at + 5) & 0x7fff_ffff;
      in.skipBytes(FRAME_HEADER);
      int end = in.readerIndex() + length;
      if (headerFragments != null && type != CONTINUATION) {
        violated("a frame between the parts of a header block");
      } else {
        received(type, flags, streamId, in, length, now);
      }
      if (state != State.CLOSED) {
        in.readerIndex(end);
      }
    }
    if (state != State.CLOSED && in.isReadable()) {
      ByteBuf kept = context.alloc().buffer(FRAME_HEADER + MAX_INBOUND_FRAME);
      kept.writeBytes(in);
      rest = kept;
    }
    in.release();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    if (state != State.CLOSED) {
      if (received > Integer.MAX_VALUE / 2) {
        ByteBuf to = out(FRAME_HEADER + 4);
        frame(to, 4, WINDOW_UPDATE, 0, 0);
        to.writeInt((int) received);
        received = 0;
      }
      sendUnsent();
      owner.roomAgain();
      closeWhenDrained();
    }
    flush();
  }

  private void received(int type, int flags, int streamId, ByteBuf in, int length, long now) {
    switch (type) {
      case DATA -> data(flags, streamId, in, length, now);
      case HEADERS -> headers(flags, streamId, in, length, now);
      case CONTINUATION -> continuation(flags, streamId, in, length, now);
      case RST_STREAM -> {
        if (length != 4) {
          violated("RST_STREAM of " + length + " bytes (expected: 4)");
        } else {
          reset(streamId, in.readInt(), now);
        }
      }
      case SETTINGS -> settings(flags, in, length);
      case PING -> {
        if (length != 8) {
          violated("PING of " + length + " bytes (expected: 8)");
        } else if ((flags & ACK) == 0) {
          ByteBuf to = out(FRAME_HEADER + 8);
          frame(to, 8, PING, ACK, 0);
          to.writeBytes(in, 8);
        }
      }
      case GOAWAY -> goAway(in, length, now);
      case WINDOW_UPDATE -> windowUpdate(streamId, in, length);
      case PUSH_PROMISE -> violated("PUSH_PROMISE, though push was declined");
      default -> {} // Unknown frames are to be ignored.
    }
  }

  private void data(int flags, int streamId, ByteBuf in, int length, long now) {
    received += length;
    Exchange exchange = streams.get(streamId);
    if (exchange == null) {
      return; // Given up meanwhile.
    }
    int padding = (flags & PADDED) == 0 ? 0 : length == 0 ? -1 : 1 + in.readUnsignedByte();
    if (padding < 0 || padding > length) {
      violated("DATA with more padding than bytes");
      return;
    }
    exchange.responseBytes += length - padding;
    if ((flags & END_STREAM) != 0) {
      finished(exchange, -1, "the answer has no trailers", now);
    }
  }

  private void headers(int flags, int streamId, ByteBuf in, int length, long now) {
    int left = length;
    int padding = 0;
    if ((flags & PADDED) != 0 && left > 0) {
      padding = in.readUnsignedByte();
      left--;
    }
    if ((flags & PRIORITY) != 0) {
      in.skipBytes(Math.min(5, left));
      left -= 5;
    }
    left -= padding;
    if (left < 0) {
      violated("HEADERS with more padding than bytes");
      return;
    }
    boolean endsStream = (flags & END_STREAM) != 0;
    if ((flags & END_HEADERS) != 0) {
      block(streamId, in.readSlice(left), endsStream, now);
      return;
    }
    ByteBuf parts = in.alloc().buffer(Math.max(left, 256), ResponseHeaders.MAX_LIST_BYTES);
    parts.writeBytes(in, left);
    headerFragments = parts;
    headerStream = streamId;
    headerEndsStream = endsStream;
  }

  private void continuation(int flags, int streamId, ByteBuf in, int length, long now) {
    ByteBuf parts = headerFragments;
    if (parts == null || streamId != headerStream) {
      violated("CONTINUATION that continues nothing");
    } else if (parts.readableBytes() + length > ResponseHeaders.MAX_LIST_BYTES) {
      violated("headers of more than 65536 bytes");
    } else {
      parts.writeBytes(in, length);
      if ((flags & END_HEADERS) != 0) {
        headerFragments = null;
        block(streamId, parts, headerEndsStream, now);
        parts.release();
      }
    }
  }

  private void block(int streamId, ByteBuf block, boolean endsStream, long now) {
    try {
      responseHeaders.read(streamId, block);
    } catch (Http2Exception e) {
      violated("headers: " + e.getMessage());
      return;
    }
    Exchange exchange = streams.get(streamId);
    if (exchange == null) {
      return;
    }
    if (exchange.httpStatus == 0 || responseHeaders.httpStatus >= 200) {
      exchange.httpStatus = responseHeaders.httpStatus;
    }
    if (endsStream) {
      finished(exchange, responseHeaders.grpcStatus, responseHeaders.message, now);
    }
  }

  private void finished(Exchange exchange, int grpcStatus, String message, long now) {
    streams.remove(exchange.streamId);
    if (exchange.left > 0) {
      // An answer before the end of the request: the rest is not sent.
      unsent.remove(exchange);
      ByteBuf to = out(FRAME_HEADER + 4);
      frame(to, 4, RST_STREAM, 0, exchange.streamId);
      to.writeInt(NO_ERROR);
    }
    Status.Code code;
    String detail = message;
    if (grpcStatus >= 0) {
      code = Status.fromCodeValue(grpcStatus).getCode();
      if (code == Status.Code.OK && exchange.responseBytes < 5) {
        code = Status.Code.INTERNAL;
        detail = "OK without a message";
      }
    } else {
      code = ResponseHeaders.fromHttp(exchange.httpStatus);
      detail = "HTTP status " + exchange.httpStatus + " without grpc-status";
    }
    owner.end(exchange, code, detail, now);
  }

  private void reset(int streamId, int error, long now) {
    Exchange exchange = streams.remove(streamId);
    if (exchange == null) {
      return;
    }
    if (exchange.left > 0) {
      unsent.remove(exchange);
    }
    Status.Code code =
        switch (error) {
          case REFUSED_STREAM -> Status.Code.UNAVAILABLE;
          case CANCEL -> Status.Code.CANCELLED;
          case ENHANCE_YOUR_CALM -> Status.Code.RESOURCE_EXHAUSTED;
          default -> Status.Code.INTERNAL;
        };
    owner.end(exchange, code, "stream reset by the server with HTTP/2 error " + error, now);
  }

  private void settings(int flags, ByteBuf in, int length) {
    if ((flags & ACK) != 0) {
      return;
    }
    if (length % 6 != 0) {
      violated("SETTINGS of " + length + " bytes (expected: a multiple of 6)");
      return;
    }
    for (int i = 0; i < length; i += 6) {
      int id = in.readUnsignedShort();
      long value = in.readUnsignedInt();
      switch (id) {
        case 1 -> peerTable = Math.min(value, peerTable);
        case 3 -> maxStreams = value;
        case 4 -> {
          if (value > Integer.MAX_VALUE) {
            violated("an initial window of " + value + " bytes");
            return;
          }
          long change = value - initialSendWindow;
          initialSendWindow = (int) value;
          streams.values().forEach(exchange -> exchange.sendWindow += change);
        }
        case 5 -> maxFrame = Math.clamp(value, MAX_INBOUND_FRAME, 1 << 24);
        default -> {} // Nothing that a client heeds.
      }
    }
    frame(out(FRAME_HEADER), 0, SETTINGS, ACK, 0);
    if (state == State.OPENING) {
      state = State.READY;
      owner.opened();
    }
  }

  private void goAway(ByteBuf in, int length, long now) {
    if (length < 8) {
      violated("GOAWAY of " + length + " bytes (expected: 8 or more)");
      return;
    }
    int last = in.readInt() & 0x7fff_ffff;
    int error = in.readInt();
    reason = "the server said GOAWAY with HTTP/2 error " + error;
    state = State.DRAINING;
    owner.replace(this);
    for (Exchange exchange : new ArrayList<>(streams.values())) {
      if (exchange.streamId > last && streams.remove(exchange.streamId) != null) {
        unsent.remove(exchange);
        owner.end(exchange, Status.Code.UNAVAILABLE, reason, now);
      }
    }
  }

  private void windowUpdate(int streamId, ByteBuf in, int length) {
    if (length != 4) {
      violated("WINDOW_UPDATE of " + length + " bytes (expected: 4)");
      return;
    }
    int more = in.readInt() & 0x7fff_ffff;
    if (streamId == 0) {
      sendWindow += more;
    } else {
      Exchange exchange = streams.get(streamId);
      if (exchange != null) {
        exchange.sendWindow += more;
      }
    }
  }
}
