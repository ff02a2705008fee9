package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelStreamInferResponse;
import dev.understudy.proto.inference.ServerReadyRequest;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Quotas as a client sees them, with status, text, details and trailers. */
class LimitsTest {
  private static final Metadata.Key<String> PUSHBACK = key("grpc-retry-pushback-ms");

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static Rig rig(String limits) throws Exception {
    Rig rig = Rig.watching("limits: " + limits + "\n");
    rig.offer(1, rig.route(0, 0));
    return rig;
  }

  private static String trailer(StatusRuntimeException e, Metadata.Key<String> key) {
    Metadata trailers = e.getTrailers();
    assertNotNull(trailers);
    return String.valueOf(trailers.get(key));
  }

  private static <T extends com.google.protobuf.Message> List<T> details(
      StatusRuntimeException e, Class<T> type) throws Exception {
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    assertNotNull(status);
    List<T> found = new ArrayList<>();
    for (Any any : status.getDetailsList()) {
      if (any.is(type)) {
        found.add(any.unpack(type));
      }
    }
    return found;
  }

  @Test
  void aQuotaAtAModelIsRefusedWithAllThatARetryNeeds() throws Exception {
    try (Rig rig = rig("{models: {fraud: {requestsPerSecond: 0.01, burst: 2}}}")) {
      rig.infer();
      rig.infer();
      StatusRuntimeException e = Rig.failure(rig::infer);
      assertEquals(
          "RESOURCE_EXHAUSTED principal 'anonymous' is over its quota of 0.01 requests per second"
              + " for model 'fraud'",
          Rig.told(e));
      QuotaFailure quota = details(e, QuotaFailure.class).getFirst();
      assertEquals("principal:anonymous/model:fraud", quota.getViolations(0).getSubject());
      assertEquals("0.01 requests per second", quota.getViolations(0).getDescription());
      long seconds = details(e, RetryInfo.class).getFirst().getRetryDelay().getSeconds();
      assertTrue(seconds > 60 && seconds <= 100, seconds + " s");
      long pushback = Long.parseLong(trailer(e, PUSHBACK));
      assertTrue(pushback > 60_000 && pushback <= 100_000, pushback + " ms");
      assertEquals(2, rig.champion.calls());
    }
  }

  @Test
  void aMessageOverTheBurstIsRefusedForGood() throws Exception {
    try (Rig rig = rig("{bytesPerSecond: 1KiB, burstBytes: 2KiB}")) {
      rig.infer();
      ModelInferRequest large = FakeBackend.request(Rig.MODEL, new float[24 * 3 * 10]);
      StatusRuntimeException e = Rig.failure(() -> rig.stub().modelInfer(large));
      assertEquals(
          "RESOURCE_EXHAUSTED principal 'anonymous' may send 2048 bytes at once, and the message"
              + " has "
              + large.getSerializedSize()
              + "; it will never fit",
          Rig.told(e));
      assertEquals(List.of(), details(e, RetryInfo.class));
      assertEquals("-1", trailer(e, PUSHBACK));
      assertEquals(
          "2048 bytes at once",
          details(e, QuotaFailure.class).getFirst().getViolations(0).getDescription());
    }
  }

  @Test
  void eachMessageOfAStreamIsARequest() throws Exception {
    try (Rig rig = rig("{methods: {stream: {requestsPerSecond: 0.01, burst: 2}}}")) {
      ConcurrentLinkedQueue<ModelStreamInferResponse> answers = new ConcurrentLinkedQueue<>();
      AtomicBoolean ended = new AtomicBoolean();
      StreamObserver<ModelInferRequest> requests =
          GRPCInferenceServiceGrpc.newStub(rig.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelStreamInfer(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ModelStreamInferResponse answer) {
                      answers.add(answer);
                    }

                    @Override
                    public void onError(Throwable failure) {
                      ended.set(true);
                    }

                    @Override
                    public void onCompleted() {
                      ended.set(true);
                    }
                  });
      for (int i = 0; i < 3; i++) {
        requests.onNext(Rig.request());
      }
      requests.onCompleted();
      Rig.eventually("the stream has ended", ended::get);
      List<String> errors =
          answers.stream().map(ModelStreamInferResponse::getErrorMessage).toList();
      assertEquals(
          List.of(
              "",
              "",
              "principal 'anonymous' is over its quota of 0.01 requests per second by method"
                  + " 'stream'"),
          errors);
      assertNotNull(rig.infer(), "unary calls have no such quota");
    }
  }

  @Test
  void questionsCountAndReadinessDoesNot() throws Exception {
    try (Rig rig = rig("{methods: {metadata: {requestsPerSecond: 0.01, burst: 1}}}")) {
      ModelMetadataRequest question = ModelMetadataRequest.newBuilder().setName(Rig.MODEL).build();
      assertEquals(Rig.MODEL, rig.stub().modelMetadata(question).getName());
      StatusRuntimeException e = Rig.failure(() -> rig.stub().modelMetadata(question));
      assertEquals(
          "RESOURCE_EXHAUSTED principal 'anonymous' is over its quota of 0.01 requests per second"
              + " by method 'metadata'",
          Rig.told(e));
      for (int i = 0; i < 5; i++) {
        assertTrue(rig.stub().serverReady(ServerReadyRequest.getDefaultInstance()).getReady());
      }
      assertNotNull(rig.infer());
    }
  }

  @Test
  void answersSayWhatIsLeftWhenAsked() throws Exception {
    try (Rig rig = rig("{requestsPerSecond: 0.01, burst: 20, tellRemaining: true}")) {
      AtomicReference<Metadata> trailers = new AtomicReference<>();
      rig.stub()
          .withInterceptors(
              MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers))
          .modelInfer(Rig.request());
      Metadata told = trailers.get();
      assertEquals("20", told.get(key("x-ratelimit-limit")));
      assertEquals("19", told.get(key("x-ratelimit-remaining")));
      assertEquals("requests", told.get(key("x-ratelimit-unit")));
      long reset = Long.parseLong(String.valueOf(told.get(key("x-ratelimit-reset"))));
      assertTrue(reset > 60 && reset <= 100, reset + " s");
    }
    try (Rig rig = rig("{requestsPerSecond: 1000}")) {
      AtomicReference<Metadata> trailers = new AtomicReference<>();
      rig.stub()
          .withInterceptors(
              MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers))
          .modelInfer(Rig.request());
      assertNull(trailers.get().get(key("x-ratelimit-limit")));
    }
  }

  @Test
  void aCriticalityThatThereIsNotIsRefusedFromHeaders() throws Exception {
    try (Rig rig = rig("{criticality: {}}")) {
      StatusRuntimeException e =
          Rig.failure(
              () -> rig.stub("x-understudy-criticality", "urgent").modelInfer(Rig.request()));
      assertEquals(
          "INVALID_ARGUMENT x-understudy-criticality: 'urgent' (expected: critical, default or"
              + " sheddable)",
          Rig.told(e));
      assertEquals(0, rig.champion.calls());
      assertNotNull(rig.stub("x-understudy-criticality", "sheddable").modelInfer(Rig.request()));
      assertFalse(rig.champion.requests().isEmpty());
    }
  }

  @Test
  void refusalsAndLimitsAreOnTheMetricsPage() throws Exception {
    try (Rig rig =
        Rig.watching(
            """
            metrics: 127.0.0.1:0
            limits:
              criticality: {}
              adaptive: {enabled: true, start: 17}
              methods: {infer: {requestsPerSecond: 0.01, burst: 1}}
            """)) {
      rig.offer(1, rig.route(0, 0));
      rig.infer();
      Rig.failure(
          () -> rig.stub("x-understudy-criticality", "sheddable").modelInfer(Rig.request()));
      String page = page(rig);
      assertEquals(
          List.of(1.0), values(page, "router_refusals_total", "request_quota", "sheddable"));
      assertEquals(
          List.of(0.0), values(page, "router_refusals_total", "request_quota", "critical"));
      assertEquals(List.of(0.0), values(page, "router_quota_shared_total"));
      assertEquals(List.of(17.0), values(page, "router_backend_limit", rig.champion.address()));
      assertEquals(List.of(0.0), values(page, "router_backend_in_flight", rig.champion.address()));
      assertEquals(List.of(0.0), values(page, "router_backend_full_total", rig.champion.address()));
    }
  }

  private static String page(Rig rig) throws Exception {
    URI address =
        URI.create(
            "http://127.0.0.1:" + rig.router.ports().getOrDefault("metrics", 0) + "/metrics");
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  /** What a metric's samples say that have all these label values. */
  private static List<Double> values(String page, String metric, String... labels) {
    return page.lines()
        .filter(line -> line.startsWith(metric + "{") || line.startsWith(metric + " "))
        .filter(line -> List.of(labels).stream().allMatch(l -> line.contains('"' + l + '"')))
        .map(line -> Double.valueOf(line.substring(line.lastIndexOf(' ') + 1)))
        .toList();
  }
}
