package dev.understudy.chassis.rpc;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.connection.ConnectionGuards;
import dev.understudy.chassis.connection.ConnectionLimits;
import dev.understudy.chassis.security.ListenPolicy;
import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.security.TokenAuth;
import dev.understudy.chassis.time.TimeSource;
import io.grpc.Server;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Starts gRPC servers. */
public final class GrpcServers {
  private static final int MAX_METADATA_BYTES = 32 << 10;

  private GrpcServers() {}

  /**
   * Starts a server with the health service beside the given ones. What handlers throw reaches the
   * client as the translation by {@link dev.understudy.chassis.error.Fault#from}.
   *
   * @throws ConfigException if the address is not loopback and neither TLS nor a token protects it
   *     nor its services do, or if the TLS files cannot be used
   * @throws IOException if the address cannot be bound
   */
  public static RpcServer server(ServerOptions options) throws IOException {
    ListenPolicy.check(
        options.address(),
        options.tls() != null || options.token() != null || options.servicesAuthenticate(),
        "tls.certificate and tls.key, or tokenFile");
    var health = new HealthStatusManager();
    var builder =
        NettyServerBuilder.forAddress(options.address().toSocketAddress())
            .maxInboundMessageSize(options.maxMessageBytes())
            .maxInboundMetadataSize(MAX_METADATA_BYTES)
            .maxConcurrentCallsPerConnection(options.maxConcurrentCalls())
            .handshakeTimeout(10, TimeUnit.SECONDS)
            .keepAliveTime(30, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            // Clients may ping while idle, but not faster than half of what our channels do.
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    ExecutorService owned = null;
    if (options.directExecutor()) {
      builder.directExecutor();
    } else if (options.executor() != null) {
      builder.executor(options.executor());
    } else {
      owned =
          Executors.newThreadPerTaskExecutor(
              Thread.ofVirtual().name("grpc-" + options.address().port() + "-", 0).factory());
      builder.executor(owned);
    }
    if (options.eventLoops() != null) {
      builder
          .channelType(NioServerSocketChannel.class)
          .bossEventLoopGroup(options.eventLoops().boss())
          .workerEventLoopGroup(options.eventLoops().worker());
    }
    ConnectionGuards guards = options.guards();
    if (guards != null) {
      guard(builder, guards);
    }
    Duration age = options.maxConnectionAge();
    if (age != null && guards == null) {
      builder
          .maxConnectionAge(age.toNanos(), TimeUnit.NANOSECONDS)
          .maxConnectionAgeGrace(30, TimeUnit.SECONDS);
    }
    Tls tls = options.tls();
    if (tls != null) {
      TlsContexts contexts = options.tlsContexts();
      builder.sslContext(contexts == null ? tls.serverContext() : contexts.server(tls));
    }
    if (options.identifyPeers()) {
      builder.addTransportFilter(new PeerFilter());
    }
    options.services().forEach(builder::addService);
    builder.addService(
        ServerInterceptors.intercept(
            MessageBound.bounded(
                ServerInterceptors.intercept(health.getHealthService(), new HealthBounds()),
                MessageBound.QUESTION_BYTES),
            new ClockHeader(TimeSource.system())));
    if (options.reflection()) {
      builder.addService(ProtoReflectionServiceV1.newInstance());
    }
    // gRPC calls the interceptor that was added last first.
    interceptors(options).reversed().forEach(builder::intercept);
    Server server = builder.build();
    try {
      server.start();
    } catch (IOException e) {
      if (owned != null) {
        owned.shutdown();
      }
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(options.address() + ": cannot listen: " + cause.getMessage(), e);
    }
    return new RpcServer(server, health, options.lameDuck(), owned);
  }

  /** What gRPC's builder can do of the limits; the rest is the guards'. */
  private static void guard(NettyServerBuilder builder, ConnectionGuards guards) {
    ConnectionLimits limits = guards.limits();
    builder
        .channelFactory(guards::listener)
        .maxConcurrentCallsPerConnection(limits.calls())
        .maxInboundMetadataSize(limits.headerBytes())
        // A second net behind the guards' own, which count what they refuse.
        .handshakeTimeout(2 * limits.handshakeTimeout().toMillis() + 1_000, TimeUnit.MILLISECONDS);
    if (!limits.keepAlive().isZero()) {
      builder
          .keepAliveTime(limits.keepAlive().toNanos(), TimeUnit.NANOSECONDS)
          .keepAliveTimeout(limits.keepAliveTimeout().toNanos(), TimeUnit.NANOSECONDS);
    }
    if (!limits.idle().isZero()) {
      builder.maxConnectionIdle(limits.idle().toNanos(), TimeUnit.NANOSECONDS);
    }
    if (!limits.age().isZero()) {
      // gRPC adds or takes off a random tenth, so that connections do not end together.
      builder
          .maxConnectionAge(limits.age().toNanos(), TimeUnit.NANOSECONDS)
          .maxConnectionAgeGrace(limits.ageGrace().toNanos(), TimeUnit.NANOSECONDS);
    }
  }

  private static List<ServerInterceptor> interceptors(ServerOptions options) {
    List<ServerInterceptor> all = new ArrayList<>();
    all.add(new FaultTranslation(options.selfTranslated()));
    if (options.token() != null) {
      all.add(new TokenAuth(options.token(), options.serviceTokens()));
    }
    all.addAll(options.interceptors());
    return all;
  }
}
