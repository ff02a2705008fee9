package dev.understudy.modelserver;

import dev.understudy.chassis.http.AdminHttp;
import dev.understudy.chassis.http.HttpResponse;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.chassis.telemetry.TracingSettings;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.modelserver.execution.InferenceBackend;
import dev.understudy.modelserver.execution.OrtBackend;
import dev.understudy.modelserver.frontend.InferContext;
import dev.understudy.modelserver.frontend.InferenceService;
import dev.understudy.modelserver.repository.ModelRepository;
import dev.understudy.modelserver.repository.ServedVersion;
import dev.understudy.modelserver.statistics.MetricsPage;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A model server in this process, and the page on which its parts are put together: repository,
 * inference service, gRPC server, metrics page.
 *
 * <p>It stops in this order: it says that it is not ready and goes on serving for the drain window;
 * it refuses new requests and answers those it has; it closes its connections; it gives back the
 * models' memory.
 */
public final class ModelServer implements RunningService {
  private static final Duration HEALTH_PERIOD = Duration.ofMillis(500);
  private static final int LOAD_THREADS = 4;
  private static final int MAX_WAITING_LOADS = 64;

  private final Lifecycle lifecycle;
  private final Map<String, Integer> ports;

  private ModelServer(Lifecycle lifecycle, Map<String, Integer> ports) {
    this.lifecycle = lifecycle;
    this.ports = Map.copyOf(ports);
  }

  /**
   * Loads what is to be loaded, then listens. Models that cannot be loaded do not keep it from
   * starting.
   *
   * @throws IOException when a port cannot be bound
   */
  public static ModelServer start(ModelServerConfig config) throws IOException {
    return start(config, new OrtBackend());
  }

  /** As {@link #start(ModelServerConfig)}, with another engine. */
  public static ModelServer start(ModelServerConfig config, InferenceBackend backend)
      throws IOException {
    var lifecycle = new Lifecycle("model-server");
    try {
      return assemble(config, backend, lifecycle);
    } catch (IOException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  private static ModelServer assemble(
      ModelServerConfig config, InferenceBackend backend, Lifecycle lifecycle) throws IOException {
    TimeSource time = TimeSource.system();
    Scheduler timers = lifecycle.add("timers", Scheduler.daemon("model-server-timers"));
    TlsContexts tls = lifecycle.add("tls", new TlsContexts(timers, time));
    var repository =
        lifecycle.add("models", new ModelRepository(config.repositories(), backend, time));
    if (!config.explicit() || config.loadModels().contains("*")) {
      repository.loadAll();
    } else {
      repository.loadAll(config.loadModels());
    }
    var loads =
        new ThreadPoolExecutor(
            LOAD_THREADS,
            LOAD_THREADS,
            10,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_WAITING_LOADS),
            Thread.ofPlatform().daemon().name("model-loads-", 0).factory());
    loads.allowCoreThreadTimeOut(true);
    lifecycle.add("loads", loads::shutdownNow);
    var status = new Status(repository, config.strictReadiness());
    TracingSettings traced = config.tracing();
    Tracing tracing =
        traced == null
            ? null
            : lifecycle.add(
                "traces", Tracing.start("understudy-model-server", config.node(), traced));
    var context =
        new InferContext(repository, time, timers, config.serverName(), config.node(), tracing);
    var service = new InferenceService(context, status, config.explicit(), loads);

    Map<String, Integer> ports = new HashMap<>();
    if (config.metrics() != null) {
      var metrics =
          lifecycle.add(
              "metrics",
              AdminHttp.at(config.metrics())
                  .token(config.token())
                  .get("/metrics", request -> metrics(repository, tls, tracing))
                  .start());
      ports.put("metrics", metrics.port());
    }
    var server =
        lifecycle.add(
            "grpc",
            GrpcServers.server(
                ServerOptions.at(config.grpc())
                    .service(service.define())
                    // Requests are checked and queued here, which never blocks.
                    .directExecutor(true)
                    .maxMessageBytes(config.maxMessageBytes())
                    .tls(config.tls(), tls)
                    .token(config.token())
                    .build()));
    ports.put("grpc", server.port());
    showHealth(server, status);
    lifecycle.add(
        "health", timers.every(HEALTH_PERIOD, "health", () -> showHealth(server, status))::cancel);
    lifecycle.onDrain(
        "requests",
        config.exitTimeout().plus(config.drainWindow()),
        grace -> status.drain(server, config.drainWindow(), config.exitTimeout()));
    return new ModelServer(lifecycle, ports);
  }

  private static void showHealth(RpcServer server, Status status) {
    ServingStatus shown = status.isReady() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    server.health().setStatus("", shown);
    server.health().setStatus(GRPCInferenceServiceGrpc.SERVICE_NAME, shown);
  }

  private static HttpResponse metrics(
      ModelRepository repository, TlsContexts tls, @Nullable Tracing tracing) {
    List<MetricsPage.Line> lines = repository.ready().stream().map(ModelServer::line).toList();
    return HttpResponse.of(
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        (MetricsPage.render(lines) + tls.prometheusText() + spans(tracing))
            .getBytes(StandardCharsets.UTF_8));
  }

  private static String spans(@Nullable Tracing tracing) {
    return tracing == null
        ? ""
        : MetricsPage.spans(tracing.sent(), tracing.failed(), tracing.dropped());
  }

  private static MetricsPage.Line line(ServedVersion version) {
    return new MetricsPage.Line(
        version.statistics().snapshot(version.name(), version.number()),
        version.statistics()::failures,
        version.pending());
  }

  /** The ports by name: {@code grpc} and, when served, {@code metrics}. */
  @Override
  public Map<String, Integer> ports() {
    return ports;
  }

  /** Drains and stops; returns when it is down. May be called repeatedly. */
  @Override
  public void close() {
    lifecycle.close();
  }

  private static final class Status implements InferenceService.ServerStatus {
    private final ModelRepository repository;
    private final boolean strict;
    private final CountDownLatch never = new CountDownLatch(1);
    private volatile boolean exiting;

    Status(ModelRepository repository, boolean strict) {
      this.repository = repository;
      this.strict = strict;
    }

    @Override
    public boolean isExiting() {
      return exiting;
    }

    @Override
    public boolean isReady() {
      return !exiting && (!strict || repository.areAllReady());
    }

    @Override
    public String version() {
      @Nullable String version = ModelServer.class.getPackage().getImplementationVersion();
      return version == null ? "0.1.0" : version;
    }

    void drain(RpcServer server, Duration window, Duration timeout) throws InterruptedException {
      long endNanos = System.nanoTime() + window.plus(timeout).toNanos();
      exiting = true;
      showHealth(server, this);
      boolean cut = never.await(window.toNanos(), TimeUnit.NANOSECONDS);
      assert !cut;
      boolean idle = repository.drain(timeout);
      boolean quiet = server.drain(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
      System.getLogger(ModelServer.class.getName())
          .log(
              System.Logger.Level.INFO,
              idle && quiet
                  ? "every request has been answered"
                  : "the exit timeout has cut off requests");
    }
  }
}
