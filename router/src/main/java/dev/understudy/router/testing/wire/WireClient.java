package dev.understudy.router.testing.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.DefaultHttp2HeadersEncoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersEncoder;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/2 connection, frame by frame, over a blocking socket. It knows how frames and header
 * blocks are written and nothing of what they mean: it acknowledges settings and pings and gives
 * windows back once it has greeted, and may be told not to. Everything that comes is kept, in
 * order, and waited for with {@link #await}. Any thread, but one at a time.
 */
public final class WireClient implements AutoCloseable {
  /** Frame types of RFC 9113, section 6. */
  public static final int DATA = 0;

  /** Opens a stream, or ends it with trailers. */
  public static final int HEADERS = 1;

  /** Once said which stream is more urgent. */
  public static final int PRIORITY = 2;

  /** Ends a stream. */
  public static final int RST_STREAM = 3;

  /** Settings, or their acknowledgement. */
  public static final int SETTINGS = 4;

  /** Are you there. */
  public static final int PING = 6;

  /** No new streams. */
  public static final int GOAWAY = 7;

  /** Gives window. */
  public static final int WINDOW_UPDATE = 8;

  /** More of a header block. */
  public static final int CONTINUATION = 9;

  /** Flag of DATA and HEADERS. */
  public static final int END_STREAM = 1;

  /** Flag of SETTINGS and PING. */
  public static final int ACK = 1;

  /** Flag of HEADERS and CONTINUATION. */
  public static final int END_HEADERS = 4;

  /** What a client sends first. */
  public static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private static final int MOST_IN_A_FRAME = 16_384;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(15);

  private final Socket socket;
  private final OutputStream out;
  private final DefaultHttp2HeadersEncoder encoder =
      new DefaultHttp2HeadersEncoder(Http2HeadersEncoder.NEVER_SENSITIVE, true);
  private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(false, 1 << 20);
  private final List<WireEvent> events = new ArrayList<>();
  private final ByteArrayOutputStream block = new ByteArrayOutputStream();
  private volatile boolean polite;
  private boolean blockEnds;
  private int nextStream = 1;

  private WireClient(Socket socket) throws IOException {
    this.socket = socket;
    this.out = socket.getOutputStream();
  }

  /** A connection on which nothing has been sent. */
  public static WireClient raw(int port) throws IOException {
    return over(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  /** The same over a socket that is connected, perhaps with TLS. */
  public static WireClient over(Socket socket) throws IOException {
    socket.setTcpNoDelay(true);
    WireClient client = new WireClient(socket);
    var _ = Thread.ofVirtual().name("wire-client").start(client::read);
    return client;
  }

  /** A connection that has sent preface and settings. */
  public static WireClient connect(int port) throws IOException {
    return raw(port).greet();
  }

  /**
   * Sends preface and settings.
   *
   * @param settings pairs of identifier and value
   */
  public WireClient greet(int... settings) throws IOException {
    ByteBuffer payload = ByteBuffer.allocate(settings.length * 3);
    for (int i = 0; i < settings.length; i += 2) {
      payload.putShort((short) settings[i]).putInt(settings[i + 1]);
    }
    byte[] first = bytes(SETTINGS, 0, 0, payload.array());
    send(ByteBuffer.allocate(PREFACE.length + first.length).put(PREFACE).put(first).array());
    polite = true;
    return this;
  }

  /** Gives no window back and acknowledges nothing from now on. */
  public WireClient impolite() {
    polite = false;
    return this;
  }

  /** Sends bytes as they are. */
  public void send(byte[] bytes) throws IOException {
    synchronized (out) {
      out.write(bytes);
      out.flush();
    }
  }

  /** A frame as bytes. */
  public static byte[] bytes(int type, int flags, int stream, byte... payload) {
    return ByteBuffer.allocate(9 + payload.length)
        .put((byte) (payload.length >> 16))
        .putShort((short) payload.length)
        .put((byte) type)
        .put((byte) flags)
        .putInt(stream)
        .put(payload)
        .array();
  }

  /** Sends a frame. */
  public void frame(int type, int flags, int stream, byte... payload) throws IOException {
    send(bytes(type, flags, stream, payload));
  }

  /** A header block, with this connection's compression. */
  public byte[] block(Http2Headers headers) {
    ByteBuf buffer = Unpooled.buffer();
    try {
      encoder.encodeHeaders(1, headers, buffer);
      return ByteBufUtil.getBytes(buffer);
    } catch (Http2Exception e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** The number that the next stream has. */
  public int newStream() {
    int stream = nextStream;
    nextStream += 2;
    return stream;
  }

  /** Opens a stream; a long header block goes in several frames. */
  public int open(Http2Headers headers, boolean end) throws IOException {
    int stream = newStream();
    headers(stream, headers, end);
    return stream;
  }

  /** Sends headers or trailers. */
  public void headers(int stream, Http2Headers headers, boolean end) throws IOException {
    byte[] all = block(headers);
    ByteArrayOutputStream frames = new ByteArrayOutputStream();
    int at = 0;
    do {
      int count = Math.min(MOST_IN_A_FRAME, all.length - at);
      byte[] piece = java.util.Arrays.copyOfRange(all, at, at + count);
      int flags = (at == 0 && end ? END_STREAM : 0) | (at + count == all.length ? END_HEADERS : 0);
      frames.writeBytes(bytes(at == 0 ? HEADERS : CONTINUATION, flags, stream, piece));
      at += count;
    } while (at < all.length);
    send(frames.toByteArray());
  }

  /** Sends body bytes in frames of at most 16 KiB, whatever the window. */
  public void data(int stream, byte[] bytes, boolean end) throws IOException {
    ByteArrayOutputStream frames = new ByteArrayOutputStream();
    int at = 0;
    do {
      int count = Math.min(MOST_IN_A_FRAME, bytes.length - at);
      byte[] piece = java.util.Arrays.copyOfRange(bytes, at, at + count);
      at += count;
      frames.writeBytes(bytes(DATA, end && at == bytes.length ? END_STREAM : 0, stream, piece));
    } while (at < bytes.length);
    send(frames.toByteArray());
  }

  /** Resets a stream. */
  public void reset(int stream, int code) throws IOException {
    frame(RST_STREAM, 0, stream, number(code));
  }

  /** Gives window. */
  public void window(int stream, int increment) throws IOException {
    frame(WINDOW_UPDATE, 0, stream, number(increment));
  }

  /** Ends the sending side of the TCP connection. */
  public void halfClose() throws IOException {
    socket.shutdownOutput();
  }

  /** Four bytes of a number. */
  public static byte[] number(int value) {
    return ByteBuffer.allocate(4).putInt(value).array();
  }

  /** A message with gRPC's prefix, uncompressed. */
  public static byte[] message(byte[] body) {
    return ByteBuffer.allocate(5 + body.length).put((byte) 0).putInt(body.length).put(body).array();
  }

  /** Headers of a gRPC call. */
  public static Http2Headers call(String path) {
    return new DefaultHttp2Headers(false)
        .method("POST")
        .scheme("http")
        .authority("localhost")
        .path(path)
        .set("content-type", "application/grpc")
        .set("te", "trailers");
  }

  /** All that came so far. */
  public List<WireEvent> events() {
    synchronized (events) {
      return List.copyOf(events);
    }
  }

  /** The body bytes of a stream so far. */
  public byte[] body(int stream) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (WireEvent event : events()) {
      if (event instanceof WireEvent.Data data && data.stream() == stream) {
        all.writeBytes(data.bytes());
      }
    }
    return all.toByteArray();
  }

  /**
   * Waits for the first event, of all that came and come, that is of a type and a kind.
   *
   * @throws AssertionError when it does not come within 15 s, with all that came instead
   */
  public <E extends WireEvent> E await(Class<E> type, Predicate<E> kind) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    int seen = 0;
    synchronized (events) {
      while (true) {
        for (; seen < events.size(); seen++) {
          WireEvent event = events.get(seen);
          if (type.isInstance(event) && kind.test(type.cast(event))) {
            return type.cast(event);
          }
        }
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          throw new AssertionError(
              "no such " + type.getSimpleName() + " within 15 s, but " + tail(events));
        }
        try {
          TimeUnit.NANOSECONDS.timedWait(events, left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new AssertionError("interrupted while waiting for " + type.getSimpleName(), e);
        }
      }
    }
  }

  /** Waits for the end of a stream: trailers, or its reset. */
  public WireEvent.Headers trailers(int stream) {
    return await(WireEvent.Headers.class, headers -> headers.stream() == stream && headers.end());
  }

  /** Waits for the reset of a stream. */
  public WireEvent.Reset resetOf(int stream) {
    return await(WireEvent.Reset.class, reset -> reset.stream() == stream);
  }

  /** Waits for the server's GOAWAY. */
  public WireEvent.GoAway goAway() {
    return await(WireEvent.GoAway.class, goAway -> true);
  }

  /** Waits for the end of the connection. */
  public WireEvent.Closed closed() {
    return await(WireEvent.Closed.class, closed -> true);
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      tell(new WireEvent.Closed(e.toString()));
    }
  }

  private static List<WireEvent> tail(List<WireEvent> all) {
    return List.copyOf(all.subList(Math.max(0, all.size() - 20), all.size()));
  }

  private void read() {
    String why = "end of stream";
    try (DataInputStream in =
        new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream()))) {
      while (true) {
        int first = in.read();
        if (first < 0) {
          break;
        }
        int length = (first << 16) | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt() & Integer.MAX_VALUE;
        byte[] payload = new byte[length];
        in.readFully(payload);
        WireEvent event = take(type, flags, stream, payload);
        if (event != null) {
          tell(event);
        }
      }
    } catch (IOException | Http2Exception e) {
      why = e.toString();
    }
    tell(new WireEvent.Closed(why));
  }

  private @Nullable WireEvent take(int type, int flags, int stream, byte[] payload)
      throws Http2Exception {
    ByteBuffer in = ByteBuffer.wrap(payload);
    return switch (type) {
      case DATA -> {
        if (polite && payload.length > 0) {
          answer(bytes(WINDOW_UPDATE, 0, 0, number(payload.length)));
          if ((flags & END_STREAM) == 0) {
            answer(bytes(WINDOW_UPDATE, 0, stream, number(payload.length)));
          }
        }
        yield new WireEvent.Data(stream, payload, (flags & END_STREAM) != 0);
      }
      case HEADERS, CONTINUATION -> {
        block.writeBytes(payload);
        blockEnds = type == HEADERS ? (flags & END_STREAM) != 0 : blockEnds;
        if ((flags & END_HEADERS) == 0) {
          yield null;
        }
        Http2Headers headers =
            decoder.decodeHeaders(stream, Unpooled.wrappedBuffer(block.toByteArray()));
        block.reset();
        yield new WireEvent.Headers(stream, headers, blockEnds);
      }
      case RST_STREAM -> new WireEvent.Reset(stream, in.getInt() & 0xffffffffL);
      case SETTINGS -> {
        boolean ack = (flags & ACK) != 0;
        if (polite && !ack) {
          answer(bytes(SETTINGS, ACK, 0));
        }
        int window = 65_535;
        while (in.remaining() >= 6) {
          int id = in.getShort();
          int value = in.getInt();
          window = id == 4 ? value : window;
        }
        yield new WireEvent.Settings(ack, window);
      }
      case PING -> {
        boolean ack = (flags & ACK) != 0;
        if (polite && !ack) {
          answer(bytes(PING, ACK, 0, payload));
        }
        yield new WireEvent.Ping(ack);
      }
      case GOAWAY ->
          new WireEvent.GoAway(
              in.getInt() & Integer.MAX_VALUE,
              in.getInt() & 0xffffffffL,
              StandardCharsets.US_ASCII.decode(in).toString());
      case WINDOW_UPDATE -> new WireEvent.Window(stream, in.getInt() & Integer.MAX_VALUE);
      default -> null;
    };
  }

  /** A server that closes may have sent more before, which must still be read. */
  private void answer(byte[] bytes) {
    try {
      send(bytes);
    } catch (IOException e) {
      polite = false;
    }
  }

  private void tell(WireEvent event) {
    synchronized (events) {
      events.add(event);
      events.notifyAll();
    }
  }
}
