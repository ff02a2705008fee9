package dev.understudy.loadtest.bench;

import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.record.ArmCell;
import dev.understudy.router.record.CellKey;
import dev.understudy.router.record.Evidence;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.StageTimes;
import dev.understudy.router.record.StageTimes.Stage;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.Tables;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What one call costs the layers that remember it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RecordBenchmark {
  private static final byte[] DECIDED =
      LineageRecord.newBuilder()
          .setModel("fraud-detector")
          .setAssignedRole(Role.CHAMPION)
          .setAnsweredRole(Role.CHAMPION)
          .setVersion("7")
          .setDigest("0".repeat(64))
          .setRolloutId("r-2026-11-20-1")
          .setRoutingEpoch(3)
          .setRoutingRevision(41)
          .setDecisionRevision(12)
          .setContractDigest("1".repeat(64))
          .setCanaryWeightBp(1_000)
          .build()
          .toByteArray();

  private final StageTimes times = new StageTimes("bench");
  private final Evidence evidence = new Evidence("bench", "boot");
  private Lineage lineage = new Lineage("bench", "boot", true, Integer.MAX_VALUE);
  private final ArmPlan champion = champion();
  private final InferCall call = call();
  private long nanos;

  private static ArmPlan champion() {
    return Objects.requireNonNull(
            Tables.compile(
                    RoutingTable.newBuilder()
                        .addModels(
                            ModelRoute.newBuilder()
                                .setModel("fraud-detector")
                                .addArms(
                                    Arm.newBuilder()
                                        .setName("champion")
                                        .setRole(Role.CHAMPION)
                                        .setVersion("7")
                                        .addEndpoints("127.0.0.1:9001")))
                        .build(),
                    true,
                    Set.of(""))
                .get("fraud-detector"))
        .champion();
  }

  private static InferCall call() {
    byte[] body =
        ModelInferRequest.newBuilder().setModelName("fraud-detector").build().toByteArray();
    return new InferCall(
        "01936f2e-7c1a-7def-8a3b-0123456789ab",
        Principal.ANONYMOUS,
        name -> null,
        InferRequestView.parse(ByteBuffer.wrap(body)),
        body,
        "fraud-detector",
        "",
        "",
        1,
        2,
        1_763_660_000_000L,
        Long.MAX_VALUE,
        Criticality.DEFAULT,
        new Notes());
  }

  /** What has been recorded is let go, as a flush would. */
  @TearDown(Level.Iteration)
  public void forget() {
    lineage = new Lineage("bench", "boot", true, Integer.MAX_VALUE);
  }

  /** Six stages of one call. */
  @Benchmark
  public void stageTimes() {
    long n = ++nanos & 0xfffff;
    StageTimes.Times spent = times.of("fraud-detector", champion);
    spent.record(Stage.TOTAL, n + 5_000);
    spent.record(Stage.UPSTREAM, n);
    spent.record(Stage.ROUTER, 5_000);
    spent.record(Stage.RECEIVE, 300);
    spent.record(Stage.DECIDE, 2_000);
    spent.record(Stage.ANSWER, 1_500);
  }

  /** One lineage record. */
  @Benchmark
  public void lineage() {
    lineage.record(DECIDED, call, Outcome.OK, 0, ++nanos & 0xfffff);
  }

  /** The counts of one attempt. */
  @Benchmark
  public ArmCell evidence() {
    ArmCell cell =
        evidence.cell(
            new CellKey("r-1", "fraud-detector", 12, 1_000, 0, Role.CHAMPION, champion.version()));
    cell.assigned();
    cell.ended(Outcome.OK, ++nanos & 0xfffff, 0);
    return cell;
  }
}
