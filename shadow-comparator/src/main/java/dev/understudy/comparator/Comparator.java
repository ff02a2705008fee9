package dev.understudy.comparator;

import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.telemetry.Telemetry;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.EvidenceIntakeService;
import dev.understudy.comparator.intake.Intake;
import dev.understudy.comparator.judge.EvidenceQueryService;
import dev.understudy.comparator.judge.Judge;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.comparator.worker.Worker;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntSupplier;

/**
 * The comparator, put together: evidence comes in at the {@code intake}, is durable in the {@code
 * log}, and is folded by the {@code judge}. Closing it ends the streams; what was not acknowledged
 * will be sent again. Configured as a worker it measures pairs for another comparator, and does
 * nothing else.
 */
public final class Comparator implements RunningService {
  /**
   * The name under which the health service answers for the logs: NOT_SERVING when one is damaged.
   * The whole server stays SERVING then, because the other rollouts go on.
   */
  public static final String LOGS_HEALTH = "understudy.evidence-logs";

  private final Lifecycle lifecycle;
  private final Map<String, Integer> ports;
  private final Counters counters;
  private final IntSupplier evaluations;

  private Comparator(
      Lifecycle lifecycle, Map<String, Integer> ports, Counters counters, IntSupplier evaluations) {
    this.lifecycle = lifecycle;
    this.ports = ports;
    this.counters = counters;
    this.evaluations = evaluations;
  }

  /** What answers, and how many evaluations it measures pairs for. */
  private record Served(RpcServer server, IntSupplier evaluations) {}

  /**
   * Starts the comparator, with all logs of the state folder folded.
   *
   * @throws IOException when the port or the folder cannot be used
   */
  public static Comparator start(ComparatorConfig config) throws IOException {
    return start(config, TimeSource.system(), LogFiles.system());
  }

  /** As {@link #start(ComparatorConfig)}, with another clock and other files. */
  public static Comparator start(ComparatorConfig config, TimeSource time, LogFiles files)
      throws IOException {
    Lifecycle lifecycle = new Lifecycle("comparator");
    try {
      Telemetry telemetry =
          lifecycle.add(
              "metrics",
              Telemetry.start("understudy-comparator", config.metrics(), config.token()));
      Counters counters = new Counters();
      counters.register(telemetry.meter());
      Scheduler clock = lifecycle.add("clock", Scheduler.daemon("comparator-clock"));
      TlsContexts tls = lifecycle.add("tls", new TlsContexts(clock, time));
      tls.register(telemetry.meter());
      ServerOptions.Builder options =
          ServerOptions.at(config.listen())
              .tls(config.tls(), tls)
              .token(config.token())
              .serviceToken(EvidenceIntakeGrpc.SERVICE_NAME, config.routerToken());
      ComparatorConfig.Judge judge = config.judge();
      Served served =
          judge == null
              ? judging(config, time, files, counters, telemetry, options, lifecycle)
              : measuring(config, judge, time, clock, tls, counters, telemetry, options, lifecycle);
      Map<String, Integer> ports = new TreeMap<>(Map.of("grpc", served.server().port()));
      Counters.gauge(
          telemetry.meter(),
          "comparator.evaluations",
          "Evaluations whose pairs are measured",
          served.evaluations()::getAsInt);
      if (telemetry.port() > 0) {
        ports.put("metrics", telemetry.port());
      }
      return new Comparator(lifecycle, Map.copyOf(ports), counters, served.evaluations());
    } catch (IOException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  private static Served judging(
      ComparatorConfig config,
      TimeSource time,
      LogFiles files,
      Counters counters,
      Telemetry telemetry,
      ServerOptions.Builder options,
      Lifecycle lifecycle)
      throws IOException {
    Judge judge = lifecycle.add("judge", Judge.start(time));
    Intake intake = lifecycle.add("intake", Intake.start(config, files, time, counters, judge));
    intake.register(telemetry.meter());
    RpcServer server =
        lifecycle.add(
            "grpc",
            GrpcServers.server(
                options
                    .service(new EvidenceIntakeService(intake))
                    .service(new EvidenceQueryService(intake, judge))
                    .build()));
    server
        .health()
        .setStatus(
            LOGS_HEALTH,
            intake.damaged().isEmpty() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    return new Served(server, intake::evaluations);
  }

  private static Served measuring(
      ComparatorConfig config,
      ComparatorConfig.Judge judge,
      TimeSource time,
      Scheduler clock,
      TlsContexts tls,
      Counters counters,
      Telemetry telemetry,
      ServerOptions.Builder options,
      Lifecycle lifecycle)
      throws IOException {
    Worker worker = Worker.start(config, judge, time, clock, tls, counters, lifecycle);
    Counters.gauge(
        telemetry.meter(),
        "comparator.tallies.waiting",
        "Tallies that the judge has not acknowledged",
        worker::waiting);
    worker.services().forEach(options::service);
    RpcServer server = lifecycle.add("grpc", GrpcServers.server(options.build()));
    return new Served(server, worker::evaluations);
  }

  /** The ports by name: {@code grpc} of both services, and {@code metrics} if they are served. */
  @Override
  public Map<String, Integer> ports() {
    return ports;
  }

  /** What was seen, dropped and refused. */
  public Counters counters() {
    return counters;
  }

  /** Evaluations whose pairs are measured here. */
  public int evaluations() {
    return evaluations.getAsInt();
  }

  @Override
  public void close() {
    lifecycle.close();
  }
}
