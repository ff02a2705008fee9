package dev.understudy.chassis.rpc;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * Threads that do the network work of servers and channels that share them. Close it after them.
 *
 * @param boss accepts connections
 * @param worker reads and writes
 */
public record EventLoops(EventLoopGroup boss, EventLoopGroup worker) implements AutoCloseable {
  /**
   * One accepting thread and so many workers, on the JDK's NIO.
   *
   * @param threads 1 or more
   */
  public static EventLoops nio(String name, int threads) {
    return new EventLoops(group(name + "-boss", 1), group(name + "-loop", threads));
  }

  /** Stops the threads at once and waits for them for up to five seconds. */
  @Override
  public void close() {
    var worker = this.worker.shutdownGracefully(0, 5, TimeUnit.SECONDS);
    var boss = this.boss.shutdownGracefully(0, 5, TimeUnit.SECONDS);
    worker.awaitUninterruptibly(5, TimeUnit.SECONDS);
    boss.awaitUninterruptibly(5, TimeUnit.SECONDS);
  }

  private static EventLoopGroup group(String name, int threads) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }
}
