package dev.understudy.comparator;

import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.Counters;
import dev.understudy.comparator.intake.EvidenceIntakeService;
import dev.understudy.comparator.intake.Intake;
import dev.understudy.comparator.judge.EvidenceQueryService;
import dev.understudy.comparator.judge.Judge;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import java.io.IOException;
import java.util.Map;

/**
 * The comparator, put together: evidence comes in at the {@code intake}, is durable in the {@code
 * log}, and is folded by the {@code judge}. Closing it ends the streams; what was not acknowledged
 * will be sent again.
 */
public final class Comparator implements RunningService {

  private final Lifecycle lifecycle;
  private final RpcServer server;
  private final Intake intake;

  private Comparator(Lifecycle lifecycle, RpcServer server, Intake intake) {
    this.lifecycle = lifecycle;
    this.server = server;
    this.intake = intake;
  }

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
      Judge judge = lifecycle.add("judge", Judge.start(time));
      Intake intake = lifecycle.add("intake", Intake.start(config, files, time, judge));
      RpcServer server =
          lifecycle.add(
              "grpc",
              GrpcServers.server(
                  ServerOptions.at(config.listen())
                      .service(new EvidenceIntakeService(intake))
                      .service(new EvidenceQueryService(intake, judge))
                      .tls(config.tls())
                      .token(config.token())
                      .serviceToken(EvidenceIntakeGrpc.SERVICE_NAME, config.routerToken())
                      .build()));
      return new Comparator(lifecycle, server, intake);
    } catch (IOException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  /** The port of both services, as {@code grpc}. */
  @Override
  public Map<String, Integer> ports() {
    return Map.of("grpc", server.port());
  }

  /** What was seen, dropped and refused. */
  public Counters counters() {
    return intake.counters();
  }

  @Override
  public void close() {
    lifecycle.close();
  }
}
