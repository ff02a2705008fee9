package dev.understudy.router;

import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.telemetry.Telemetry;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.admin.AdminService;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.frontend.Frontend;
import dev.understudy.router.stack.RouterStack;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * A router that runs. Its ports are {@code grpc} (the inference protocol), {@code admin} (its own
 * administration), and {@code metrics} when configured. Any thread.
 */
public final class Router implements RunningService {
  private final RouterStack stack;
  private final Lifecycle lifecycle;
  private final Map<String, Integer> ports;

  private Router(RouterStack stack, Lifecycle lifecycle, Map<String, Integer> ports) {
    this.stack = stack;
    this.lifecycle = lifecycle;
    this.ports = Map.copyOf(ports);
  }

  /**
   * Starts a router on the machine's clock.
   *
   * @throws IOException if a port cannot be bound or the state folder not be made
   */
  public static Router start(RouterConfig config) throws IOException {
    return start(config, TimeSource.system(), Scheduler.daemon("router-clock"));
  }

  /**
   * Starts a router on a clock of the caller's; the scheduler is closed with the router.
   *
   * @throws IOException if a port cannot be bound or the state folder not be made
   */
  public static Router start(RouterConfig config, TimeSource time, Scheduler scheduler)
      throws IOException {
    Lifecycle lifecycle = new Lifecycle("router");
    try {
      return start(config, time, scheduler, lifecycle);
    } catch (IOException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  private static Router start(
      RouterConfig config, TimeSource time, Scheduler scheduler, Lifecycle lifecycle)
      throws IOException {
    Telemetry telemetry =
        lifecycle.add(
            "metrics", Telemetry.start("understudy-router", config.metrics(), config.token()));
    EventLoops loops = lifecycle.add("loops", EventLoops.nio("router", config.loops()));
    EventLoops mirrorLoops = lifecycle.add("mirror loops", EventLoops.nio("mirror", 1));
    lifecycle.add("clock", scheduler);
    RouterStack stack = new RouterStack(config, time, scheduler, loops, mirrorLoops);
    stack.gauges().register(telemetry.meter());
    stack.start(lifecycle);
    RpcServer admin =
        lifecycle.add(
            "admin",
            GrpcServers.server(
                ServerOptions.at(config.admin())
                    .service(new AdminService(stack))
                    .tls(config.tls())
                    .token(config.token())
                    .build()));
    RpcServer server =
        lifecycle.add(
            "frontend",
            GrpcServers.server(
                ServerOptions.at(config.listen())
                    .service(stack.service())
                    .tls(config.tls())
                    .servicesAuthenticate(config.keys() != null)
                    .maxMessageBytes(config.limits().messageBytes())
                    .maxConcurrentCalls(Math.max(1024, config.limits().concurrentCalls()))
                    .selfTranslated(Frontend.SELF_TRANSLATED)
                    .directExecutor(true)
                    .eventLoops(loops)
                    .lameDuck(config.lameDuck())
                    .build()));
    lifecycle.onDrain(
        "frontend",
        config.drain(),
        grace -> {
          stack.stopping();
          server.drain(grace);
        });
    health(stack, server);
    scheduler.every(Duration.ofMillis(200), "health", () -> health(stack, server));
    Map<String, Integer> ports = new HashMap<>();
    ports.put("grpc", server.port());
    ports.put("admin", admin.port());
    if (telemetry.port() > 0) {
      ports.put("metrics", telemetry.port());
    }
    return new Router(stack, lifecycle, ports);
  }

  private static void health(RouterStack stack, RpcServer server) {
    server
        .health()
        .setStatus("", stack.ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  @Override
  public Map<String, Integer> ports() {
    return ports;
  }

  /** What the router runs. */
  public RouterState state() {
    return stack.state();
  }

  /**
   * Puts a table in force as if a controller had sent it.
   *
   * @return why it was refused, or an empty text
   */
  public String offer(RoutingTable table) {
    return stack.offer(table);
  }

  @Override
  public void close() {
    lifecycle.close();
  }
}
