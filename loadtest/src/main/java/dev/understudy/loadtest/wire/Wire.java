package dev.understudy.loadtest.wire;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.ManualIoEventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The network work of one thread: the one that made it, and that calls {@link #turn} again and
 * again. Nothing here has a thread of its own, so sending takes no hop and nothing takes a lock.
 *
 * <p>Where epoll is at hand (Linux), a turn waits in the kernel and is over as soon as an answer
 * comes or the time has come, to about 50 µs. Elsewhere the JDK's selector waits in whole
 * milliseconds; the rest is slept in short naps, which costs CPU time.
 */
public final class Wire implements AutoCloseable {
  private static final long MILLISECOND = 1_000_000;
  private static final long NAP_NANOS = 20_000;
  private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1 << 18, 1 << 19);

  private final ManualIoEventLoop loop;
  private final boolean epoll;
  private final boolean spin;

  private Wire(boolean epoll, boolean spin) {
    this.epoll = epoll;
    this.spin = spin;
    this.loop =
        new ManualIoEventLoop(
            Thread.currentThread(),
            epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
  }

  /**
   * Network work of the calling thread.
   *
   * @param spin whether waiting is done awake: most exact, for one whole core
   */
  public static Wire open(boolean spin) {
    return new Wire(Epoll.isAvailable(), spin);
  }

  /** The same on the JDK's selector, whatever the system offers. */
  static Wire onSelector() {
    return new Wire(false, false);
  }

  /** Does what is to be done, waiting up to so long for it. */
  public void turn(long waitNanos) {
    if (waitNanos <= 0 || spin) {
      loop.runNow();
    } else if (epoll) {
      loop.run(waitNanos);
    } else if (waitNanos > 2 * MILLISECOND) {
      loop.run(waitNanos - MILLISECOND);
    } else if (loop.runNow() == 0) {
      LockSupport.parkNanos(Math.min(waitNanos, NAP_NANOS));
    }
  }

  /** Ends the waiting of a {@link #turn}; from any thread. */
  public void wakeup() {
    loop.wakeup();
  }

  Bootstrap bootstrap() {
    Class<? extends Channel> type = epoll ? EpollSocketChannel.class : NioSocketChannel.class;
    return new Bootstrap()
        .group(loop)
        .channel(type)
        .option(ChannelOption.TCP_NODELAY, true)
        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 5_000)
        .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK);
  }

  /** Closes what is open; to be called by the same thread. */
  @Override
  public void close() {
    var _ = loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
    while (!loop.isTerminated() && System.nanoTime() - end < 0) {
      loop.run(MILLISECOND);
    }
  }
}
