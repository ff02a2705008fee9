package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.util.concurrent.ListenableFuture;
import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceFutureStub;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A real router before a backend that can do just so much. Time moves when the test says so, in
 * steps between which everything on the wire comes to rest; what happens does not depend on how
 * fast the machine is.
 */
class OverloadTest {
  private static final int SERVERS = 8;
  private static final int SERVICE_STEPS = 5;
  private static final int DEADLINE_STEPS = 40;
  private static final Duration STEP = Duration.ofMillis(10);
  private static final int STEPS = 250;

  /** The answers that {@link #SERVERS} can give in so many steps. */
  private static final double CAPACITY = (double) SERVERS / SERVICE_STEPS;

  private static final String YAML =
      """
      upstream: {tryTimeout: 10m}
      limits:
        criticality: {}
        adaptive: {enabled: true, start: 16}
        principals: {anonymous: {highestCriticality: critical}}
      """;

  private record Call(
      Criticality criticality, int sentAt, ListenableFuture<ModelInferResponse> answer) {}

  private record Job(
      String id, ModelInferRequest request, StreamObserver<ModelInferResponse> answer) {}

  /** Callers, wire and backend in steps. */
  private static final class World implements AutoCloseable {
    final Map<Criticality, Integer> offered = new EnumMap<>(Criticality.class);
    final Map<Criticality, Integer> good = new EnumMap<>(Criticality.class);
    int refused;
    int late;
    private final ManualTime time = new ManualTime();
    private final Rig rig;
    private final Map<Criticality, GRPCInferenceServiceFutureStub> stubs =
        new EnumMap<>(Criticality.class);
    private final Map<String, Call> open = new ConcurrentHashMap<>();
    private final Map<String, Job> arrived = new ConcurrentHashMap<>();
    private final ArrayDeque<Job> waiting = new ArrayDeque<>();
    private final @Nullable Job[] serving = new Job[SERVERS];
    private final int[] servedAt = new int[SERVERS];
    private int step;
    private int count;
    private double due;

    World(String yaml) throws Exception {
      rig = Rig.watching(time, ManualScheduler.on(time), yaml);
      rig.offer(1, rig.route(0, 0));
      rig.infer();
      rig.champion.behave((request, answer) ->
          arrived.put(request.getId(), new Job(request.getId(), request, answer)));
      for (Criticality each : Criticality.values()) {
        Metadata metadata = new Metadata();
        metadata.put(
            Metadata.Key.of(Criticality.HEADER, Metadata.ASCII_STRING_MARSHALLER), each.word());
        stubs.put(
            each,
            GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata)));
      }
    }

    void run(int steps, double perStep) {
      for (int i = 0; i < steps; i++) {
        step++;
        time.advance(STEP);
        finish();
        giveUp();
        Map<String, Call> sent = new LinkedHashMap<>();
        for (due += perStep; due >= 1; due--) {
          send(sent);
        }
        rest(sent);
        begin();
      }
    }

    private void finish() {
      List<Call> answered = new ArrayList<>();
      for (int server = 0; server < SERVERS; server++) {
        Job job = serving[server];
        if (job == null || servedAt[server] > step) {
          continue;
        }
        serving[server] = null;
        Call call = open.remove(job.id());
        if (call == null) {
          continue; // its caller has gone; the work was in vain
        }
        FakeBackend.ok(0.25f).answer(job.request(), job.answer());
        answered.add(call);
      }
      for (Call call : answered) {
        Rig.eventually("an answer comes", call.answer()::isDone);
        assertEquals(Future.State.SUCCESS, call.answer().state());
        good.merge(call.criticality(), 1, Integer::sum);
      }
    }

    private void giveUp() {
      for (Map.Entry<String, Call> each : List.copyOf(open.entrySet())) {
        if (step - each.getValue().sentAt() >= DEADLINE_STEPS) {
          assertTrue(each.getValue().answer().cancel(true));
          open.remove(each.getKey());
          late++;
        }
      }
    }

    private void send(Map<String, Call> sent) {
      count++;
      // One in fifty is critical: at five times the capacity a tenth of it.
      Criticality criticality =
          count % 50 == 0
              ? Criticality.CRITICAL
              : count % 2 == 0 ? Criticality.DEFAULT : Criticality.SHEDDABLE;
      offered.merge(criticality, 1, Integer::sum);
      String id = "c" + count;
      ListenableFuture<ModelInferResponse> answer =
          Objects.requireNonNull(stubs.get(criticality))
              .withDeadlineAfter(10, TimeUnit.MINUTES)
              .modelInfer(Rig.request().toBuilder().setId(id).build());
      sent.put(id, new Call(criticality, step, answer));
    }

    /** Waits until each call is either at the backend or refused. */
    private void rest(Map<String, Call> sent) {
      sent.forEach((id, call) -> {
        Rig.eventually(
            "a call has come to rest", () -> call.answer().isDone() || arrived.containsKey(id));
        Job job = arrived.remove(id);
        if (job == null) {
          refused++;
        } else {
          open.put(id, call);
          waiting.add(job);
        }
      });
    }

    private void begin() {
      for (int server = 0; server < SERVERS && !waiting.isEmpty(); server++) {
        if (serving[server] == null) {
          serving[server] = waiting.remove();
          servedAt[server] = step + SERVICE_STEPS;
        }
      }
    }

    int good() {
      return good.values().stream().mapToInt(n -> n).sum();
    }

    void forget() {
      offered.clear();
      good.clear();
      refused = 0;
      late = 0;
    }

    @Override
    public void close() {
      rig.close();
    }

    @Override
    public String toString() {
      return "offered " + offered + ", good " + good + ", refused " + refused + ", late " + late;
    }
  }

  @Test
  void atFiveTimesTheLoadGoodputHoldsAndCriticalCallsAreServed() throws Exception {
    try (World world = new World(YAML)) {
      world.run(150, 5 * CAPACITY);
      world.forget();
      world.run(STEPS, 5 * CAPACITY);
      assertTrue(world.good() >= 0.7 * STEPS * CAPACITY, world.toString());
      world.run(DEADLINE_STEPS, 0); // those under way
      int critical = world.offered.getOrDefault(Criticality.CRITICAL, 0);
      assertTrue(critical > 30, world.toString());
      int served = world.good.getOrDefault(Criticality.CRITICAL, 0);
      assertTrue(served >= 0.99 * critical, world.toString());
    }
  }

  @Test
  void withoutALimitTheSameLoadCollapses() throws Exception {
    try (World world = new World("upstream: {tryTimeout: 10m}\n")) {
      world.run(150, 3 * CAPACITY);
      world.forget();
      world.run(100, 3 * CAPACITY);
      assertTrue(world.good() <= 0.2 * 100 * CAPACITY, world.toString());
    }
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
          "UNAVAILABLE Exceeds maximum queue size: every backend of arm 'champion' has as many"
              + " calls as it can take",
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
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "upstream: {tryTimeout: 10m}\n")) {
      rig.offer(1, rig.route(0, 0));
      List<Runnable> answers = new ArrayList<>();
      rig.champion.behave((request, answer) -> {
        synchronized (answers) {
          answers.add(() -> FakeBackend.ok(0.25f).answer(request, answer));
        }
      });
      List<ListenableFuture<ModelInferResponse>> slow = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        slow.add(
            GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
                .withDeadlineAfter(10, TimeUnit.MINUTES)
                .modelInfer(Rig.request()));
      }
      Rig.eventually("all are there", () -> rig.champion.calls() == 20);
      time.advance(Duration.ofMinutes(1));
      synchronized (answers) {
        answers.forEach(Runnable::run);
      }
      for (ListenableFuture<ModelInferResponse> each : slow) {
        assertEquals("1", each.get(15, TimeUnit.SECONDS).getModelVersion());
      }
      rig.champion.behave(FakeBackend.ok(0.25f));
      assertEquals("1", rig.infer().getModelVersion(), "one is tried all the same");
      StatusRuntimeException e = Rig.failure(rig::infer);
      assertTrue(
          Rig.told(e)
              .matches(
                  "DEADLINE_EXCEEDED the deadline leaves 1\\d{4}\\.\\d ms, and model 'fraud'"
                      + " recently needed \\d{5}\\.\\d ms or more"),
          Rig.told(e));
      assertEquals(21, rig.champion.calls());
      time.advance(Duration.ofMillis(50));
      assertEquals("1", rig.infer().getModelVersion(), "and one more after 50 ms");
    }
  }

  @Test
  void ofModelsThatPassThroughNoTimesAreKept() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "upstream: {tryTimeout: 10m}\n")) {
      rig.offer(
          RoutingTable.newBuilder()
              .setEpoch(1)
              .setRevision(1)
              .setPassThrough(PassThrough.newBuilder().addEndpoints(rig.champion.address()))
              .build());
      List<Runnable> answers = new ArrayList<>();
      rig.champion.behave((request, answer) -> {
        synchronized (answers) {
          answers.add(() -> FakeBackend.ok(0.25f).answer(request, answer));
        }
      });
      List<ListenableFuture<ModelInferResponse>> slow = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        slow.add(
            GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
                .withDeadlineAfter(10, TimeUnit.MINUTES)
                .modelInfer(Rig.request()));
      }
      Rig.eventually("all are there", () -> rig.champion.calls() == 20);
      time.advance(Duration.ofMinutes(1));
      synchronized (answers) {
        answers.forEach(Runnable::run);
      }
      for (ListenableFuture<ModelInferResponse> each : slow) {
        assertEquals(Rig.MODEL, each.get(15, TimeUnit.SECONDS).getModelName());
      }
      rig.champion.behave(FakeBackend.ok(0.25f));
      for (int i = 0; i < 3; i++) {
        assertEquals(Rig.MODEL, rig.infer().getModelName());
      }
    }
  }
}
