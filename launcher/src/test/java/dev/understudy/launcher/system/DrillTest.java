package dev.understudy.launcher.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.launcher.cli.Commands;
import dev.understudy.launcher.control.Control;
import dev.understudy.launcher.control.ControlConfig;
import dev.understudy.launcher.demo.Payments;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.OpenLoop;
import dev.understudy.loadtest.Payloads;
import dev.understudy.loadtest.RequestSource;
import dev.understudy.modelkit.FraudModels;
import dev.understudy.modelkit.data.CardFraud;
import dev.understudy.modelserver.ModelServer;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.router.Router;
import dev.understudy.router.config.RouterConfig;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Drills from the command line against a model server, control and a router that serve real calls:
 * what differs is found and taken out without a client noticing, what does not is let be.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DrillTest {
  private static final double RATE = 150;

  @TempDir static Path directory;
  private static ModelServer server;
  private static RunningService control;
  private static Router router;
  private static ManagedChannel clients;
  private static ManagedChannel commands;
  private static Thread customers;
  private static final LongAdder answers = new LongAdder();
  private static final Map<Status.Code, LongAdder> failures = new ConcurrentHashMap<>();
  private static volatile boolean closing;

  @BeforeAll
  static void openTheStage() throws Exception {
    Path models = directory.resolve("models");
    FraudModels.writeRepository(models, 7);
    server =
        ModelServer.start(
            ModelServerConfig.parse(
                "--model-repository",
                models.toString(),
                "--model-control-mode",
                "explicit",
                "--load-model",
                FraudModels.MODEL,
                "--grpc-port",
                "0",
                "--metrics-port",
                "0"));
    control =
        Control.start(
            ControlConfig.read(
                Files.writeString(
                    directory.resolve("control.yaml"),
                    """
                    comparator: {listen: "127.0.0.1:0", state: %1$s/comparator, clockSkew: 200ms}
                    controller:
                      listen: 127.0.0.1:0
                      state: %1$s/controller
                      models:
                        fraud-detector:
                          repository: %2$s
                          contract: %2$s/fraud-detector/contract.yaml
                          champion: "1"
                          payloads: 0%%
                          fleets: {champion: ["127.0.0.1:%3$d"], challenger: ["127.0.0.1:%3$d"], control: ["127.0.0.1:%3$d"]}
                    collector: {listen: "127.0.0.1:0", http: "127.0.0.1:0", state: %1$s/collector}
                    """
                        .formatted(directory, models, port(server, "grpc")))));
    router =
        Router.start(
            RouterConfig.parse(
                "router.yaml",
                """
                name: router-1
                listen: 127.0.0.1:0
                admin: 127.0.0.1:0
                drain: 1s
                lameDuck: 0s
                controller: 127.0.0.1:%d
                evidence: 127.0.0.1:%d
                """
                    .formatted(port(control, "controller"), port(control, "comparator"))));
    clients = channel(port(router, "grpc"));
    commands = channel(port(control, "controller"));
    customers = new Thread(DrillTest::keepAsking, "customers");
    customers.start();
  }

  @AfterAll
  static void closeTheStage() throws Exception {
    closing = true;
    if (customers != null) {
      customers.interrupt();
      customers.join(TimeUnit.SECONDS.toMillis(20));
    }
    for (ManagedChannel channel : new ManagedChannel[] {clients, commands}) {
      if (channel != null) {
        channel.shutdownNow();
      }
    }
    for (RunningService service : new RunningService[] {router, control, server}) {
      if (service != null) {
        service.close();
      }
    }
  }

  private static int port(RunningService service, String name) {
    return Objects.requireNonNull(service.ports().get(name), name);
  }

  private static ManagedChannel channel(int port) {
    return Channels.open(HostPort.loopback(port), ChannelOptions.plaintext());
  }

  private static void keepAsking() {
    try {
      OpenLoop loop =
          new OpenLoop(clients, requests(), Duration.ofSeconds(5), 5_000, new Metadata());
      var _ =
          loop.run(
              new Arrivals(Arrivals.Kind.POISSON, RATE, 3),
              Duration.ofMinutes(5),
              (n, status, response, headers, latency) -> {
                if (closing) {
                  return;
                }
                if (status.isOk()) {
                  answers.increment();
                } else {
                  failures.computeIfAbsent(status.getCode(), code -> new LongAdder()).increment();
                }
              },
              nanos -> {});
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The router knows the model once the controller has told it. */
  private static RequestSource requests() throws InterruptedException {
    long began = System.nanoTime();
    while (true) {
      try {
        Payloads.random(clients, FraudModels.MODEL, "", 1, 5).request(0);
        CardFraud.Stream payments = CardFraud.stream(5);
        // One thread asks.
        return n -> Payments.request(payments.next());
      } catch (StatusRuntimeException | IllegalStateException e) {
        if (System.nanoTime() - began > TimeUnit.SECONDS.toNanos(30)) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  private record Said(int code, String out, String err) {
    Struct json() throws Exception {
      Struct.Builder json = Struct.newBuilder();
      JsonFormat.parser().merge(out, json);
      return json.build();
    }

    double number(String name) throws Exception {
      return json().getFieldsOrThrow(name).getNumberValue();
    }
  }

  private static synchronized Said drill(String... words) {
    String[] all = new String[words.length + 3];
    all[0] = "drill";
    System.arraycopy(words, 0, all, 1, words.length);
    all[words.length + 1] = "--controller";
    all[words.length + 2] = "127.0.0.1:" + port(control, "controller");
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    int code =
        Commands.execute(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            all);
    return new Said(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private static RolloutServiceBlockingStub controller() {
    return RolloutServiceGrpc.newBlockingStub(commands).withDeadlineAfter(5, TimeUnit.SECONDS);
  }

  private static RolloutStatus await(Predicate<RolloutStatus> expected) throws Exception {
    long began = System.nanoTime();
    while (true) {
      RolloutStatus status =
          controller().getRollout(RolloutRequest.newBuilder().setModel(FraudModels.MODEL).build());
      if (expected.test(status)) {
        return status;
      }
      assertTrue(
          System.nanoTime() - began < TimeUnit.SECONDS.toNanos(20),
          "still " + status.getPhase() + " " + status.getHeadline());
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  @Test
  @Order(1)
  @Timeout(90)
  void championAgainstItselfIsNotStoppedAndFalseAlarmsAreMeasured() throws Exception {
    Said said =
        drill(
            "aa",
            FraudModels.MODEL,
            "--share",
            "20%",
            "--duration",
            "8s",
            "--copies",
            "200",
            "--comparator",
            "127.0.0.1:" + port(control, "comparator"));
    assertEquals(0, said.code(), said.out() + said.err());
    assertTrue(said.out().contains("It was not stopped."), said.out());
    assertTrue(said.out().contains("of 200 would have been stopped"), said.out());
    assertTrue(said.out().contains("Promised: at most 1 %"), said.out());
    assertTrue(said.out().contains("The drill passed."), said.out());
  }

  @Test
  @Order(2)
  @Timeout(90)
  void injectedErrorsAreFoundAndTheCanaryIsTakenOutBeforeAClientNotices() throws Exception {
    // Client, services and relabelling share one process: what its start cost is not the drill's.
    String before = failures.toString();
    Said said =
        drill(
            "rollback",
            FraudModels.MODEL,
            "--share",
            "25%",
            "--errors",
            "50%",
            "--duration",
            "30s",
            "--output",
            "json");
    assertEquals(0, said.code(), said.out() + said.err());
    assertEquals("Aborted", said.json().getFieldsOrThrow("reason").getStringValue());
    assertTrue(said.number("seconds_to_verdict") < 25, said.out());
    assertTrue(said.number("seconds_to_zero_canary_traffic") < 10, said.out());
    assertTrue(said.number("canary_bad") > 5, said.out());
    assertTrue(said.number("rescued") > 0, said.out());
    assertTrue(said.number("client_errors_at_most") < said.number("canary_bad"), said.out());
    assertEquals(before, failures.toString(), "of " + answers.sum() + " answers");
  }

  @Test
  @Order(3)
  @Timeout(90)
  void drillThatIsInterruptedIsAbortedAndASecondOneWaitsForTheFirst() throws Exception {
    var first = new CompletableFuture<Said>();
    Thread terminal =
        new Thread(
            () -> {
              var out = new ByteArrayOutputStream();
              var print = new PrintStream(out, true, StandardCharsets.UTF_8);
              int code =
                  Commands.execute(
                      print,
                      print,
                      "drill",
                      "regression",
                      FraudModels.MODEL,
                      "--errors",
                      "0%",
                      "--delay",
                      "1ms",
                      "--controller",
                      "127.0.0.1:" + port(control, "controller"));
              first.complete(new Said(code, out.toString(StandardCharsets.UTF_8), ""));
            },
            "terminal");
    terminal.start();
    RolloutStatus drill = await(status -> status.getPhase() == Phase.PROGRESSING);
    assertTrue(drill.getHeadline().startsWith("drill"), drill.getHeadline());
    Said second = drill("regression", FraudModels.MODEL);
    assertEquals(1, second.code());
    assertTrue(second.err().contains("in flight"), second.err());
    terminal.interrupt();
    RolloutStatus ended =
        await(status ->
            status.getRolloutId().equals(drill.getRolloutId()) && status.getEndedUnixMs() > 0);
    assertEquals("AbortedByHand", ended.getReason());
    assertEquals(1, first.get(20, TimeUnit.SECONDS).code(), first.get().out());
  }

  @Test
  @Order(4)
  @Timeout(30)
  void commandLineThatIsWrongIsRefusedBeforeAnythingHappens() throws Exception {
    for (String[] wrong :
        new String[][] {
          {"aa", FraudModels.MODEL, "--share", "ten"},
          {"aa", FraudModels.MODEL, "--duration", "0s"},
          {"aa", FraudModels.MODEL, "--copies", "0"},
          {"aa", "unknown-model", "--comparator", "127.0.0.1:" + port(control, "comparator")},
          {"regression", FraudModels.MODEL, "--errors", "0%"},
          {"rollback", FraudModels.MODEL, "--delay", "soon"}
        }) {
      Said said = drill(wrong);
      assertEquals(2, said.code(), String.join(" ", wrong) + ": " + said.out() + said.err());
      assertTrue(said.err().contains("expected: "), said.err());
    }
    Said unreachable = drill("aa", FraudModels.MODEL, "--comparator", "127.0.0.1:1");
    assertEquals(1, unreachable.code());
    assertTrue(unreachable.err().contains("does not answer"), unreachable.err());
  }
}
