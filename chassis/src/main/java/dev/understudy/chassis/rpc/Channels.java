package dev.understudy.chassis.rpc;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.security.BearerToken;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.TlsContexts;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Opens channels to gRPC servers. */
public final class Channels {
  private Channels() {}

  /**
   * A channel that connects when it is first used, never retries by itself, and notices a peer that
   * has fallen silent within 20 seconds.
   */
  public static ManagedChannel open(HostPort target, ChannelOptions options) {
    var builder =
        NettyChannelBuilder.forAddress(target.host(), target.port())
            .maxInboundMessageSize(options.maxMessageBytes())
            .disableRetry()
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, 5_000);
    Tls tls = options.tls();
    TlsContexts contexts = options.tlsContexts();
    if (tls == null) {
      builder.usePlaintext();
    } else {
      builder.sslContext(contexts == null ? tls.clientContext() : contexts.client(tls));
    }
    if (options.authority() != null) {
      builder.overrideAuthority(options.authority());
    }
    if (options.token() != null) {
      builder.intercept(new BearerToken(options.token()));
    }
    if (options.directExecutor()) {
      builder.directExecutor();
    }
    if (options.eventLoops() != null) {
      builder.channelType(NioSocketChannel.class).eventLoopGroup(options.eventLoops().worker());
    }
    return builder.build();
  }

  /** Lets calls finish for up to this long, then cancels them; returns when the channel is down. */
  public static void close(ManagedChannel channel, Duration grace) {
    channel.shutdown();
    try {
      if (!channel.awaitTermination(grace.toNanos(), TimeUnit.NANOSECONDS)) {
        channel.shutdownNow();
        channel.awaitTermination(2, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
