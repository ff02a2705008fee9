package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceFutureStub;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A real router before a backend that can do just so much. */
class OverloadTest {
  private static final int SERVERS = 8;
  private static final long SERVICE_MILLIS = 50;
  private static final double CAPACITY = SERVERS * 1000.0 / SERVICE_MILLIS;
  private static final long DEADLINE_MILLIS = 400;

  private static final String YAML =
      """
      limits:
        criticality: {}
        adaptive: {enabled: true, start: 16}
        principals: {anonymous: {highestCriticality: critical}}
      """;

  /** What became of the calls of one class. */
  private static final class Ends {
    final AtomicInteger offered = new AtomicInteger();
    final AtomicInteger good = new AtomicInteger();
    final AtomicInteger busy = new AtomicInteger();
    final AtomicInteger late = new AtomicInteger();
    final AtomicInteger other = new AtomicInteger();

    @Override
    public String toString() {
      return "of " + offered + ": " + good + " good, " + busy + " busy, " + late + " late, " + other
          + " other";
    }
  }

  private static GRPCInferenceServiceFutureStub stub(Rig rig, Criticality criticality) {
    Metadata metadata = new Metadata();
    metadata.put(
        Metadata.Key.of(Criticality.HEADER, Metadata.ASCII_STRING_MARSHALLER), criticality.word());
    return GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  private static void send(GRPCInferenceServiceFutureStub stub, Ends ends) {
    ends.offered.incrementAndGet();
    ListenableFuture<ModelInferResponse> answer =
        stub.withDeadlineAfter(DEADLINE_MILLIS, TimeUnit.MILLISECONDS).modelInfer(Rig.request());
    Futures.addCallback(
        answer,
        new FutureCallback<>() {
          @Override
          public void onSuccess(ModelInferResponse response) {
            ends.good.incrementAndGet();
          }

          @Override
          public void onFailure(Throwable failure) {
            switch (Status.fromThrowable(failure).getCode()) {
              case UNAVAILABLE -> ends.busy.incrementAndGet();
              case DEADLINE_EXCEEDED, CANCELLED -> ends.late.incrementAndGet();
              default -> ends.other.incrementAndGet();
            }
          }
        },
        MoreExecutors.directExecutor());
  }

  /** Callers who come by the clock, whatever became of those before them. */
  private static Map<Criticality, Ends> load(Rig rig, double seconds, double perSecond) {
    Map<Criticality, Ends> ends = new EnumMap<>(Criticality.class);
    Map<Criticality, GRPCInferenceServiceFutureStub> stubs = new EnumMap<>(Criticality.class);
    for (Criticality each : Criticality.values()) {
      ends.put(each, new Ends());
      stubs.put(each, stub(rig, each));
    }
    int calls = (int) (seconds * perSecond);
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      long at = start + (long) (i * 1e9 / perSecond);
      for (long wait = at - System.nanoTime(); wait > 0; wait = at - System.nanoTime()) {
        LockSupport.parkNanos(wait);
      }
      // One in fifty is critical: at five times the capacity a tenth of it.
      Criticality criticality =
          i % 50 == 0
              ? Criticality.CRITICAL
              : i % 2 == 0 ? Criticality.DEFAULT : Criticality.SHEDDABLE;
      send(of(stubs, criticality), of(ends, criticality));
    }
    Rig.eventually(
        "all calls have ended",
        () ->
            ends.values().stream()
                .allMatch(each ->
                    each.good.get() + each.busy.get() + each.late.get() + each.other.get()
                        == each.offered.get()));
    return ends;
  }

  @Test
  void atFiveTimesTheLoadGoodputHoldsAndCriticalCallsAreServed() throws Exception {
    try (Rig rig = Rig.watching(YAML)) {
      rig.offer(1, rig.route(0, 0));
      rig.champion.behave(
          rig.champion.queueing(SERVERS, SERVICE_MILLIS, FakeBackend.ok(0.25f)));
      Map<Criticality, Ends> within = load(rig, 1.5, 0.9 * CAPACITY);
      double atCapacity = good(within) / 1.5 / 0.9;
      load(rig, 2.5, 5 * CAPACITY);
      Map<Criticality, Ends> over = load(rig, 4, 5 * CAPACITY);
      double goodput = good(over) / 4.0;
      String told = "at capacity " + atCapacity + "/s, at five times " + goodput + "/s: " + over;
      assertTrue(goodput >= 0.7 * atCapacity, told);
      Ends critical = of(over, Criticality.CRITICAL);
      assertTrue(critical.good.get() >= 0.99 * critical.offered.get(), told);
      assertEquals(0, over.values().stream().mapToInt(each -> each.other.get()).sum(), told);
    }
  }

  private static <T> T of(Map<Criticality, T> all, Criticality criticality) {
    return Objects.requireNonNull(all.get(criticality));
  }

  private static int good(Map<Criticality, Ends> ends) {
    return ends.values().stream().mapToInt(each -> each.good.get()).sum();
  }

  @Test
  void aBackendWithoutRoomIsSaid() throws Exception {
    try (Rig rig =
        Rig.watching("limits: {adaptive: {enabled: true, minimum: 1, start: 1, maximum: 1}}\n")) {
      rig.offer(1, rig.route(0, 0));
      assertEquals("1", rig.infer().getModelVersion());
      rig.champion.behave(FakeBackend.hanging());
      ListenableFuture<ModelInferResponse> first =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(15, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("the first call is there", () -> rig.champion.calls() == 2);
      StatusRuntimeException busy = Rig.failure(rig::infer);
      assertEquals(
          "UNAVAILABLE Exceeds maximum queue size: every backend of arm 'champion' has as many calls"
              + " as it can take",
          Rig.told(busy));
      assertEquals(2, rig.champion.calls());
      assertTrue(first.cancel(true));
      rig.champion.behave(FakeBackend.ok(0.5f));
      Rig.eventually(
          "the place is free again",
          () -> rig.inferMany(1, request -> request).containsKey("version 1"));
    }
  }

  @Test
  void aDeadlineThatTheModelCannotKeepIsRefusedBeforeTheBackend() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, rig.route(0, 0));
      rig.champion.behave(rig.champion.queueing(20, 500, FakeBackend.ok(0.25f)));
      List<ListenableFuture<ModelInferResponse>> patient = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        patient.add(
            GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
                .withDeadlineAfter(15, TimeUnit.SECONDS)
                .modelInfer(Rig.request()));
      }
      assertEquals(20, Futures.allAsList(patient).get(15, TimeUnit.SECONDS).size());
      List<ListenableFuture<ModelInferResponse>> hasty = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        hasty.add(
            GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
                .withDeadlineAfter(250, TimeUnit.MILLISECONDS)
                .modelInfer(Rig.request()));
      }
      int refused = 0;
      for (ListenableFuture<ModelInferResponse> each : hasty) {
        Status status =
            Status.fromThrowable(
                assertThrows(ExecutionException.class, () -> each.get(15, TimeUnit.SECONDS)));
        assertEquals(Status.Code.DEADLINE_EXCEEDED, status.getCode());
        String text = String.valueOf(status.getDescription());
        if (text.matches(
            "the deadline leaves \\d+\\.\\d ms, and model 'fraud' recently needed \\d+\\.\\d ms or"
                + " more")) {
          refused++;
        }
      }
      assertTrue(refused >= 1, "refused: " + refused);
      assertTrue(rig.champion.calls() <= 30 - refused, rig.champion.calls() + " calls");
    }
  }
}
