package dev.understudy.loadtest.bench;

import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast a log is judged: ten minutes of champion, canary and control, with failures, latency and
 * the split check, folded from the first record to a report. The figure is cells per second.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class FoldBenchmark {
  private static final int SECONDS = 600;
  private static final int ARMS = 3;
  private static final String ROLLOUT = "rollout";
  private static final long START_SECOND = 1_767_225_600L;

  /** Requests of a second, over all arms. */
  @Param({"20", "1000"})
  public int requests;

  private final List<EvidenceLogRecord> records = new ArrayList<>();

  /** Simulates the log. */
  @org.openjdk.jmh.annotations.Setup
  public void prepare() {
    records.clear();
    records.add(record(START_SECOND).setSpec(spec()).build());
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 1; i <= SECONDS; i++) {
      long second = START_SECOND + i;
      records.add(
          record(second)
              .setBlock(
                  JoinedBlock.newBuilder()
                      .setSecond(second)
                      .setRouters(1)
                      .addCells(cell(random, Role.CANARY, requests / 10))
                      .addCells(cell(random, Role.CONTROL, requests / 10))
                      .addCells(cell(random, Role.CHAMPION, requests - 2 * (requests / 10))))
              .build());
    }
  }

  private EvidenceLogRecord.Builder record(long second) {
    return EvidenceLogRecord.newBuilder()
        .setSequence(records.size() + 1L)
        .setUnixMs(second * 1_000)
        .setRolloutId(ROLLOUT);
  }

  private static EvaluationSpec spec() {
    return EvaluationSpec.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("model")
        .setAttempt(1)
        .setIntent(Intent.IMPROVED)
        .setUnit(RandomisationUnit.REQUEST)
        .setChampionVersion("7")
        .setChallengerVersion("8")
        .setAlpha(0.01)
        .setBeta(0.05)
        .setAlphaSplit(0.001)
        .addMetrics(metric("errors", MetricKind.FAILURES).setMargin(0.01).setLimit(1))
        .addMetrics(metric("p95", MetricKind.LATENCY).setMargin(0.25).setQuantile(0.95))
        .setContract(
            DataContract.newBuilder()
                .setDecision(
                    Decision.newBuilder()
                        .setOutput("probabilities")
                        .setKind(OutputKind.PROBABILITIES)
                        .setColumn(1)
                        .setCutoff(0.5)))
        .setLiveControl(true)
        .setStartedUnixMs(START_SECOND * 1_000)
        .setSeed(7)
        .setGuardConsecutiveFailures(20)
        .build();
  }

  private static MetricSpec.Builder metric(String name, MetricKind kind) {
    return MetricSpec.newBuilder().setName(name).setKind(kind).setCritical(true).setWeight(1);
  }

  private static Cell cell(SplittableRandom random, Role role, int assigned) {
    SparseHistogram histogram = new SparseHistogram();
    int bad = 0;
    for (int i = 0; i < assigned; i++) {
      bad += random.nextInt(500) == 0 ? 1 : 0;
      histogram.record((long) (5e6 * Math.exp(0.4 * random.nextGaussian())));
    }
    LatencyCounts.Builder latency = LatencyCounts.newBuilder();
    for (int i = 0; i < histogram.buckets(); i++) {
      latency.addIndex(histogram.indexAt(i)).addCount(histogram.countAt(i));
    }
    return Cell.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("model")
        .setRule("default")
        .setDecisionRevision(1)
        .setCanaryWeightBp(1_000)
        .setControlWeightBp(1_000)
        .setRole(role)
        .setVersion(role == Role.CANARY ? "8" : "7")
        .setAssigned(assigned)
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.OK).setCount(assigned - bad))
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.BAD_INTERNAL).setCount(bad))
        .setLatency(latency)
        .build();
  }

  /** Folds the whole log and reports. */
  @Benchmark
  @OperationsPerInvocation(SECONDS * ARMS)
  public EvidenceReport fold() {
    EvidenceFold fold = new EvidenceFold();
    records.forEach(fold::accept);
    EvidenceReport report = fold.report();
    if (report.getBlocks() != SECONDS) {
      throw new IllegalStateException("blocks: " + report.getBlocks());
    }
    return report;
  }
}
