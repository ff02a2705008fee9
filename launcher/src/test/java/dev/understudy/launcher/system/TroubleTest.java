package dev.understudy.launcher.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.launcher.demo.Stage;
import dev.understudy.launcher.process.ServiceProcess;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.CallListener;
import dev.understudy.loadtest.OpenLoop;
import dev.understudy.loadtest.Payloads;
import dev.understudy.loadtest.Tally;
import dev.understudy.modelkit.FraudModels;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real processes under load, one after another frozen and killed: canary, shadow and control may
 * fall silent or die at any time without costing a client a call, and a dead champion is an error
 * at once, never a hang.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TroubleTest {

  private static final double RATE = 100;

  @TempDir static Path directory;
  private static Stage stage;
  private static ManagedChannel router;
  private static ServiceProcess routerProcess;

  @BeforeAll
  static void openTheStage() throws Exception {
    Path models = directory.resolve("models");
    FraudModels.writeRepository(models, 7);
    stage = Stage.open(directory.resolve("run"), models, 0);
    Path table = stage.directory().resolve("static-router.yaml");
    Files.writeString(
        table,
        """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        evidence: 127.0.0.1:%d
        collector: 127.0.0.1:%d
        models:
          fraud-detector:
            tryTimeout: 1s
            champion: {version: "1", endpoints: ["127.0.0.1:%d"]}
            canary: {version: "2", endpoints: ["127.0.0.1:%d"], weight: 25%%}
            control: {version: "1", endpoints: ["127.0.0.1:%d"], weight: 25%%}
            shadow: {version: "2", endpoints: ["127.0.0.1:%d"], mirror: 100%%}
        """
            .formatted(
                stage.housePort("comparator"),
                stage.housePort("collector"),
                stage.serverPort("champion"),
                stage.serverPort("challenger"),
                stage.serverPort("control"),
                stage.serverPort("challenger")));
    routerProcess =
        ServiceProcess.start(
            "static-router",
            stage.directory(),
            List.of("-Xmx256m", "-XX:TieredStopAtLevel=1"),
            List.of("router", "--config", table.toString()));
    Integer port = routerProcess.awaitReady(Duration.ofSeconds(60)).get("grpc");
    router = channel(Objects.requireNonNull(port));
    load(Duration.ofSeconds(3), Map.of());
  }

  @AfterAll
  static void closeTheStage() {
    if (router != null) {
      router.shutdownNow();
    }
    if (routerProcess != null) {
      routerProcess.close();
    }
    if (stage != null) {
      stage.close();
    }
  }

  private static ManagedChannel channel(int port) {
    return Channels.open(new HostPort("127.0.0.1", port), ChannelOptions.plaintext());
  }

  /** Sends for a while, and does things at given milliseconds meanwhile. */
  private static Tally load(Duration length, Map<Integer, Trouble> troubles) throws Exception {
    OpenLoop loop =
        new OpenLoop(
            router,
            Payloads.random(router, FraudModels.MODEL, "", 1, 5),
            Duration.ofSeconds(10),
            5_000,
            new Metadata());
    Map<Integer, Trouble> left = new ConcurrentHashMap<>(troubles);
    return loop.run(
        new Arrivals(Arrivals.Kind.POISSON, RATE, 3),
        length,
        CallListener.NONE,
        nanos ->
            left.keySet().stream()
                .filter(at -> nanos >= at * 1_000_000L)
                .sorted()
                .forEach(at -> make(left.remove(at))));
  }

  private static void make(@org.jspecify.annotations.Nullable Trouble trouble) {
    try {
      if (trouble != null) {
        trouble.happen();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private interface Trouble {
    void happen() throws Exception;
  }

  private static void assertNobodyNoticed(Tally tally) {
    assertTrue(tally.calls() > 100, "calls: " + tally.calls());
    assertEquals(0, tally.errors(), () -> "errors by status: " + tally.byStatus());
  }

  @Test
  @Order(1)
  @Timeout(120)
  void aFrozenCanaryAndShadowCostNoClientACall() throws Exception {
    ServiceProcess challenger = stage.challengerServer();
    assertNobodyNoticed(
        load(Duration.ofSeconds(6), Map.of(1_000, challenger::freeze, 4_500, challenger::thaw)));
  }

  @Test
  @Order(2)
  @Timeout(120)
  void aFrozenControlCostsNoClientACall() throws Exception {
    ServiceProcess control = stage.controlServer();
    assertNobodyNoticed(
        load(Duration.ofSeconds(6), Map.of(1_000, control::freeze, 4_500, control::thaw)));
  }

  @Test
  @Order(3)
  @Timeout(120)
  void aFrozenControlPlaneCostsNoClientACall() throws Exception {
    ServiceProcess house = stage.controlProcess();
    assertNobodyNoticed(
        load(Duration.ofSeconds(5), Map.of(500, house::freeze, 4_000, house::thaw)));
  }

  @Test
  @Order(4)
  @Timeout(120)
  void killedCanaryShadowAndControlCostNoClientACall() throws Exception {
    assertNobodyNoticed(
        load(
            Duration.ofSeconds(6),
            Map.of(
                1_000, stage.challengerServer()::kill,
                3_000, stage.controlServer()::kill)));
  }

  @Test
  @Order(5)
  @Timeout(120)
  void aDeadChampionIsUnavailableAtOnceAndTheRouterStillStopsInOrder() throws Exception {
    LongAdder unavailable = new LongAdder();
    OpenLoop loop =
        new OpenLoop(
            router,
            Payloads.random(router, FraudModels.MODEL, "", 1, 6),
            Duration.ofSeconds(10),
            5_000,
            new Metadata());
    boolean[] killed = new boolean[1];
    Tally tally =
        loop.run(
            new Arrivals(Arrivals.Kind.POISSON, RATE, 4),
            Duration.ofSeconds(4),
            (n, status, response, headers, latency) -> {
              if (status.getCode() == Status.Code.UNAVAILABLE) {
                unavailable.increment();
              }
            },
            nanos -> {
              if (nanos > 1_500_000_000L && !killed[0]) {
                killed[0] = true;
                make(stage.championServer()::kill);
              }
            });
    assertTrue(unavailable.sum() > 50, "UNAVAILABLE: " + unavailable.sum());
    assertEquals(
        tally.errors(), unavailable.sum(), () -> "only UNAVAILABLE, but " + tally.byStatus());
    assertTrue(
        tally.failed().getMaxValue() < 5_000_000_000L,
        "longest failure, ns: " + tally.failed().getMaxValue());
    assertEquals(0, routerProcess.terminate(Duration.ofSeconds(30)), "exit code after SIGTERM");
  }
}
