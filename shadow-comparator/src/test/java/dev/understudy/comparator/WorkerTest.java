package dev.understudy.comparator;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.testing.FakeRouter;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.LabelAck;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.Role;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One comparator judges and another measures pairs for it, over real gRPC. */
class WorkerTest {
  @TempDir Path folder;

  private static EvaluationSpec spec() {
    return Rig.spec().toBuilder()
        .addMetrics(
            MetricSpec.newBuilder()
                .setName("divergence")
                .setKind(MetricKind.DIVERGENCE)
                .setWeight(1)
                .setMargin(0.05)
                .setLimit(0.1))
        .addMetrics(
            MetricSpec.newBuilder()
                .setName("decisions")
                .setKind(MetricKind.CHANGED_DECISIONS)
                .setWeight(1)
                .setMargin(0.05)
                .setLimit(0.1))
        .build();
  }

  private static List<Comparison> comparisons(int count, long seed) {
    Random random = new Random(seed);
    List<Comparison> comparisons = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      float champion = random.nextFloat();
      float copy = Math.clamp(champion + 0.1f * (random.nextFloat() - 0.5f), 0f, 1f);
      comparisons.add(
          Rig.comparison(
              seed + "-" + i, Role.SHADOW, Rig.probability(champion), Rig.probability(copy)));
    }
    return comparisons;
  }

  /** What does not depend on how pairs were bundled into records. */
  private static EvidenceReport comparable(EvidenceReport report) {
    EvidenceReport.Builder same =
        report.toBuilder().clearLogSequence().clearAsOfUnixMs().clearLogAgainst().clearStatement();
    same.clearOverall().clearNext().clearMetrics().clearExamples().clearSlices();
    for (MetricReport metric : report.getMetricsList()) {
      same.addMetrics(
          MetricReport.newBuilder()
              .setName(metric.getName())
              .setObservations(metric.getObservations())
              .setEstimate(Math.round(1e9 * metric.getEstimate()) / 1e9));
    }
    return same.build();
  }

  private static List<KeptPair> kept(Rig rig) {
    List<KeptPair> kept = new ArrayList<>();
    rig.service()
        .readPairs(ReadPairsRequest.newBuilder().setRolloutId("r").build())
        .forEachRemaining(kept::add);
    return kept;
  }

  @Test
  void theReportOfJudgeAndWorkerIsThatOfOneComparator() throws Exception {
    try (Rig judge = new Rig(ComparatorConfig.local(folder.resolve("judge")));
        Rig worker = new Rig(ComparatorConfig.localWorker(judge.address()));
        Rig alone = new Rig(ComparatorConfig.local(folder.resolve("alone")))) {
      FakeRouter router = new FakeRouter("a", "a1");
      FakeRouter same = new FakeRouter("a", "a1");
      for (Rig rig : List.of(judge, alone)) {
        rig.service().startEvaluation(spec());
        FakeRouter to = rig == judge ? router : same;
        to.connect(rig.channel);
        for (int i = 1; i <= 20; i++) {
          to.second(START + i, Rig.good(), List.of());
        }
        assertTrue(to.awaitAcknowledged(20, Rig.PATIENCE));
      }
      Rig.await("the worker knows the evaluation", () -> worker.comparator.evaluations() == 1);
      List<Comparison> all = comparisons(600, 1);
      alone.compare(all);
      judge.compare(all.subList(0, 200));
      worker.compare(all.subList(200, 600));
      EvidenceReport expected = alone.awaitReport(r -> r.getSwapSet().getPairs() == 600);
      EvidenceReport actual = judge.awaitReport(r -> r.getSwapSet().getPairs() == 600);
      assertEquals(comparable(expected), comparable(actual));
      assertEquals(
          kept(alone).getFirst().getComparison().getPredictionId(),
          kept(judge).getFirst().getComparison().getPredictionId());
      long fromWorker =
          judge.log().stream()
              .filter(EvidenceLogRecord::hasWorker)
              .mapToLong(record -> record.getPairs().getPairs())
              .sum();
      assertEquals(400, fromWorker);
      judge
          .service()
          .stopEvaluation(
              dev.understudy.proto.v1.StopEvaluationRequest.newBuilder().setRolloutId("r").build());
      Rig.await("the worker has forgotten it", () -> worker.comparator.evaluations() == 0);
    }
  }

  @Test
  void aJudgeThatIsGoneForAWhileLosesNothingAndCountsNothingTwice() throws Exception {
    Rig judge = new Rig(ComparatorConfig.local(folder.resolve("judge")));
    ComparatorConfig again =
        ComparatorConfig.local(folder.resolve("judge"))
            .withListen(HostPort.loopback(judge.address().port()));
    try (Rig worker = new Rig(ComparatorConfig.localWorker(judge.address()))) {
      judge.service().startEvaluation(spec());
      Rig.await("the worker knows the evaluation", () -> worker.comparator.evaluations() == 1);
      worker.compare(comparisons(100, 1));
      judge.awaitReport(r -> r.getSwapSet().getPairs() == 100);
      judge.close();
      worker.compare(comparisons(50, 2));
      long counted = worker.comparator.counters().get(Counter.COMPARISONS);
      assertEquals(150, counted);
      judge = new Rig(again);
      judge.awaitReport(r -> r.getSwapSet().getPairs() == 150);
      worker.compare(comparisons(25, 3));
      judge.awaitReport(r -> r.getSwapSet().getPairs() == 175);
      assertEquals(0, worker.comparator.counters().get(Counter.TALLIES_DROPPED));
    } finally {
      judge.close();
    }
  }

  @Test
  void aWorkerThatIsKilledComesBackAsAnother() throws Exception {
    try (Rig judge = new Rig(ComparatorConfig.local(folder.resolve("judge")))) {
      judge.service().startEvaluation(spec());
      for (int life = 1; life <= 2; life++) {
        try (Rig worker = new Rig(ComparatorConfig.localWorker(judge.address()))) {
          Rig.await("the worker knows it", () -> worker.comparator.evaluations() == 1);
          worker.compare(comparisons(40, life));
          int pairs = 40 * life;
          judge.awaitReport(r -> r.getSwapSet().getPairs() == pairs);
        }
      }
    }
  }

  @Test
  void whoBringsAnythingElseToAWorkerIsToldWhereTheJudgeIs() throws Exception {
    HostPort nowhere = HostPort.loopback(1);
    try (Rig worker = new Rig(ComparatorConfig.localWorker(nowhere))) {
      FakeRouter router = new FakeRouter("a", "a1");
      router.connect(worker.channel);
      assertTrue(router.awaitDisconnected(Rig.PATIENCE));
      Status refused = Status.fromThrowable(Objects.requireNonNull(router.failure()));
      assertEquals(Status.Code.FAILED_PRECONDITION, refused.getCode());
      assertTrue(String.valueOf(refused.getDescription()).contains(nowhere.toString()));

      CompletableFuture<LabelAck> ack = new CompletableFuture<>();
      EvidenceIntakeGrpc.newStub(worker.channel)
          .sendLabels(Rig.first(ack))
          .onNext(LabelledPrediction.getDefaultInstance());
      var e = assertThrows(ExecutionException.class, () -> ack.get(10, TimeUnit.SECONDS));
      assertEquals(Status.Code.FAILED_PRECONDITION, Status.fromThrowable(e.getCause()).getCode());

      var asked = assertThrows(StatusRuntimeException.class, worker::report);
      assertEquals(Status.Code.FAILED_PRECONDITION, asked.getStatus().getCode());
    }
  }
}
