package dev.understudy.router;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.LineageBatch;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.testing.FakeBackend;
import dev.understudy.router.testing.FakeReceivers;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/** A router between real backends on loopback and a real client. */
final class Rig implements AutoCloseable {
  static final String MODEL = "fraud";
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  final FakeBackend champion = FakeBackend.scoring(0.25f);
  final FakeBackend canary = FakeBackend.scoring(0.75f);
  final FakeBackend shadow = FakeBackend.scoring(0.5f);
  final FakeReceivers receivers = FakeReceivers.start();
  final Router router;
  private final Scheduler scheduler;
  final ManagedChannel channel;
  private final List<ManagedChannel> channels = new ArrayList<>();

  private Rig(String yaml, TimeSource time, Scheduler scheduler) throws IOException {
    String text =
        """
        name: r1
        admin: 127.0.0.1:0
        lameDuck: 0s
        drain: 2s
        histogramInterval: 1s
        """
            + (yaml.startsWith("listen:") ? "" : "listen: 127.0.0.1:0\n")
            + yaml.replace("RECEIVERS", receivers.address())
                .replace("CHAMPION", champion.address())
                .replace("CANARY", canary.address())
                .replace("SHADOW", shadow.address());
    this.scheduler = scheduler;
    router = Router.start(RouterConfig.parse("test.yaml", text), time, scheduler);
    channel = connect();
  }

  /** A router whose table is offered by the test; its controller is never there. */
  static Rig watching(String more) throws IOException {
    return new Rig(
        "controller: 127.0.0.1:1\nevidence: RECEIVERS\ncollector: RECEIVERS\n" + more,
        TimeSource.system(),
        Scheduler.daemon("test-clock"));
  }

  static Rig watching(ManualTime time, Scheduler scheduler, String more) throws IOException {
    return new Rig(
        "controller: 127.0.0.1:1\nevidence: RECEIVERS\ncollector: RECEIVERS\n" + more,
        time,
        scheduler);
  }

  /** A router with a configuration of the test's; CHAMPION, CANARY, SHADOW are replaced. */
  static Rig fixed(String yaml) throws IOException {
    return new Rig(yaml, TimeSource.system(), Scheduler.daemon("test-clock"));
  }

  ManagedChannel connect() {
    ManagedChannel opened =
        NettyChannelBuilder.forAddress("127.0.0.1", router.ports().getOrDefault("grpc", 0))
            .usePlaintext()
            .disableRetry()
            .maxInboundMessageSize(64 << 20)
            .build();
    channels.add(opened);
    return opened;
  }

  /** A route with a champion and, when they weigh something, a canary and a shadow. */
  ModelRoute route(int canaryBp, int mirrorBp) {
    ModelRoute.Builder route =
        ModelRoute.newBuilder()
            .setModel(MODEL)
            .setRolloutId("rollout-1")
            .setDecisionRevision(1)
            .setSalt("salt")
            .setSignature(
                ModelSignature.newBuilder()
                    .setMetadata(FakeBackend.metadata(MODEL))
                    .setMaxBatchSize(8))
            .addArms(arm("champion", Role.CHAMPION, "1", champion))
            .addArms(arm("canary", Role.CANARY, "2", canary))
            .addArms(arm("shadow", Role.SHADOW, "3", shadow))
            .setCanaryWeightBp(canaryBp);
    if (mirrorBp > 0) {
      route.getMirrorBuilder().setFractionBp(mirrorBp).addArms("shadow");
    }
    return route.build();
  }

  static Arm arm(String name, Role role, String version, FakeBackend backend) {
    return Arm.newBuilder()
        .setName(name)
        .setRole(role)
        .setVersion(version)
        .setDigest("digest-" + version)
        .addEndpoints(backend.address())
        .build();
  }

  void offer(long revision, ModelRoute route) {
    offer(RoutingTable.newBuilder().setEpoch(1).setRevision(revision).addModels(route).build());
  }

  void offer(RoutingTable table) {
    String refusal = router.offer(table);
    if (!refusal.isEmpty()) {
      throw new AssertionError("the table was refused: " + refusal);
    }
  }

  void offer(long revision, int canaryBp, int mirrorBp, UnaryOperator<ModelRoute.Builder> change) {
    offer(revision, change.apply(route(canaryBp, mirrorBp).toBuilder()).build());
  }

  GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub stub() {
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(15, TimeUnit.SECONDS);
  }

  GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub stub(String header, String value) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of(header, Metadata.ASCII_STRING_MARSHALLER), value);
    return stub().withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  static ModelInferRequest request() {
    return FakeBackend.request(MODEL, 1, 2, 3);
  }

  ModelInferResponse infer() {
    return stub().modelInfer(request());
  }

  /** The failure of a call that must fail. */
  static StatusRuntimeException failure(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      return e;
    }
    throw new AssertionError("the call succeeded");
  }

  /** Code and text of a failure. */
  static String told(StatusRuntimeException e) {
    Status status = e.getStatus();
    return status.getCode() + " " + status.getDescription();
  }

  /** Calls and says what came back, for as long as the result is of interest. */
  Map<String, Integer> inferMany(int calls, UnaryOperator<ModelInferRequest> shape) {
    Map<String, Integer> results = new HashMap<>();
    for (int i = 0; i < calls; i++) {
      String result;
      try {
        result = "version " + stub().modelInfer(shape.apply(request())).getModelVersion();
      } catch (StatusRuntimeException e) {
        result = e.getStatus().getCode().toString();
      }
      results.merge(result, 1, Integer::sum);
    }
    return results;
  }

  /** Blocks by sequence, each once. */
  List<EvidenceBlock> blocks() {
    Map<Long, EvidenceBlock> unique = new HashMap<>();
    for (EvidenceBlock block : receivers.blocks()) {
      EvidenceBlock before = unique.put(block.getSequence(), block);
      if (before != null && !before.equals(block)) {
        throw new AssertionError("block " + block.getSequence() + " came in two versions");
      }
    }
    return List.copyOf(unique.values());
  }

  /** Answers that a drill holds back; on a manual clock only. */
  long held() {
    return ((ManualScheduler) scheduler).pending().stream().filter("drill"::equals).count();
  }

  long assigned(Role role) {
    return cells(role).mapToLong(Cell::getAssigned).sum();
  }

  long outcomes(Role role, Outcome outcome) {
    return cells(role)
        .flatMap(cell -> cell.getOutcomesList().stream())
        .filter(count -> count.getOutcome() == outcome)
        .mapToLong(OutcomeCount::getCount)
        .sum();
  }

  long ended(Role role) {
    return cells(role)
        .flatMap(cell -> cell.getOutcomesList().stream())
        .mapToLong(OutcomeCount::getCount)
        .sum();
  }

  java.util.stream.Stream<Cell> cells(Role role) {
    return blocks().stream()
        .flatMap(block -> block.getCellsList().stream())
        .filter(cell -> cell.getRole() == role);
  }

  PairCell pairs() {
    PairCell.Builder sum = PairCell.newBuilder();
    for (EvidenceBlock block : blocks()) {
      for (PairCell pair : block.getPairsList()) {
        sum.setBothOk(sum.getBothOk() + pair.getBothOk())
            .setOnlyChampionBad(sum.getOnlyChampionBad() + pair.getOnlyChampionBad())
            .setOnlyCopyBad(sum.getOnlyCopyBad() + pair.getOnlyCopyBad())
            .setBothBad(sum.getBothBad() + pair.getBothBad())
            .setDropped(sum.getDropped() + pair.getDropped());
      }
    }
    return sum.build();
  }

  /** Lineage records, each once. */
  List<LineageRecord> lineage() {
    Map<Long, LineageBatch> unique = new HashMap<>();
    receivers.lineage().forEach(batch -> unique.put(batch.getSequence(), batch));
    return unique.values().stream().flatMap(batch -> batch.getRecordsList().stream()).toList();
  }

  /** Waits for something that must come true soon. */
  static void eventually(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("did not come true within 20 s: " + what);
      }
      java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
    }
  }

  /** The metadata of one call's answer. */
  static final class Captured {
    final AtomicReference<Metadata> headers = new AtomicReference<>();
    final AtomicReference<Metadata> trailers = new AtomicReference<>();
  }

  @Override
  public void close() {
    channels.forEach(ManagedChannel::shutdownNow);
    router.close();
    champion.close();
    canary.close();
    shadow.close();
    receivers.close();
  }
}
