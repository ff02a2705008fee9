package dev.understudy.launcher.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.util.JsonFormat;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.launcher.control.Control;
import dev.understudy.launcher.control.ControlConfig;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelReadyResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.proto.inference.ServerReadyResponse;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.router.Router;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.stub.StreamObserver;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** {@code route --dry-run} and {@code doctor} as somebody types them, against real services. */
class LookCommandsTest {
  @TempDir static Path folder;
  private static FakeBackend champion;
  private static RpcServer without;
  private static RunningService control;
  private static Router router;

  private record Ended(int code, String out, String err) {}

  @BeforeAll
  static void start() throws Exception {
    champion = FakeBackend.scoring(0.25f);
    without =
        GrpcServers.server(ServerOptions.at(HostPort.loopback(0)).service(new Empty()).build());
    control =
        Control.start(
            ControlConfig.read(
                Files.writeString(
                    folder.resolve("control.yaml"),
                    """
                    comparator: {listen: "127.0.0.1:0", state: comparator}
                    controller:
                      listen: 127.0.0.1:0
                      state: controller
                      models: {other: {champion: "1", fleets: {champion: ["%s"]}}}
                    collector: {listen: "127.0.0.1:0", http: "127.0.0.1:0", state: collector}
                    """
                        .formatted(champion.address()))));
    router =
        Router.start(
            RouterConfig.parse(
                "router.yaml",
                """
                listen: 127.0.0.1:0
                admin: 127.0.0.1:0
                drain: 1s
                lameDuck: 0s
                models:
                  fraud:
                    champion: {version: "1", endpoints: ["%s"]}
                    canary: {version: "2", endpoints: ["127.0.0.1:%d"], weight: 10%%}
                    splitBy: x-customer
                    rules:
                      - {name: staff, principals: [alice], arm: canary}
                      - {name: audit, headers: [{name: x-team, anyOf: [audit]}], arm: champion}
                    holdout: {name: h, share: 100%%}
                """
                    .formatted(champion.address(), without.port())));
  }

  @AfterAll
  static void stop() throws Exception {
    router.close();
    control.close();
    without.close();
    champion.close();
  }

  /** A model server that has nothing loaded. */
  private static final class Empty extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
    @Override
    public void serverReady(
        ServerReadyRequest request, StreamObserver<ServerReadyResponse> responses) {
      responses.onNext(ServerReadyResponse.newBuilder().setReady(true).build());
      responses.onCompleted();
    }

    @Override
    public void modelReady(
        ModelReadyRequest request, StreamObserver<ModelReadyResponse> responses) {
      responses.onNext(ModelReadyResponse.getDefaultInstance());
      responses.onCompleted();
    }
  }

  private static String admin() {
    return "127.0.0.1:" + router.ports().getOrDefault("admin", 0);
  }

  private static Ended run(String... args) {
    CommandLine line = Commands.line();
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int code = line.execute(args);
    return new Ended(code, out.toString(), err.toString());
  }

  private static Ended route(String... more) {
    List<String> args =
        new ArrayList<>(List.of("route", "--dry-run", "fraud", "--router", admin()));
    args.addAll(List.of(more));
    return run(args.toArray(String[]::new));
  }

  @Test
  void aRouteIsExplainedLineByLine() {
    Ended held = route("--header", "X-Customer=c-1");
    assertEquals(0, held.code(), held.err());
    assertTrue(held.out().startsWith("✓ who        principal 'anonymous'\n"), held.out());
    assertTrue(held.out().contains("– signature  no request was given\n"), held.out());
    assertTrue(held.out().contains("✓ rules      none of 2 matches\n"), held.out());
    assertTrue(held.out().contains("100.00 % of 'h' stay with the champion"), held.out());
    assertTrue(
        held.out().contains("Answered by arm 'champion', version 1; no evidence"), held.out());
    Ended staff = route("--key-as", "alice");
    assertTrue(staff.out().contains("rule 'staff' matches first: arm 'canary'"), staff.out());
    Ended audit = route("--header", "x-team=audit");
    assertTrue(audit.out().contains("rule 'audit' matches first: arm 'champion'"), audit.out());
    assertEquals(0, champion.calls());
  }

  @Test
  void aRefusalEndsWithThreeAndNamesItself() throws Exception {
    Path request = folder.resolve("request.json");
    Files.writeString(
        request,
        "{\"inputs\": [{\"name\": \"x\", \"datatype\": \"FP32\", \"shape\": [1, 2], \"data\": [1,"
            + " 2]}]}");
    // The signature is learned from the champion a moment after the start.
    Ended refused = route("--request", request.toString());
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (refused.out().contains("not at ready state") && System.nanoTime() < deadline) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
      refused = route("--request", request.toString());
    }
    assertEquals(3, refused.code(), refused.out());
    assertTrue(
        refused.out().contains("✗ signature  INVALID_ARGUMENT: unexpected shape for input 'x'"),
        refused.out());
    assertTrue(
        refused.out().contains("\nRefused: INVALID_ARGUMENT unexpected shape"), refused.out());
    Ended zeros = route("--rows", "2", "--header", "x-customer=1", "--output", "json");
    assertEquals(0, zeros.code(), zeros.out());
    ExplainRouteResponse.Builder said = ExplainRouteResponse.newBuilder();
    JsonFormat.parser().merge(zeros.out(), said);
    assertEquals("champion", said.getArm());
    assertTrue(said.getForwarded());
    assertEquals(0, champion.calls());
  }

  @Test
  void wrongCommandLinesAndAbsentRoutersAreNoAnswers() {
    assertEquals(2, run("route", "fraud").code(), "--dry-run is needed");
    assertEquals(2, route("--rows", "2", "--request", "none.json").code());
    Ended away = run("route", "--dry-run", "fraud", "--router", "127.0.0.1:1");
    assertEquals(1, away.code());
    assertTrue(away.err().contains("nothing answers at 127.0.0.1:1"), away.err());
  }

  private static List<String> findings(Ended ended, String check) {
    JsonObject whole = JsonParser.parseString(ended.out()).getAsJsonObject();
    return StreamSupport.stream(whole.getAsJsonArray("findings").spliterator(), false)
        .map(found -> found.getAsJsonObject())
        .filter(found -> found.get("check").getAsString().equals(check))
        .map(found -> found.get("level").getAsString() + " " + found.get("subject").getAsString())
        .toList();
  }

  @Test
  void servicesThatRunAreWellAndAVersionThatIsNotLoadedIsNamed() {
    Ended ended =
        run(
            "doctor",
            "--router",
            admin(),
            "--controller",
            "127.0.0.1:" + control.ports().get("controller"),
            "--comparator",
            "127.0.0.1:" + control.ports().get("comparator"),
            "--collector",
            "127.0.0.1:" + control.ports().get("collector"),
            "--model-server",
            "127.0.0.1:" + without.port(),
            "--output",
            "json");
    assertEquals(0, ended.code(), ended.out() + ended.err());
    assertEquals(
        List.of(
            "ok router " + admin(),
            "ok controller 127.0.0.1:" + control.ports().get("controller"),
            "ok comparator 127.0.0.1:" + control.ports().get("comparator"),
            "ok collector 127.0.0.1:" + control.ports().get("collector"),
            "ok model server 127.0.0.1:" + without.port()),
        findings(ended, "reachable"));
    assertEquals(List.of("ok all services"), findings(ended, "clock"));
    assertEquals(
        List.of(
            "ok fraud version 1 at " + champion.address() + " (champion)",
            "warn fraud version 2 at 127.0.0.1:" + without.port() + " (canary)"),
        findings(ended, "version"));
    assertTrue(findings(ended, "table").contains("ok router " + admin()), ended.out());
    assertTrue(ended.out().contains("no router has connected yet"), ended.out());
    assertEquals(List.of("ok this machine"), findings(ended, "java"));
  }

  @Test
  void whatIsBrokenIsMarkedWithWhatToDo() throws Exception {
    int closed;
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      closed = socket.getLocalPort();
    }
    Path config = folder.resolve("router.yaml");
    Files.writeString(
        config,
        """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:%d
        state: router-state
        controller: 127.0.0.1:%d
        """
            .formatted(closed, router.ports().get("admin")));
    Ended ended = run("doctor", "--config", config.toString());
    assertEquals(1, ended.code(), ended.out());
    assertTrue(
        ended
            .out()
            .contains(
                "✗ reachable     router 127.0.0.1:"
                    + closed
                    + ": nothing listens on this port\n                → start the router"),
        ended.out());
    assertTrue(ended.out().contains("something answers there that is no controller"), ended.out());
    assertTrue(ended.out().contains("disk          router "), ended.out());
    assertTrue(ended.out().strip().endsWith("broken"), ended.out());
  }

  @Test
  void configurationsAreRecognisedAndWrongOnesRefused() throws Exception {
    Ended control = run("doctor", "--config", folder.resolve("control.yaml").toString());
    assertTrue(control.out().contains("disk          comparator "), control.out());
    assertTrue(control.out().contains("model server " + champion.address()), control.out());
    Path wrong =
        Files.writeString(folder.resolve("wrong.yaml"), "controller: 127.0.0.1:1\nlisen: x\n");
    Ended refused = run("doctor", "--config", wrong.toString());
    assertEquals(2, refused.code());
    assertTrue(
        refused.err().contains("lisen: unknown key (did you mean 'listen'?)"), refused.err());
    assertEquals(2, run("doctor", "--router", "nowhere").code());
    assertFalse(run("doctor", "--help").out().isEmpty());
  }
}
