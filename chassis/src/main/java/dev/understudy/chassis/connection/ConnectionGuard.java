package dev.understudy.chassis.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stands between one client's bytes and the HTTP/2 codec.
 *
 * <p>Two kinds of trouble come from a client. What it <i>sends</i> is judged frame by frame as it
 * passes ({@link FrameScanner}, {@link FrameBudget}, {@link UnfinishedMessages}); nothing is copied
 * and no clock is read. What it <i>fails to do</i> is found by looking at the connection about once
 * a second ({@link #tick}): no handshake, a request that does not get on, an answer that is not
 * taken, a stream on which nothing happens. Between two looks, bytes are counted only for streams
 * that were found waiting at the first.
 *
 * <p>A connection is ended with GOAWAY (ENHANCE_YOUR_CALM) and a word; what it still sends is
 * thrown away until the next look, because to close a socket with unread bytes would take the
 * GOAWAY back. A single stream is ended as if the client had reset it: the codec is given a
 * RST_STREAM in the client's name, so that the call is cancelled along the path that exists, and
 * the client is sent one too. This is possible only between two frames; a client that stays in the
 * middle of one for a timeout longer loses the connection.
 *
 * <p>Connection errors that the codec finds by itself are counted from the GOAWAY that it sends. On
 * the connection's event loop only.
 */
final class ConnectionGuard extends ChannelDuplexHandler implements FrameScanner.Sink {
  private static final long SECOND = 1_000_000_000L;
  private static final int RST_STREAM_BYTES = 13;

  private enum Wait {
    REQUEST(ConnectionRefusal.SLOW_WRITER),
    ANSWER(ConnectionRefusal.SLOW_READER),
    NEXT(ConnectionRefusal.IDLE_STREAM);

    private final ConnectionRefusal refusal;

    Wait(ConnectionRefusal refusal) {
      this.refusal = refusal;
    }
  }

  /** A stream that was found waiting for its client. */
  private static final class Watch {
    private final Wait owed;
    private long sinceNanos;
    private long received;
    private long granted;
    private long grantedBefore;

    Watch(Wait owed) {
      this.owed = owed;
    }

    void restart(long nowNanos, long connectionGranted) {
      sinceNanos = nowNanos;
      received = 0;
      granted = 0;
      grantedBefore = connectionGranted;
    }
  }

  private record Victim(int stream, ConnectionRefusal reason, boolean isLate) {}

  private final ConnectionGuards guards;
  private final ConnectionLimits limits;
  private final FrameScanner scanner = new FrameScanner(this);
  private final FrameBudget budget;
  private final UnfinishedMessages unfinished = new UnfinishedMessages();
  private final List<Victim> victims = new ArrayList<>(0);

  /** Where the sweep keeps it; −1 for nowhere. */
  int place = -1;

  private @Nullable Channel channel;
  private @Nullable ChannelHandlerContext context;
  private @Nullable Http2ConnectionHandler codec;
  private Http2Connection.@Nullable PropertyKey watchKey;
  private @Nullable ConnectionRefusal verdict;
  private long beganNanos;
  private long secondBeganNanos;
  private long heardNanos;
  private long connectionGranted;
  private int lastStream;
  private int watched;
  private boolean endsHere;
  private boolean heard;
  private boolean settled;
  private boolean blind;
  private boolean refused;
  private boolean paused;

  ConnectionGuard(ConnectionGuards guards) {
    this.guards = guards;
    this.limits = guards.limits();
    this.budget = new FrameBudget(limits);
  }

  /** Begins to look at the connection by the clock; again has no effect. */
  void watch(Channel connection) {
    if (channel != null) {
      return;
    }
    channel = connection;
    beganNanos = System.nanoTime();
    secondBeganNanos = beganNanos;
    heardNanos = beganNanos;
    LoopSweep sweep = guards.sweep(connection.eventLoop());
    sweep.add(this);
    connection
        .closeFuture()
        .addListener(closed -> {
          sweep.remove(this);
          guards.hold(-unfinished.held(), 0);
        });
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    watch(ctx.channel());
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (refused) {
      ReferenceCountUtil.release(message);
      return;
    }
    heard = true;
    if (!blind && message instanceof ByteBuf bytes) {
      FrameScanner.Result result = scanner.scan(bytes);
      if (result == FrameScanner.Result.BAD_PREFACE) {
        // The codec says so itself, and closes.
        guards.count(ConnectionRefusal.BAD_PREFACE);
        blind = true;
      } else if (verdict != null) {
        ReferenceCountUtil.release(message);
        refuse(ctx, verdict);
        return;
      }
    }
    if (settled && codec == null) {
      attach(ctx);
    }
    ctx.fireChannelRead(message);
    if (!paused && (budget.isOverCallRate() || budget.isOverResets())) {
      paused = true;
      guards.count(ConnectionRefusal.CALL_RATE);
      ctx.channel().config().setAutoRead(false);
    }
  }

  @Override
  public void read(ChannelHandlerContext ctx) {
    if (!paused) {
      ctx.read();
    }
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (refused) {
      ReferenceCountUtil.release(message);
      promise.tryFailure(new ClosedChannelException());
    } else {
      var _ = ctx.write(message, promise);
    }
  }

  @Override
  public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
    long patience =
        limits.keepAlive().toNanos() + limits.keepAliveTimeout().toNanos() - limits.tickNanos();
    if (!refused && !heard && System.nanoTime() - heardNanos >= patience) {
      refused = true;
      guards.count(ConnectionRefusal.SILENT_PEER);
    }
    var _ = ctx.close(promise);
  }

  @Override
  public boolean frame(int type, int flags, int stream, int length) {
    if (type == FrameScanner.SETTINGS) {
      settled = true;
    } else if (type == FrameScanner.HEADERS) {
      lastStream = Math.max(lastStream, stream);
    }
    boolean ends =
        type == FrameScanner.RST_STREAM
            || ((type == FrameScanner.DATA || type == FrameScanner.HEADERS)
                && (flags & FrameScanner.END_STREAM) != 0);
    endsHere = ends;
    if (ends) {
      release(stream);
    }
    verdict = budget.count(type, flags, length);
    return verdict == null;
  }

  @Override
  public void data(int stream, ByteBuf in, int from, int count) {
    if (watched > 0) {
      Watch watch = watchOf(stream);
      if (watch != null) {
        watch.received += count;
      }
    }
    if (endsHere) {
      return;
    }
    long before = unfinished.held();
    unfinished.data(stream, in, from, count);
    long more = unfinished.held() - before;
    if (more != 0 && !guards.hold(more, unfinished.held())) {
      forgetEndedStreams();
      if (!guards.hold(0, unfinished.held())) {
        verdict = ConnectionRefusal.UNFINISHED_BYTES;
      }
    }
  }

  @Override
  public void windowUpdate(int stream, int increment) {
    if (stream == 0) {
      connectionGranted += increment;
    } else if (watched > 0) {
      Watch watch = watchOf(stream);
      if (watch != null) {
        watch.granted += increment;
      }
    }
    if (verdict == null) {
      verdict = budget.windowUpdate(increment);
    }
  }

  /** Looks at the connection; about once a second. */
  void tick(long nowNanos) {
    Channel connection = channel;
    if (connection == null) {
      return;
    }
    if (refused) {
      var _ = connection.close();
      return;
    }
    if (heard) {
      heard = false;
      heardNanos = nowNanos;
    }
    if (nowNanos - secondBeganNanos >= SECOND) {
      secondBeganNanos = nowNanos;
      budget.nextSecond();
      if (paused) {
        paused = false;
        connection.config().setAutoRead(true);
      }
    }
    long handshakeNanos = limits.handshakeTimeout().toNanos();
    if (!settled) {
      if (handshakeNanos > 0 && nowNanos - beganNanos >= handshakeNanos) {
        refused = true;
        guards.count(ConnectionRefusal.HANDSHAKE_TIMEOUT);
        var _ = connection.close();
      }
      return;
    }
    if (!unfinished.isEmpty()) {
      forgetEndedStreams();
    }
    look(nowNanos);
  }

  private void look(long nowNanos) {
    Http2ConnectionHandler http2 = codec;
    ChannelHandlerContext ctx = context;
    watched = 0;
    if (http2 == null || ctx == null || http2.connection().numActiveStreams() == 0) {
      return;
    }
    Http2RemoteFlowController flow = http2.encoder().flowController();
    try {
      http2
          .connection()
          .forEachActiveStream(stream -> {
            look(flow, stream, nowNanos);
            return true;
          });
    } catch (Http2Exception visitorsThrowNone) {
      throw new IllegalStateException(visitorsThrowNone);
    }
    if (!victims.isEmpty()) {
      List<Victim> found = List.copyOf(victims);
      victims.clear();
      found.forEach(victim -> end(ctx, victim));
    }
  }

  private void look(Http2RemoteFlowController flow, Http2Stream stream, long nowNanos) {
    Http2Connection.PropertyKey key = watchKey;
    if (key == null) {
      return;
    }
    Wait owed = owedOf(flow, stream);
    long timeoutNanos = owed == null ? 0 : timeoutNanos(owed);
    Watch watch = stream.getProperty(key);
    if (owed == null || timeoutNanos == 0) {
      if (watch != null) {
        Watch _ = stream.removeProperty(key);
      }
      return;
    }
    watched++;
    if (watch == null || watch.owed != owed) {
      Watch begun = new Watch(owed);
      begun.restart(nowNanos, connectionGranted);
      Watch _ = stream.setProperty(key, begun);
    } else if (nowNanos - watch.sinceNanos >= timeoutNanos) {
      if (moved(flow, stream, watch)) {
        watch.restart(nowNanos, connectionGranted);
      } else {
        boolean isLate = nowNanos - watch.sinceNanos >= 2 * timeoutNanos;
        victims.add(new Victim(stream.id(), owed.refusal, isLate));
      }
    }
  }

  /** What the stream waits for that only its client can do, or null. */
  private static @Nullable Wait owedOf(Http2RemoteFlowController flow, Http2Stream stream) {
    if (flow.hasFlowControlled(stream)) {
      return Wait.ANSWER;
    }
    if (stream.state() != Http2Stream.State.OPEN) {
      return null;
    }
    // Only a stream of requests has headers before its first request is complete.
    return stream.isHeadersSent() ? Wait.NEXT : Wait.REQUEST;
  }

  private long timeoutNanos(Wait owed) {
    Duration timeout =
        switch (owed) {
          case REQUEST -> limits.requestTimeout();
          case ANSWER -> limits.answerTimeout();
          case NEXT -> limits.streamIdle();
        };
    return timeout.toNanos();
  }

  private boolean moved(Http2RemoteFlowController flow, Http2Stream stream, Watch watch) {
    return switch (watch.owed) {
      case REQUEST -> watch.received >= ConnectionLimits.PROGRESS_BYTES;
      case NEXT -> watch.received > 0;
      // Held back by its own window, or by the window that all streams share.
      case ANSWER -> {
        long granted =
            flow.windowSize(stream) > 0 ? connectionGranted - watch.grantedBefore : watch.granted;
        yield granted >= ConnectionLimits.PROGRESS_BYTES;
      }
    };
  }

  private void end(ChannelHandlerContext ctx, Victim victim) {
    if (refused) {
      return;
    }
    if (scanner.atBoundary()) {
      guards.count(victim.reason());
      release(victim.stream());
      // First, because the codec answers for what it then can no longer send.
      var _ = ctx.writeAndFlush(reset(ctx, victim.stream(), Http2Error.ENHANCE_YOUR_CALM));
      ctx.fireChannelRead(reset(ctx, victim.stream(), Http2Error.CANCEL));
      ctx.fireChannelReadComplete();
    } else if (victim.isLate()) {
      refuse(ctx, victim.reason());
    }
  }

  private static ByteBuf reset(ChannelHandlerContext ctx, int stream, Http2Error error) {
    return ctx.alloc()
        .buffer(RST_STREAM_BYTES)
        .writeMedium(4)
        .writeByte(FrameScanner.RST_STREAM)
        .writeByte(0)
        .writeInt(stream)
        .writeInt((int) error.code());
  }

  private void refuse(ChannelHandlerContext ctx, ConnectionRefusal refusal) {
    refused = true;
    guards.count(refusal);
    byte[] word = refusal.label().getBytes(StandardCharsets.US_ASCII);
    ByteBuf goAway =
        ctx.alloc()
            .buffer(17 + word.length)
            .writeMedium(8 + word.length)
            .writeByte(FrameScanner.GOAWAY)
            .writeByte(0)
            .writeInt(0)
            .writeInt(lastStream)
            .writeInt((int) Http2Error.ENHANCE_YOUR_CALM.code())
            .writeBytes(word);
    var _ = ctx.writeAndFlush(goAway);
  }

  private void attach(ChannelHandlerContext ctx) {
    Http2ConnectionHandler found = ctx.pipeline().get(Http2ConnectionHandler.class);
    if (found != null) {
      codec = found;
      watchKey = found.connection().newKey();
      found.connection().addListener(new GoAways());
    }
  }

  private @Nullable Watch watchOf(int streamId) {
    Http2ConnectionHandler http2 = codec;
    Http2Connection.PropertyKey key = watchKey;
    if (http2 == null || key == null) {
      return null;
    }
    Http2Stream stream = http2.connection().stream(streamId);
    return stream == null ? null : stream.getProperty(key);
  }

  private void release(int stream) {
    if (!unfinished.isEmpty()) {
      long before = unfinished.held();
      unfinished.ended(stream);
      guards.hold(unfinished.held() - before, 0);
    }
  }

  private void forgetEndedStreams() {
    Http2ConnectionHandler http2 = codec;
    if (http2 != null) {
      long before = unfinished.held();
      unfinished.retain(stream -> http2.connection().stream(stream) != null);
      guards.hold(unfinished.held() - before, 0);
    }
  }

  /** Connection errors that the codec found. */
  private final class GoAways extends Http2ConnectionAdapter {
    @Override
    public void onGoAwaySent(int lastStreamId, long errorCode, ByteBuf debugData) {
      if (refused || errorCode == Http2Error.NO_ERROR.code()) {
        return;
      }
      String word = debugData.toString(StandardCharsets.US_ASCII);
      guards.count(
          word.contains("too_many_pings")
              ? ConnectionRefusal.PING_FLOOD
              : word.contains("too_many_rststreams")
                  ? ConnectionRefusal.RAPID_RESET
                  : ConnectionRefusal.PROTOCOL_ERROR);
    }
  }
}
