package dev.understudy.chassis.connection;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Guards the connections of one listener, whatever engine serves them: bounds their number when
 * they are accepted, and puts a {@link ConnectionGuard} in front of each one's HTTP/2 codec, behind
 * its TLS. It stands in the pipeline of the listening channel, which is where Netty lets one see a
 * connection before anybody else. Any thread.
 */
public final class ConnectionGuards {
  private final ConnectionLimits limits;
  private final Map<ConnectionRefusal, LongAdder> refused = new EnumMap<>(ConnectionRefusal.class);
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicLong unfinishedBytes = new AtomicLong();
  private final ConcurrentHashMap<InetAddress, Integer> byAddress = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<EventLoop, LoopSweep> sweeps = new ConcurrentHashMap<>();
  private final Gate gate = new Gate();

  /** Guards by these limits. */
  public ConnectionGuards(ConnectionLimits limits) {
    this.limits = limits;
    for (ConnectionRefusal refusal : ConnectionRefusal.values()) {
      refused.put(refusal, new LongAdder());
    }
  }

  /** A listening channel, not yet bound, whose connections are guarded. */
  public ServerChannel listener() {
    NioServerSocketChannel channel = new NioServerSocketChannel();
    channel.pipeline().addLast("connection gate", gate);
    return channel;
  }

  /** The limits. */
  public ConnectionLimits limits() {
    return limits;
  }

  /** How often a connection or stream was ended for this reason. */
  public long refused(ConnectionRefusal refusal) {
    LongAdder count = refused.get(refusal);
    return count == null ? 0 : count.sum();
  }

  /** Connections that are open. */
  public int open() {
    return open.get();
  }

  /** Bytes held of messages whose end has not come. */
  public long unfinishedBytes() {
    return unfinishedBytes.get();
  }

  void count(ConnectionRefusal refusal) {
    LongAdder count = refused.get(refusal);
    if (count != null) {
      count.increment();
    }
  }

  /**
   * Adds to the bytes held over all connections.
   *
   * @param own bytes that the asking connection then holds
   * @return false when that is too much, and the asking connection holds more than its share
   */
  boolean hold(long more, long own) {
    long all = unfinishedBytes.addAndGet(more);
    return own <= limits.unfinishedBytes()
        && (all <= limits.unfinishedBytesInAll()
            || own <= limits.unfinishedBytesInAll() / Math.max(1, open.get()));
  }

  LoopSweep sweep(EventLoop loop) {
    return sweeps.computeIfAbsent(loop, l -> new LoopSweep(l, limits.tickNanos()));
  }

  @Sharable
  private final class Gate extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (!(message instanceof Channel connection)) {
        ctx.fireChannelRead(message);
        return;
      }
      InetAddress address = group(connection);
      ConnectionRefusal refusal = admit(address);
      if (refusal != null) {
        count(refusal);
        connection.unsafe().closeForcibly();
        return;
      }
      connection.closeFuture().addListener(closed -> leave(address));
      connection.pipeline().addLast("guard at the door", new GuardAtTheDoor(ConnectionGuards.this));
      ctx.fireChannelRead(connection);
    }
  }

  /** On the accepting thread only, so that looking and adding need not be one step. */
  private @Nullable ConnectionRefusal admit(@Nullable InetAddress address) {
    if (open.get() >= limits.total()) {
      return ConnectionRefusal.TOO_MANY_CONNECTIONS;
    }
    if (address != null) {
      if (byAddress.getOrDefault(address, 0) >= limits.perAddress()) {
        return ConnectionRefusal.TOO_MANY_FROM_ADDRESS;
      }
      byAddress.merge(address, 1, Integer::sum);
    }
    open.incrementAndGet();
    return null;
  }

  private void leave(@Nullable InetAddress address) {
    open.decrementAndGet();
    if (address != null) {
      byAddress.computeIfPresent(address, (a, count) -> count == 1 ? null : count - 1);
    }
  }

  private static @Nullable InetAddress group(Channel connection) {
    if (!(connection.remoteAddress() instanceof InetSocketAddress socket)) {
      return null;
    }
    InetAddress address = socket.getAddress();
    if (!(address instanceof Inet6Address)) {
      return address;
    }
    byte[] prefix = Arrays.copyOf(Arrays.copyOf(address.getAddress(), 8), 16);
    try {
      return InetAddress.getByAddress(prefix);
    } catch (UnknownHostException sixteenBytesAreAnAddress) {
      throw new IllegalStateException(sixteenBytesAreAnAddress);
    }
  }
}
