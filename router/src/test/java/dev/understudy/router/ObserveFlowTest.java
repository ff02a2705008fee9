package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Any;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.testing.FakeTraceCollector;
import dev.understudy.chassis.testing.FakeTraceCollector.Span;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.v1.ListSuspectsRequest;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.Suspect;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What onlookers see of real calls: traces, the access log, suspicious patterns. */
class ObserveFlowTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String PARENT = "00f067aa0ba902b7";
  private static final String SECRET = "a-secret-of-the-service";
  private static final String RPC = "inference.GRPCInferenceService/ModelInfer";

  @TempDir Path folder;

  private static String traced(FakeTraceCollector collector, String more) {
    return "metrics: 127.0.0.1:0\ntracing: {endpoint: '"
        + collector.endpoint()
        + "', sample: 0}\n"
        + more;
  }

  private static List<Span> children(FakeTraceCollector collector, Span of) {
    return collector.spans().stream().filter(s -> s.parentId().equals(of.spanId())).toList();
  }

  private static Span server(FakeTraceCollector collector) {
    return collector.named(RPC).stream().filter(span -> span.kind() == 2).findFirst().orElseThrow();
  }

  @Test
  void aTracedCallTellsItsStagesItsAttemptsAndItsCopyAndTheBackendHangsBelowTheAttempt()
      throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start();
        Rig rig = Rig.watching(traced(collector, ""))) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.failing(Status.UNAVAILABLE));
      assertEquals(
          "1",
          rig.stub("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
              .modelInfer(Rig.request())
              .getModelVersion());
      Rig.eventually("the call is told", () -> collector.spans().size() == 7);
      Span server = server(collector);
      assertEquals(TRACE, server.traceId());
      assertEquals(PARENT, server.parentId());
      assertEquals("understudy-router", server.service());
      assertEquals("grpc", server.attributes().get("rpc.system"));
      assertEquals("inference.GRPCInferenceService", server.attributes().get("rpc.service"));
      assertEquals("ModelInfer", server.attributes().get("rpc.method"));
      assertEquals("0", server.attributes().get("rpc.grpc.status_code"));
      assertEquals("fraud", server.attributes().get("understudy.model"));
      assertEquals("champion", server.attributes().get("understudy.arm"));
      assertEquals("1", server.attributes().get("understudy.version"));
      assertEquals(
          36, String.valueOf(server.attributes().get("understudy.prediction_id")).length());
      List<Span> below = children(collector, server);
      assertEquals(
          Set.of("auth", "admission", "validation", "split", RPC),
          Set.copyOf(below.stream().map(Span::name).toList()));
      for (Span child : below) {
        assertTrue(child.startNanos() >= server.startNanos(), child.toString());
        assertTrue(child.endNanos() <= server.endNanos(), child.toString());
      }
      List<Span> attempts = below.stream().filter(span -> span.kind() == 3).toList();
      assertEquals(2, attempts.size());
      Span failed = attempts.getFirst();
      assertEquals("canary", failed.attributes().get("understudy.arm"));
      assertEquals("14", failed.attributes().get("rpc.grpc.status_code"));
      assertEquals("BAD_UNAVAILABLE", failed.attributes().get("understudy.outcome"));
      assertEquals("127.0.0.1", failed.attributes().get("server.address"));
      assertFalse(failed.error().isEmpty());
      Span rescue = attempts.getLast();
      assertEquals("", rescue.error());
      assertEquals(
          Set.of("00-" + TRACE + "-" + rescue.spanId() + "-01"), rig.champion.traceParents());
      assertEquals(
          Set.of("00-" + TRACE + "-" + failed.spanId() + "-01"), rig.canary.traceParents());
    }
  }

  @Test
  void aCopyIsASpanOfTheSameTraceMarkedAsCopy() throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start();
        Rig rig = Rig.watching(traced(collector, ""))) {
      rig.offer(1, 0, 10_000, route -> route);
      rig.stub("traceparent", "00-" + TRACE + "-" + PARENT + "-01").modelInfer(Rig.request());
      Rig.eventually("the copy is told", () -> collector.spans().size() == 7);
      Span copy =
          collector.spans().stream()
              .filter(span -> "true".equals(span.attributes().get("understudy.copy")))
              .findFirst()
              .orElseThrow();
      assertEquals("shadow", copy.attributes().get("understudy.arm"));
      assertEquals(server(collector).spanId(), copy.parentId());
      assertEquals(Set.of("00-" + TRACE + "-" + copy.spanId() + "-01"), rig.shadow.traceParents());
    }
  }

  @Test
  void aCallThatIsNotTracedPassesItsContextOnUnchangedAndMakesNoSpan() throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start();
        Rig rig = Rig.watching(traced(collector, ""))) {
      rig.offer(1, 0, 0, route -> route);
      String unsampled = "00-" + TRACE + "-" + PARENT + "-00";
      rig.stub("traceparent", unsampled).modelInfer(Rig.request());
      rig.infer();
      assertEquals(Set.of(unsampled, "null"), rig.champion.traceParents());
      rig.router.close();
      assertEquals(List.of(), collector.spans());
    }
  }

  @Test
  void aRefusedCallIsTracedWithItsReason() throws Exception {
    try (FakeTraceCollector collector = FakeTraceCollector.start();
        Rig rig = Rig.watching(traced(collector, ""))) {
      rig.offer(1, 0, 0, route -> route);
      Rig.failure(() ->
          rig.stub("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
              .modelInfer(Rig.request().toBuilder().setModelName("nobody").build()));
      Rig.eventually("the call is told", () -> !collector.named(RPC).isEmpty());
      Span server = server(collector);
      assertEquals("UNKNOWN_MODEL", server.attributes().get("understudy.reason"));
      assertEquals("5", server.attributes().get("rpc.grpc.status_code"));
      assertEquals("", server.error(), "the caller was wrong, not the server");
    }
  }

  @Test
  void aDeadCollectorCostsSpansAndNoCallAndNoTimeAtTheEnd() throws Exception {
    try (Rig rig =
        Rig.watching(
            """
            metrics: 127.0.0.1:0
            tracing: {endpoint: 'http://127.0.0.1:1', sample: 100%, queue: 16}
            """)) {
      rig.offer(1, 0, 0, route -> route);
      for (int i = 0; i < 50; i++) {
        assertEquals("1", rig.infer().getModelVersion());
      }
      int port = rig.router.ports().getOrDefault("metrics", 0);
      Rig.eventually(
          "lost spans are counted",
          () ->
              Metrics.read(port, "router_spans_failed_total")
                      + Metrics.read(port, "router_spans_dropped_total")
                  == 300);
      assertEquals(0, Metrics.read(port, "router_spans_sent_total"));
    }
  }

  private static List<JsonObject> lines(Path log) {
    try {
      return Files.exists(log)
          ? Files.readAllLines(log).stream()
              .map(line -> JsonParser.parseString(line).getAsJsonObject())
              .toList()
          : List.of();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String text(JsonObject line, String field) {
    return line.get(field).isJsonNull() ? "null" : line.get(field).getAsString();
  }

  @Test
  void everyKindOfCallLeavesALineFromStrangersToRescues() throws Exception {
    Path log = folder.resolve("access.log");
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    Path keys =
        Files.writeString(folder.resolve("keys"), ApiKeys.entry("web", "key-of-web", SECRET));
    try (Rig rig =
        Rig.watching(
            "accessLog: {file: '"
                + log
                + "', sample: 100%}\nauth: {keys: '"
                + keys
                + "', secret: '"
                + secret
                + "', others: {models: ['*']}}\n")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.failing(Status.UNAVAILABLE));
      Rig.failure(rig::infer);
      rig.stub("x-api-key", "key-of-web")
          .modelInfer(Rig.request().toBuilder().setId("mine").build());
      Rig.failure(() ->
          rig.stub("x-api-key", "key-of-web")
              .modelInfer(Rig.request().toBuilder().setModelName("nobody").build()));
      rig.champion.behave(FakeBackend.failing(Status.INTERNAL));
      Rig.failure(() -> rig.stub("x-api-key", "key-of-web").modelInfer(Rig.request()));
      Rig.eventually("four lines", () -> lines(log).size() == 4);
      JsonObject stranger = lines(log).getFirst();
      assertEquals("UNAUTHENTICATED", text(stranger, "status"));
      assertEquals("API_KEY_MISSING", text(stranger, "reason"));
      assertEquals("null", text(stranger, "principal"));
      assertEquals("null", text(stranger, "model"));
      assertEquals("null", text(stranger, "prediction_id"));
      JsonObject rescued = lines(log).get(1);
      assertEquals("OK", text(rescued, "status"));
      assertEquals("mine", text(rescued, "request_id"));
      assertEquals("web", text(rescued, "principal"));
      assertEquals("canary", text(rescued, "assigned_arm"));
      assertEquals("champion", text(rescued, "arm"));
      assertEquals("1", text(rescued, "version"));
      assertEquals(36, text(rescued, "prediction_id").length());
      assertTrue(rescued.get("total_us").getAsLong() >= rescued.get("upstream_us").getAsLong());
      JsonObject unknown = lines(log).get(2);
      assertEquals("UNKNOWN_MODEL", text(unknown, "reason"));
      assertEquals("nobody", text(unknown, "model"));
      assertEquals("INTERNAL", text(lines(log).get(3), "status"));
    }
  }

  @Test
  void onlyTheSampleLeavesLinesButEveryError() throws Exception {
    Path log = folder.resolve("access.log");
    try (Rig rig = Rig.watching("accessLog: {file: '" + log + "', sample: 0}\n")) {
      rig.offer(1, 0, 0, route -> route);
      rig.infer();
      rig.champion.behave(FakeBackend.failing(Status.INTERNAL));
      Rig.failure(rig::infer);
      rig.router.close();
      assertEquals(1, lines(log).size());
      assertEquals("INTERNAL", text(lines(log).getFirst(), "status"));
    }
  }

  private static ModelInferRequest row(double a, double b, double c) {
    return FakeBackend.request(Rig.MODEL, (float) a, (float) b, (float) c);
  }

  @Test
  void aCopierIsFlaggedListedAndHeldToARateWithTheReason() throws Exception {
    Path keys =
        Files.writeString(
            folder.resolve("keys"),
            ApiKeys.entry("web", "key-of-web", SECRET)
                + "\n"
                + ApiKeys.entry("copier", "key-of-copier", SECRET));
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    ManualTime time = new ManualTime();
    try (Rig rig =
        Rig.watching(
            time,
            ManualScheduler.on(time),
            "metrics: 127.0.0.1:0\npatterns: {watch: true, every: 1, throttlePerSecond: 1}\n"
                + "auth: {keys: '"
                + keys
                + "', secret: '"
                + secret
                + "', others: {models: ['*']}}\n")) {
      rig.offer(1, 0, 0, route -> route);
      Random random = new Random(5);
      for (int i = 0; i < 250; i++) {
        time.advance(Duration.ofSeconds(1));
        rig.stub("x-api-key", "key-of-web")
            .modelInfer(row(random.nextGaussian(), random.nextGaussian(), random.nextGaussian()));
      }
      assertEquals(0, metric(rig, "router_patterns_suspicions_total"));
      int calls = 0;
      while (metric(rig, "router_patterns_suspicions_total") == 0) {
        calls++;
        assertTrue(calls < 40, "not flagged after 40 near-duplicates");
        time.advance(Duration.ofSeconds(1));
        rig.stub("x-api-key", "key-of-copier").modelInfer(row(1, 2, 3 + calls * 1e-4));
      }
      AtomicReference<Metadata> headers = new AtomicReference<>();
      AtomicReference<Metadata> trailers = new AtomicReference<>();
      time.advance(Duration.ofSeconds(1));
      assertEquals(
          "1",
          rig.stub("x-api-key", "key-of-copier")
              .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(headers, trailers))
              .modelInfer(row(1, 2, 3))
              .getModelVersion(),
          "flagged, and answered as before");
      assertEquals(
          "pattern.near-duplicates",
          trailers
              .get()
              .get(Metadata.Key.of("understudy-flags", Metadata.ASCII_STRING_MARSHALLER)));
      StatusRuntimeException refusal =
          Rig.failure(() ->
              rig.stub("x-api-key", "key-of-copier")
                  .modelInfer(row(9, 9, 9).toBuilder().setId("c7").build()));
      assertEquals(
          "RESOURCE_EXHAUSTED [request id: c7] principal 'copier' is held to 1 requests per second"
              + " because of suspicious patterns (pattern.near-duplicates)",
          Rig.told(refusal));
      details(refusal);
      assertEquals(1, metric(rig, "router_patterns_throttled_total"));
      Suspect suspect = suspects(rig).getFirst();
      assertEquals("copier", suspect.getPrincipal());
      assertEquals(List.of("pattern.near-duplicates"), suspect.getPatternsList());
      assertEquals(1, suspect.getThrottled());
      assertFalse(suspect.hasUsualPerMinute());
      assertEquals(1, suspects(rig).size());
      time.advance(Duration.ofHours(2));
      assertEquals(List.of(), suspects(rig), "the suspicion ends an hour after the last sign");
    }
  }

  private static void details(StatusRuntimeException refusal) throws Exception {
    com.google.rpc.Status status = StatusProto.fromThrowable(refusal);
    assertNotNull(status);
    boolean quota = false;
    boolean retry = false;
    for (Any detail : status.getDetailsList()) {
      if (detail.is(QuotaFailure.class)) {
        QuotaFailure.Violation violation = detail.unpack(QuotaFailure.class).getViolations(0);
        assertEquals("principal:copier", violation.getSubject());
        assertEquals("1 requests per second: pattern.near-duplicates", violation.getDescription());
        quota = true;
      }
      if (detail.is(RetryInfo.class)) {
        assertEquals(1, detail.unpack(RetryInfo.class).getRetryDelay().getSeconds());
        retry = true;
      }
    }
    assertTrue(quota && retry, status.toString());
  }

  private static List<Suspect> suspects(Rig rig) {
    return admin(rig, stub -> stub.listSuspects(ListSuspectsRequest.getDefaultInstance()))
        .getSuspectsList();
  }

  private static <A> A admin(Rig rig, Function<RouterAdminGrpc.RouterAdminBlockingStub, A> call) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", rig.router.ports().getOrDefault("admin", 0))
            .usePlaintext()
            .build();
    try {
      return call.apply(
          RouterAdminGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS));
    } finally {
      channel.shutdownNow();
    }
  }

  @Test
  void aRouterThatDoesNotWatchSaysSo() throws Exception {
    try (Rig rig = Rig.watching("")) {
      assertEquals(
          "FAILED_PRECONDITION this router does not watch for suspicious patterns (expected:"
              + " patterns.watch: true in its configuration)",
          Rig.told(Rig.failure(() -> assertNotNull(suspects(rig)))));
    }
  }

  private static long metric(Rig rig, String name) {
    return Metrics.read(rig.router.ports().getOrDefault("metrics", 0), name);
  }
}
