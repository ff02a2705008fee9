package dev.understudy.collector;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.Backoff;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.ResilientStream;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.dashboard.Dashboard;
import dev.understudy.collector.dashboard.Facts;
import dev.understudy.collector.intake.IntakeCounts;
import dev.understudy.collector.intake.IntakeService;
import dev.understudy.collector.intake.Lookup;
import dev.understudy.collector.intake.OutcomeIntake;
import dev.understudy.collector.latency.Latencies;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.outcomes.Outbox;
import dev.understudy.collector.outcomes.Outcomes;
import dev.understudy.collector.predictions.Database;
import dev.understudy.collector.predictions.PredictionStore;
import dev.understudy.collector.predictions.WriteThread;
import dev.understudy.collector.rollouts.RolloutWatch;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** The collector: what it consists of, in the order in which it starts. */
public final class Collector {
  private static final Duration DRAIN = Duration.ofSeconds(3);
  private static final long MAX_UNSENT_LABELS = 1_000_000;

  private Collector() {}

  /**
   * Starts the collector; its ports are {@code grpc} and {@code http}.
   *
   * @throws IOException if a port or the state folder cannot be used
   * @throws SQLException if what is stored cannot be used
   */
  public static RunningService start(CollectorConfig config) throws IOException, SQLException {
    return start(config, TimeSource.system());
  }

  static RunningService start(CollectorConfig config, TimeSource time)
      throws IOException, SQLException {
    Lifecycle lifecycle = new Lifecycle("collector");
    try {
      return start(config, time, lifecycle);
    } catch (IOException | SQLException | RuntimeException e) {
      lifecycle.close();
      throw e;
    }
  }

  private static RunningService start(CollectorConfig config, TimeSource time, Lifecycle lifecycle)
      throws IOException, SQLException {
    Files.createDirectories(config.state());
    Path file = config.state().resolve("collector.db");
    Database database = Database.open(file);
    PredictionStore store;
    Outcomes outcomes;
    Outbox outbox = config.evidence() == null ? null : new Outbox(database, MAX_UNSENT_LABELS);
    try {
      store =
          PredictionStore.open(
              config.state().resolve("predictions"),
              database,
              config.retention(),
              time.wallMillis());
      outcomes = new Outcomes(database, store, outbox, config.retention(), config.copyWait());
    } catch (IOException | SQLException e) {
      database.close();
      throw e;
    }
    WriteThread writer =
        lifecycle.add("writer", new WriteThread(database, store, time, config.queueBytes()));
    writer.join(outcomes);
    PredictionStore.Reader reader =
        lifecycle.add("reader", store.reader(Database.openReader(file)));
    writer.start();

    Scheduler scheduler = lifecycle.add("scheduler", Scheduler.daemon("collector-timer"));
    TlsContexts tls = lifecycle.add("tls", new TlsContexts(scheduler, time));
    ManagedChannel evidence = channel(config, config.evidence(), tls, lifecycle, "to comparator");
    ManagedChannel controller =
        channel(config, config.controller(), tls, lifecycle, "to controller");
    if (evidence != null && outbox != null) {
      var labels =
          new ResilientStream<>(
              evidence,
              EvidenceIntakeGrpc.getSendLabelsMethod(),
              Backoff.DEFAULT,
              scheduler,
              time,
              () -> ThreadLocalRandom.current().nextLong(),
              outbox);
      lifecycle.add("labels", labels).start();
    }
    RolloutWatch watch =
        lifecycle.add(
            "watch",
            RolloutWatch.start(
                peer(controller, config.controller()),
                peer(evidence, config.evidence()),
                scheduler,
                time));

    Latencies latencies = new Latencies(time);
    Traffic traffic = new Traffic(time, latencies);
    IntakeCounts counts = new IntakeCounts();
    Lookup lookup = new Lookup(reader);
    Dashboard dashboard =
        lifecycle.add(
            "dashboard",
            Dashboard.start(
                config.http(),
                config.token(),
                new Facts(
                    traffic,
                    latencies,
                    outcomes,
                    outbox,
                    store,
                    writer,
                    counts,
                    tls::prometheusText),
                lookup,
                watch::overview,
                scheduler,
                time));
    RpcServer server =
        lifecycle.add(
            "grpc",
            GrpcServers.server(
                ServerOptions.at(config.listen())
                    .tls(config.tls(), tls)
                    .token(config.token())
                    .serviceToken(CollectorIntakeGrpc.SERVICE_NAME, config.routerToken())
                    .service(
                        new IntakeService(
                            writer, database, store, outcomes, traffic, latencies, counts, time))
                    .service(new OutcomeIntake(writer, outcomes, time))
                    .service(lookup)
                    .build()));
    lifecycle.onDrain("grpc", DRAIN, server::drain);
    return RunningService.of(Map.of("grpc", server.port(), "http", dashboard.port()), lifecycle);
  }

  private static @Nullable ManagedChannel channel(
      CollectorConfig config,
      @Nullable HostPort address,
      TlsContexts tls,
      Lifecycle lifecycle,
      String name) {
    if (address == null) {
      return null;
    }
    ManagedChannel channel =
        Channels.open(
            address,
            ChannelOptions.plaintext()
                .withTls(config.peerTls())
                .withTlsContexts(tls)
                .withToken(config.peerToken()));
    lifecycle.add(name, () -> Channels.close(channel, Duration.ofMillis(200)));
    return channel;
  }

  private static RolloutWatch.@Nullable Peer peer(
      @Nullable ManagedChannel channel, @Nullable HostPort address) {
    return channel == null || address == null
        ? null
        : new RolloutWatch.Peer(channel, address.toString());
  }
}
