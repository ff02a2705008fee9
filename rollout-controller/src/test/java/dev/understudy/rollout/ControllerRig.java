package dev.understudy.rollout;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutCommand;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.StartRolloutRequest;
import dev.understudy.rollout.testing.FakeJudge;
import dev.understudy.rollout.testing.FakeModelServer;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A controller with fakes around it and a clock that the test moves. */
final class ControllerRig implements AutoCloseable {
  static final String MODEL = "fraud";
  static final String PLAN =
      """
      model: fraud
      challenger: "2"
      intent: improved
      steps:
        - {mirror: 100%, minDuration: 1s, minSamples: 100, maxDuration: 60s}
        - {setWeight: 5%, minDuration: 1s, minSamples: 100, maxDuration: 60s}
        - {setWeight: 50%, minDuration: 1s, minSamples: 100, maxDuration: 60s}
      prove:
        changedDecisions: {band: 5%}
      control: live
      watch: 5s
      """;

  private static final long PATIENCE_NANOS = Duration.ofSeconds(20).toNanos();

  final ManualTime time = new ManualTime();
  final FakeJudge judge;
  final FakeModelServer champions;
  final FakeModelServer challengers;
  final FakeModelServer controls;
  final Path directory;
  private final Random random = new Random(7);
  private @Nullable RunningService controller;
  private @Nullable ManagedChannel channel;

  ControllerRig(Path directory) throws IOException {
    this.directory = directory;
    judge = new FakeJudge();
    champions = new FakeModelServer("1");
    challengers = new FakeModelServer("1");
    controls = new FakeModelServer();
    for (String version : new String[] {"1", "2", "3"}) {
      Path folder = directory.resolve("models/fraud/" + version);
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("model.onnx"), "bytes of version " + version);
    }
    Files.writeString(
        directory.resolve("contract.yaml"),
        """
        contract: fraud/1
        decision: {output: probabilities, kind: probabilities, column: 1, cutoff: 0.15}
        """);
    start();
  }

  /** Starts the controller, again after {@link #stop}. */
  void start() throws IOException {
    controller =
        Controller.start(
            config(), time, ManualScheduler.on(time), new TimeOrderedIds(time, random));
    channel = Channels.open(address(), ChannelOptions.plaintext());
  }

  void stop() {
    if (channel != null) {
      Channels.close(channel, Duration.ZERO);
    }
    if (controller != null) {
      controller.close();
    }
  }

  /**
   * Makes the file refuse every change as a full disk does, the transaction being undone by the
   * database itself, or again makes room.
   */
  void fullDisk(boolean full) throws SQLException {
    try (Connection file =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("state/controller.db"));
        Statement statement = file.createStatement()) {
      statement.execute("PRAGMA busy_timeout = 5000");
      for (String write : List.of("INSERT ON audit", "UPDATE ON decisions")) {
        String name = "full_" + write.replace(' ', '_');
        statement.execute(
            full
                ? "CREATE TRIGGER "
                    + name
                    + " BEFORE "
                    + write
                    + " BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END"
                : "DROP TRIGGER " + name);
      }
    }
  }

  void restart() throws IOException {
    stop();
    start();
  }

  ControllerConfig config() {
    String yaml =
        """
        listen: 127.0.0.1:0
        state: %s
        evidence: %s
        lease: 8s
        passThrough: {endpoints: ["dns:///rest:8001"], profile: triton}
        models:
          fraud:
            repository: %s
            contract: %s
            champion: "1"
            fleets: {champion: ["%s"], challenger: ["%s"], control: ["%s"]}
        """
            .formatted(
                directory.resolve("state"),
                judge.address(),
                directory.resolve("models"),
                directory.resolve("contract.yaml"),
                champions.address(),
                challengers.address(),
                controls.address());
    return ConfigFile.parse("controller.yaml", yaml, Map.of(), ControllerConfig::read);
  }

  HostPort address() {
    if (controller == null) {
      throw new IllegalStateException("the controller is stopped");
    }
    return HostPort.loopback(controller.ports().getOrDefault("grpc", 0));
  }

  ManagedChannel channel() {
    if (channel == null) {
      throw new IllegalStateException("the controller is stopped");
    }
    return channel;
  }

  RolloutServiceBlockingStub commands() {
    return RolloutServiceGrpc.newBlockingStub(channel());
  }

  RolloutStatus begin(String plan) {
    return commands()
        .startRollout(StartRolloutRequest.newBuilder().setPlanYaml(plan).setActor("ada").build());
  }

  RolloutStatus status() {
    return commands().getRollout(RolloutRequest.newBuilder().setModel(MODEL).build());
  }

  static RolloutCommand command() {
    return RolloutCommand.newBuilder().setModel(MODEL).setActor("ada").build();
  }

  /** Lets things happen until the status is as expected; the clock stands. */
  RolloutStatus await(Predicate<RolloutStatus> expected) {
    long began = System.nanoTime();
    RolloutStatus status = status();
    while (!expected.test(status)) {
      assertTrue(System.nanoTime() - began < PATIENCE_NANOS, "still " + describe(status));
      Thread.onSpinWait();
      status = status();
    }
    return status;
  }

  RolloutStatus await(Phase phase) {
    return await(status -> status.getPhase() == phase);
  }

  RolloutStatus await(Phase phase, int step) {
    return await(status -> status.getPhase() == phase && status.getStep() == step);
  }

  void advance(Duration step) {
    time.advance(step);
  }

  /** The judge reports that everything is proved, on so large a sample. */
  void prove(long sample) {
    judge.report(status().getRolloutId(), report(sample, Result.PROVED));
  }

  static EvidenceReport.Builder report(long sample, Result result) {
    return EvidenceReport.newBuilder()
        .setPairs(sample)
        .setLogAgainstStop(Math.log(100))
        .addArms(ArmReport.newBuilder().setRole(Role.CANARY).setAssigned(sample))
        .addMetrics(MetricReport.newBuilder().setName("failures").setResult(result))
        .addMetrics(MetricReport.newBuilder().setName("latency").setResult(result))
        .addMetrics(MetricReport.newBuilder().setName("changed-decisions").setResult(result));
  }

  /** Leaves the step in force by proof. */
  void passStep(long sample) {
    advance(Duration.ofSeconds(1));
    prove(sample);
  }

  /** Takes a fresh rollout to a phase by proof. */
  RolloutStatus to(Phase phase, int step) {
    begin(PLAN);
    RolloutStatus now = await(Phase.SHADOWING, 0);
    long sample = 100;
    while (now.getPhase() != phase || now.getStep() != step) {
      int before = now.getStep();
      Phase was = now.getPhase();
      if (was == Phase.WATCHING) {
        advance(Duration.ofSeconds(5));
        prove(sample);
      } else {
        passStep(sample);
      }
      now =
          await(status ->
              (status.getStep() != before || status.getPhase() != was)
                  && status.getPhase() != Phase.PROMOTING);
      sample += 100;
    }
    return now;
  }

  static String describe(RolloutStatus status) {
    return status.getPhase() + " " + status.getStep() + " " + status.getHeadline();
  }

  @Override
  public void close() {
    stop();
    judge.close();
    champions.close();
    challengers.close();
    controls.close();
  }
}
