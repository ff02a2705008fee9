package dev.understudy.launcher.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.comparator.Comparator;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.comparator.testing.FakeRouter;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.launcher.process.ServiceProcess;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.StopEvaluationRequest;
import io.grpc.ManagedChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A comparator process is killed again and again while two routers bring evidence. What it reports
 * in the end is what one reports that nobody killed, and the log on its disk folds to those bytes.
 */
class ComparatorKillTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long START = 1_767_225_600L;
  private static final int SECONDS = 600;
  private static final int KILLS = 6;
  private static final String ROLLOUT = "killed";

  @TempDir Path folder;

  private final Random random = new Random(20_260_101);

  private static EvaluationSpec spec() {
    return EvaluationSpec.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("fraud")
        .setAttempt(1)
        .setChampionVersion("1")
        .setChallengerVersion("2")
        .setAlpha(0.01)
        .setBeta(0.05)
        .setAlphaSplit(0.001)
        .setStartedUnixMs(START * 1000)
        .addMetrics(
            MetricSpec.newBuilder()
                .setName("errors")
                .setKind(MetricKind.FAILURES)
                .setCritical(true)
                .setWeight(1)
                .setMargin(0.01)
                .setLimit(1))
        .build();
  }

  private static Cell cell(Role role, Random counts, int calls) {
    int bad = counts.nextInt(3);
    return Cell.newBuilder()
        .setRolloutId(ROLLOUT)
        .setModel("fraud")
        .setRule("default")
        .setDecisionRevision(1)
        .setCanaryWeightBp(2500)
        .setRole(role)
        .setVersion(role == Role.CANARY ? "2" : "1")
        .setAssigned(calls)
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.OK).setCount(calls - bad))
        .addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.BAD_INTERNAL).setCount(bad))
        .setLatency(LatencyCounts.newBuilder().addIndex(1600 + counts.nextInt(200)).addCount(calls))
        .addSlices(
            SliceCell.newBuilder()
                .setLabel(SliceLabel.newBuilder().setSlice("country").setValue("UY"))
                .setOk(calls - bad)
                .setBad(bad))
        .build();
  }

  /** The second's counts, the same whenever they are asked for. */
  private static EvidenceBlock.Builder counts(String router, int i) {
    Random counts = new Random(31L * i + router.hashCode());
    return EvidenceBlock.newBuilder()
        .setSecond(START + i)
        .addCells(cell(Role.CANARY, counts, 25))
        .addCells(cell(Role.CHAMPION, counts, 75))
        .addPairs(
            PairCell.newBuilder()
                .setRolloutId(ROLLOUT)
                .setModel("fraud")
                .setRole(Role.SHADOW)
                .setVersion("2")
                .setBothOk(10)
                .setOnlyCopyBad(counts.nextInt(2)));
  }

  private static EvidenceReport report(ManagedChannel channel) {
    return EvidenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(30, TimeUnit.SECONDS)
        .getReport(ReportRequest.newBuilder().setRolloutId(ROLLOUT).build());
  }

  /** What does not depend on when a record was written and which seconds are in one. */
  private static EvidenceReport comparable(EvidenceReport report) {
    EvidenceReport.Builder same =
        EvidenceReport.newBuilder()
            .setRolloutId(report.getRolloutId())
            .setSpecDigest(report.getSpecDigest())
            .addAllArms(report.getArmsList())
            .setPairs(report.getPairs())
            .setPairDiscordantCopyBad(report.getPairDiscordantCopyBad())
            .setGaps(report.getGaps());
    same.getSplitBuilder()
        .setResult(report.getSplit().getResult())
        .setActualShare(report.getSplit().getActualShare());
    for (MetricReport metric : report.getMetricsList()) {
      same.addMetrics(
          MetricReport.newBuilder()
              .setName(metric.getName())
              .setResult(metric.getResult())
              .setObservations(metric.getObservations())
              .setEstimate(Math.round(metric.getEstimate() * 1e9) / 1e9)
              .setLogAgainst(Math.round(metric.getLogAgainst() * 1e6) / 1e6));
    }
    return same.build();
  }

  private ServiceProcess start(Path state) throws Exception {
    Path config = folder.resolve("comparator.yaml");
    Files.writeString(config, "listen: 127.0.0.1:0\nstate: " + state + "\n");
    return ServiceProcess.start(
        "comparator",
        folder,
        List.of("-Xmx192m", "-XX:TieredStopAtLevel=1"),
        List.of("comparator", "--config", config.toString()));
  }

  private static ManagedChannel channel(Map<String, Integer> ports) {
    return Channels.open(
        HostPort.loopback(Objects.requireNonNull(ports.get("grpc"))), ChannelOptions.plaintext());
  }

  private static void startEvaluation(ManagedChannel channel) {
    var _ =
        EvidenceServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(30, TimeUnit.SECONDS)
            .startEvaluation(spec());
  }

  private EvidenceReport uninterrupted() throws Exception {
    try (Comparator comparator =
        Comparator.start(ComparatorConfig.local(folder.resolve("quiet")))) {
      ManagedChannel channel = channel(comparator.ports());
      try {
        startEvaluation(channel);
        for (String name : List.of("a", "b")) {
          FakeRouter router = new FakeRouter(name, name + "-boot");
          router.connect(channel);
          for (int i = 0; i < SECONDS; i++) {
            router.second(counts(name, i));
          }
          assertTrue(router.awaitAcknowledged(SECONDS, PATIENCE));
        }
        return report(channel);
      } finally {
        Channels.close(channel, Duration.ZERO);
      }
    }
  }

  @Test
  @Timeout(300)
  void killedAtAnyTimeItReportsWhatOneReportsThatNobodyKilled() throws Exception {
    Path state = folder.resolve("killed");
    FakeRouter a = new FakeRouter("a", "a-boot");
    FakeRouter b = new FakeRouter("b", "b-boot");
    int next = 0;
    for (int life = 0; life < KILLS; life++) {
      try (ServiceProcess process = start(state)) {
        ManagedChannel channel = channel(process.awaitReady(PATIENCE));
        startEvaluation(channel);
        a.connect(channel);
        b.connect(channel);
        long killAt = System.nanoTime() + (20 + random.nextInt(600)) * 1_000_000L;
        while (System.nanoTime() < killAt) {
          if (next < SECONDS * (life + 1) / (KILLS + 1)) {
            a.second(counts("a", next));
            b.second(counts("b", next));
            next++;
          }
          TimeUnit.MILLISECONDS.sleep(1); // Seconds pass quickly, but not all at once.
        }
        process.kill();
        Channels.close(channel, Duration.ZERO);
      }
      assertTrue(a.awaitDisconnected(PATIENCE));
      assertTrue(b.awaitDisconnected(PATIENCE));
    }
    EvidenceReport served;
    try (ServiceProcess process = start(state)) {
      ManagedChannel channel = channel(process.awaitReady(PATIENCE));
      try {
        a.connect(channel);
        b.connect(channel);
        for (; next < SECONDS; next++) {
          a.second(counts("a", next));
          b.second(counts("b", next));
        }
        assertTrue(a.awaitAcknowledged(SECONDS, PATIENCE), "a: " + a.acknowledged());
        assertTrue(b.awaitAcknowledged(SECONDS, PATIENCE), "b: " + b.acknowledged());
        var _ =
            EvidenceServiceGrpc.newBlockingStub(channel)
                .stopEvaluation(StopEvaluationRequest.newBuilder().setRolloutId(ROLLOUT).build());
        served = report(channel);
      } finally {
        Channels.close(channel, Duration.ZERO);
      }
    }
    assertEquals(comparable(uninterrupted()), comparable(served));
    assertEquals(0, served.getGaps());
    assertEquals(2L * SECONDS * 100, served.getMetrics(0).getObservations());

    EvidenceFold fold = new EvidenceFold();
    try (EvidenceLog log =
        EvidenceLog.open(
            state.resolve("r-" + ROLLOUT),
            LogFiles.system(),
            EvidenceLog.SEGMENT_BYTES,
            fold::accept)) {
      assertEquals(served.getLogSequence(), log.sequence());
    }
    assertEquals(served.toByteString(), fold.report().toByteString());
  }
}
