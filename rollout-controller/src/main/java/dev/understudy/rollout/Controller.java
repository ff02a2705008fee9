package dev.understudy.rollout;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.rollout.catalog.RepositoryScan;
import dev.understudy.rollout.engine.CatalogEndpoint;
import dev.understudy.rollout.engine.Engine;
import dev.understudy.rollout.engine.GrpcJudge;
import dev.understudy.rollout.engine.RolloutEndpoint;
import dev.understudy.rollout.fleet.GrpcFleets;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.store.Store;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.logging.Logger;

/** The rollout controller on one page: what is started, in which order, and who knows whom. */
public final class Controller {
  private static final Logger log = Logger.getLogger(Controller.class.getName());
  private static final Duration DRAIN = Duration.ofSeconds(2);

  private Controller() {}

  /**
   * Starts a controller; its port is named {@code grpc}.
   *
   * @throws IOException if it cannot listen
   * @throws ConfigException if a repository cannot be read
   */
  public static RunningService start(ControllerConfig config) throws IOException {
    return start(
        config, TimeSource.system(), Scheduler.daemon("controller-timer"), TimeOrderedIds.system());
  }

  /** Starts a controller with a clock of the caller's; it takes charge of the scheduler. */
  public static RunningService start(
      ControllerConfig config, TimeSource time, Scheduler scheduler, TimeOrderedIds ids)
      throws IOException {
    var lifecycle = new Lifecycle("controller");
    try {
      lifecycle.add("timer", scheduler);
      TlsContexts tls = lifecycle.add("tls", new TlsContexts(scheduler, time));
      Store store = lifecycle.add("state", Store.open(config.state()));
      GrpcFleets fleets =
          lifecycle.add(
              "model servers",
              new GrpcFleets(
                  ChannelOptions.plaintext()
                      .withTls(config.serversTls())
                      .withTlsContexts(tls)
                      .withToken(config.serversToken()),
                  config.loadTimeout()));
      GrpcJudge judge =
          lifecycle.add(
              "comparator",
              new GrpcJudge(
                  Channels.open(
                      config.evidenceOrDefault(),
                      ChannelOptions.plaintext()
                          .withTls(config.evidenceTls())
                          .withTlsContexts(tls)
                          .withToken(config.evidenceToken())),
                  scheduler));
      var engine =
          new Engine(
              config.models(),
              config.lease(),
              config.passThrough(),
              config.staleAfter(),
              store,
              fleets,
              judge,
              time,
              scheduler,
              ids);
      lifecycle.add("engine", engine);
      Function<String, List<CatalogVersion>> scan = model -> scan(config, model, time);
      for (String model : config.models().keySet()) {
        engine.register(Map.of(model, scan.apply(model))).forEach(log::warning);
      }
      engine.start();
      RpcServer server =
          lifecycle.add(
              "grpc",
              GrpcServers.server(
                  ServerOptions.at(config.listen())
                      .service(new RolloutEndpoint(engine, scan))
                      .service(new CatalogEndpoint(engine, scan))
                      .service(engine.hub())
                      .tls(config.tls(), tls)
                      .token(config.token())
                      .serviceToken(RoutingServiceGrpc.SERVICE_NAME, config.routerToken())
                      .build()));
      lifecycle.onDrain("grpc", DRAIN, grace -> server.drain(grace));
      log.info(() -> "epoch " + store.epoch() + ", state in " + config.state());
      return RunningService.of(Map.of("grpc", server.port()), lifecycle);
    } catch (IOException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  private static List<CatalogVersion> scan(ControllerConfig config, String model, TimeSource time) {
    ModelConfig known = config.models().get(model);
    Path repository = known == null ? null : known.repository();
    return repository == null
        ? List.of()
        : RepositoryScan.scan(repository, model, time.wallMillis());
  }
}
