package dev.understudy.loadtest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.loadtest.report.Threshold;
import dev.understudy.loadtest.wire.Target;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole tests against real servers: what is printed, what is written, how it exits. */
class LoadTestTest {
  private static final Duration NONE = Duration.ZERO;

  private final List<Server> servers = new ArrayList<>();
  private final StringWriter printed = new StringWriter();
  private final AtomicBoolean stop = new AtomicBoolean();
  @TempDir Path directory;

  /** A server that refuses every n-th call; 0 for none. */
  private Target server(int refuses) throws Exception {
    AtomicInteger calls = new AtomicInteger();
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(
                ServerServiceDefinition.builder("inference.GRPCInferenceService")
                    .addMethod(
                        OpenLoop.MODEL_INFER,
                        ServerCalls.asyncUnaryCall(
                            (byte[] request, StreamObserver<byte[]> observer) -> {
                              if (refuses > 0 && calls.incrementAndGet() % refuses == 0) {
                                observer.onError(
                                    Status.RESOURCE_EXHAUSTED
                                        .withDescription("enough")
                                        .asRuntimeException());
                              } else {
                                observer.onNext(request);
                                observer.onCompleted();
                              }
                            }))
                    .build())
            .build()
            .start();
    servers.add(server);
    return target(server.getPort());
  }

  private static Target target(int port) {
    return new Target(new HostPort("127.0.0.1", port), null, 2, Duration.ofSeconds(5), List.of(""));
  }

  private int run(
      Load load, long millis, @Nullable SweepOptions sweep, List<String> limits, Target... targets)
      throws Exception {
    LoadTest.Options options =
        new LoadTest.Options(
            List.of(targets),
            List.of(
                new Mix.Kind("small", 3, List.of(new byte[10])),
                new Mix.Kind("large", 1, List.of(new byte[5_000]))),
            new double[] {1},
            load,
            NONE,
            Duration.ofMillis(millis),
            Duration.ofMillis(100),
            1,
            false,
            sweep,
            limits.stream().map(Threshold::parse).toList(),
            new LoadTest.Outputs(
                directory.resolve("r.json"),
                directory.resolve("r.hlog"),
                directory.resolve("r.html")));
    return new LoadTest(options, new PrintWriter(printed, true), false, stop).run();
  }

  private static Load.Open open(double rate) {
    return new Load.Open(
        new ArrivalPattern.Steady(Arrivals.Kind.POISSON), rate, Duration.ZERO, 1_000);
  }

  private JsonObject json() throws Exception {
    return JsonParser.parseString(Files.readString(directory.resolve("r.json"))).getAsJsonObject();
  }

  @AfterEach
  void stopServers() {
    servers.forEach(Server::shutdownNow);
  }

  @Test
  void everyCallIsAccountedForAndAllReportsAreWritten() throws Exception {
    assertEquals(LoadTest.FINE, run(open(300), 1_000, null, List.of(), server(0)));
    JsonObject json = json();
    assertEquals(json.get("due").getAsLong(), json.get("calls").getAsLong());
    assertEquals(300, json.get("due").getAsDouble(), 90);
    JsonObject byModel = json.getAsJsonObject("latency_by_model_ns");
    assertEquals(
        json.get("calls").getAsLong(),
        byModel.getAsJsonObject("small").get("count").getAsLong()
            + byModel.getAsJsonObject("large").get("count").getAsLong());
    assertTrue(json.get("cpu_us_per_call").getAsDouble() > 0);
    assertTrue(Files.readString(directory.resolve("r.html")).contains("Latency over time"));
    assertTrue(Files.size(directory.resolve("r.hlog")) > 0);
    assertTrue(printed.toString().contains("sent late by"), printed.toString());
  }

  @Test
  void aFailedCallFailsTheTestUnlessLimitsSayOtherwise() throws Exception {
    Target target = server(10);
    assertEquals(LoadTest.FAILED, run(open(200), 500, null, List.of(), target));
    assertTrue(printed.toString().contains("first: enough"), printed.toString());
    assertEquals(LoadTest.FINE, run(open(200), 500, null, List.of("errors>30%"), target));
    assertEquals(LoadTest.LIMIT_PASSED, run(open(200), 500, null, List.of("errors>1%"), target));
    assertTrue(printed.toString().contains("LIMIT PASSED: errors>1%: was "), printed.toString());
    assertEquals(1, json().getAsJsonArray("limits_passed").size());
  }

  @Test
  void twoTargetsTakeTurnsAndTheirRatioIsJudged() throws Exception {
    Target a = server(0);
    Target b = server(0);
    assertEquals(
        LoadTest.LIMIT_PASSED, run(open(400), 700, null, List.of("ratio-p50>0.001"), a, b));
    JsonObject json = json();
    assertEquals(7, json.get("pairs").getAsInt());
    assertEquals(
        json.getAsJsonObject("a").get("due").getAsLong(),
        json.getAsJsonObject("b").get("due").getAsLong(),
        "both get the same arrivals");
    JsonObject median = json.getAsJsonArray("b_adds_to_a").get(0).getAsJsonObject();
    double ratio = median.get("ratio_median").getAsDouble();
    assertTrue(median.get("ratio_lower").getAsDouble() <= ratio);
    assertTrue(median.get("ratio_upper").getAsDouble() >= ratio);
    assertTrue(Files.exists(directory.resolve("r.hlog.b")));
  }

  @Test
  void aSweepEndsAtTheHighestRateThatIsSustained() throws Exception {
    // Every second call fails from the start: no rate is sustained, and that is said.
    SweepOptions sweep = new SweepOptions(100, 200, 2, Duration.ofMillis(200), List.of());
    assertEquals(LoadTest.FINE, run(open(100), 500, sweep, List.of(), server(2)));
    assertTrue(printed.toString().contains("Knee: none"), printed.toString());
    assertEquals(2, json().getAsJsonObject("sweep").getAsJsonArray("steps").size());
    SweepOptions lenient =
        new SweepOptions(
            100, 200, 2, Duration.ofMillis(400), List.of(Threshold.parse("errors>90%")));
    assertEquals(LoadTest.FINE, run(open(100), 500, lenient, List.of(), server(0)));
    assertEquals(200, json().getAsJsonObject("sweep").get("knee_per_second").getAsDouble());
    assertTrue(Files.readString(directory.resolve("r.html")).contains("Rate sweep"));
  }

  @Test
  void callersInAClosedLoopAreWarnedAbout() throws Exception {
    assertEquals(LoadTest.FINE, run(new Load.Closed(4), 300, null, List.of("rate<100"), server(0)));
    assertTrue(printed.toString().contains("Note: Closed loop"), printed.toString());
  }

  @Test
  void aTargetThatIsNotThereIsNamedWithTheReason() throws Exception {
    Target gone = server(0);
    servers.getFirst().shutdownNow().awaitTermination();
    assertEquals(LoadTest.FAILED, run(open(100), 500, null, List.of(), gone));
    assertTrue(
        printed.toString().startsWith("error: nothing answers at 127.0.0.1:"), printed.toString());
    assertTrue(printed.toString().contains("Connection refused"), printed.toString());
    assertFalse(Files.exists(directory.resolve("r.json")));
  }

  @Test
  void aTargetLostInBetweenIsPartOfTheResult() throws Exception {
    Target target = server(0);
    Thread killer =
        new Thread(() -> {
          LockSupport.parkNanos(400_000_000);
          servers.getFirst().shutdownNow();
        });
    killer.start();
    assertEquals(LoadTest.FAILED, run(open(200), 1_200, null, List.of(), target));
    killer.join();
    JsonObject json = json();
    assertTrue(json.getAsJsonObject("by_status").get("UNAVAILABLE").getAsLong() > 50);
    assertEquals(json.get("due").getAsLong(), json.get("calls").getAsLong());
    assertFalse(json.getAsJsonObject("first_reasons").get("UNAVAILABLE").getAsString().isEmpty());
  }

  @Test
  void whoInterruptsGetsWhatWasMeasured() throws Exception {
    Thread impatient =
        new Thread(() -> {
          LockSupport.parkNanos(500_000_000);
          stop.set(true);
        });
    impatient.start();
    run(open(200), 60_000, null, List.of(), server(0));
    impatient.join();
    assertTrue(json().get("interrupted").getAsBoolean());
    assertTrue(json().get("seconds").getAsDouble() < 30);
    assertTrue(printed.toString().contains("interrupted; this is what"), printed.toString());
  }
}
