package dev.understudy.comparator;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.Blocks;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.testing.FakeRouter;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StartWatchRequest;
import dev.understudy.proto.v1.StopEvaluationRequest;
import dev.understudy.proto.v1.WatchSpec;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What routers, the controller and people meet at the comparator's port. */
class EvidenceServicesTest {
  @TempDir Path folder;

  private static StartWatchRequest watch(int horizonSeconds, long startedUnixMs) {
    return StartWatchRequest.newBuilder()
        .setRolloutId("r")
        .setWatch(
            WatchSpec.newBuilder()
                .setAlpha(0.01)
                .setHorizonSeconds(horizonSeconds)
                .setKeptBp(500)
                .setStartedUnixMs(startedUnixMs))
        .build();
  }

  private static Status.Code code(Runnable call) {
    return assertThrows(StatusRuntimeException.class, call::run).getStatus().getCode();
  }

  @Test
  void aWatchIsLoggedOnceAndAnotherIsRefused() throws Exception {
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      assertEquals(Status.Code.NOT_FOUND, code(() -> rig.service().startWatch(watch(600, 1))));
      rig.service().startEvaluation(Rig.spec());
      rig.service().startWatch(watch(600, 1));
      rig.service().startWatch(watch(600, 1));
      rig.service().startWatch(watch(600, 2)); // Asked again by a controller that has restarted.
      assertEquals(
          Status.Code.FAILED_PRECONDITION, code(() -> rig.service().startWatch(watch(601, 1))));
      assertEquals(Status.Code.INVALID_ARGUMENT, code(() -> rig.service().startWatch(watch(0, 1))));
      assertEquals(1, rig.log().stream().filter(EvidenceLogRecord::hasWatch).count());
    }
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      rig.service().startWatch(watch(600, 3));
      assertEquals(watch(600, 1).getWatch(), rig.log().getLast().getWatch());
      rig.service().stopEvaluation(StopEvaluationRequest.newBuilder().setRolloutId("r").build());
      rig.service().startWatch(watch(600, 4)); // It has been watched, so there is nothing to do.
    }
  }

  @Test
  void aRouterThatLiesAboutTheShareIsFoundByTheSplit() throws Exception {
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      rig.service().startEvaluation(Rig.spec());
      FakeRouter honest = new FakeRouter("honest", "h1");
      FakeRouter liar = new FakeRouter("liar", "l1");
      honest.connect(rig.channel);
      for (int i = 1; i <= 40; i++) {
        honest.second(START + i, Rig.good(), List.of());
      }
      assertTrue(honest.awaitAcknowledged(40, Rig.PATIENCE));
      assertEquals(Result.UNDECIDED, rig.report().getSplit().getResult());
      // It sends a quarter to the canary and says that it was a tenth.
      List<Cell> lies =
          Rig.good().stream()
              .map(cell -> cell.toBuilder().setCanaryWeightBp(1000).build())
              .toList();
      liar.connect(rig.channel);
      for (int i = 41; i <= 60; i++) {
        honest.second(START + i, Rig.good(), List.of());
        liar.second(START + i, lies, List.of());
      }
      assertTrue(liar.awaitAcknowledged(20, Rig.PATIENCE));
      assertTrue(honest.awaitAcknowledged(60, Rig.PATIENCE));
      EvidenceReport report = rig.report();
      assertEquals(Result.AGAINST, report.getSplit().getResult(), report.getSplit().toString());
      assertTrue(report.getSplit().getStatement().contains("the split is not"), report::toString);
    }
  }

  @Test
  void tenMinutesOfOutageLoseNoBlock() throws Exception {
    ManualTime time = new ManualTime();
    time.advance(Duration.ofMinutes(1));
    FakeRouter a = new FakeRouter("a", "a1");
    FakeRouter b = new FakeRouter("b", "b1");
    List<FakeRouter> routers = List.of(a, b);
    EvidenceReport before;
    try (Rig rig = new Rig(ComparatorConfig.local(folder), time)) {
      rig.service().startEvaluation(Rig.spec());
      for (FakeRouter router : routers) {
        router.connect(rig.channel);
      }
      for (int i = 1; i <= 5; i++) {
        count(routers, time);
        for (FakeRouter router : routers) {
          assertTrue(router.awaitAcknowledged(i, Rig.PATIENCE));
        }
      }
      before = rig.report();
      assertEquals(0, before.getGaps());
    }
    for (FakeRouter router : routers) {
      assertTrue(router.awaitDisconnected(Rig.PATIENCE));
    }
    for (int i = 0; i < 600; i++) {
      count(routers, time);
    }
    try (Rig rig = new Rig(ComparatorConfig.local(folder), time)) {
      routers.forEach(router -> router.connect(rig.channel));
      for (FakeRouter router : routers) {
        assertTrue(router.awaitAcknowledged(605, Rig.PATIENCE));
      }
      EvidenceReport report = rig.report();
      assertEquals(before.getBlocks() + 600, report.getBlocks());
      assertEquals(before.getLateBlocks(), report.getLateBlocks());
      assertEquals(0, report.getGaps());
      assertEquals(605 * 200, report.getMetrics(0).getObservations());
      assertEquals(
          600,
          rig.log().stream()
              .filter(EvidenceLogRecord::hasBlock)
              .map(EvidenceLogRecord::getBlock)
              .filter(block -> block.getSecond() > Math.floorDiv(before.getAsOfUnixMs(), 1000L) - 1)
              .filter(block -> block.getRouters() == 2)
              .count());
    }
  }

  private static void count(List<FakeRouter> routers, ManualTime time) {
    long second = Math.floorDiv(time.wallMillis(), 1000L);
    time.advance(Duration.ofSeconds(1));
    routers.forEach(router -> router.second(second, Rig.good(), List.of()));
  }

  @Test
  void theMostDivergentPairsAreKeptWholeAndSurviveARestart() throws Exception {
    ReadPairsRequest all = ReadPairsRequest.newBuilder().setRolloutId("r").build();
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      assertEquals(Status.Code.NOT_FOUND, code(() -> rig.service().readPairs(all).next()));
      rig.service().startEvaluation(Rig.spec());
      rig.compare(
          List.of(
              Rig.comparison("mild", Role.SHADOW, Rig.probability(.4f), Rig.probability(.45f)),
              Rig.comparison("wild", Role.SHADOW, Rig.probability(.1f), Rig.probability(.9f)),
              Rig.comparison("same", Role.SHADOW, Rig.probability(.2f), Rig.probability(.2f))));
      rig.awaitReport(r -> r.getSwapSet().getPairs() == 3);
    }
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      List<KeptPair> kept = new ArrayList<>();
      rig.service().readPairs(all).forEachRemaining(kept::add);
      assertEquals("wild", kept.get(0).getComparison().getPredictionId());
      assertEquals(819, kept.get(0).getDivergence());
      assertEquals(Rig.probability(.9f), kept.get(0).getComparison().getOutputs(0));
      assertEquals("mild", kept.get(1).getComparison().getPredictionId());
      List<KeptPair> one = new ArrayList<>();
      rig.service().readPairs(all.toBuilder().setMost(1).build()).forEachRemaining(one::add);
      assertEquals(kept.subList(0, 1), one);
    }
  }

  @Test
  void onlyLogsOfStoppedEvaluationsAreRemovedWhenTheirTimeIsUp() throws Exception {
    ManualTime time = new ManualTime();
    ComparatorConfig config = ComparatorConfig.local(folder);
    try (Rig rig = new Rig(config, time)) {
      for (String id : List.of("old", "new", "open")) {
        rig.service().startEvaluation(Blocks.spec(id).build());
      }
      stop(rig, "old");
      time.advance(Duration.ofDays(300));
      stop(rig, "new");
    }
    time.advance(Duration.ofDays(101));
    try (Rig rig = new Rig(config, time)) {
      Rig.await("one has gone", () -> rig.comparator.counters().get(Counter.LOGS_EXPIRED) == 1);
      assertEquals(List.of("new", "open"), list(rig));
      assertFalse(Files.exists(folder.resolve("r-old")));
      rig.service().startEvaluation(Blocks.spec("old").build());
      assertEquals(List.of("new", "old", "open"), list(rig));
    }
    try (Rig rig = new Rig(config.withRetention(Duration.ofDays(400), 1), time)) {
      Rig.await("another is too much", () -> list(rig).equals(List.of("old", "open")));
    }
  }

  private static void stop(Rig rig, String id) {
    rig.service().stopEvaluation(StopEvaluationRequest.newBuilder().setRolloutId(id).build());
  }

  private static List<String> list(Rig rig) {
    return rig.service()
        .listEvaluations(ListEvaluationsRequest.getDefaultInstance())
        .getRolloutIdsList();
  }

  @Test
  void prometheusReadsWhatWasCounted() throws Exception {
    try (Rig rig = new Rig(ComparatorConfig.local(folder).withMetrics(HostPort.loopback(0)))) {
      rig.service().startEvaluation(Rig.spec());
      FakeRouter router = new FakeRouter("a", "a1");
      router.connect(rig.channel);
      router.second(START + 1, Rig.good(), List.of());
      assertTrue(router.awaitAcknowledged(1, Rig.PATIENCE));
      int port = rig.comparator.ports().getOrDefault("metrics", 0);
      String page;
      try (HttpClient client = HttpClient.newHttpClient()) {
        page =
            client
                .send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString())
                .body();
      }
      assertTrue(page.contains("\ncomparator_blocks_total 1"), page);
      assertTrue(page.contains("\ncomparator_logs_damaged 0"), page);
      assertTrue(page.contains("\ncomparator_evaluations 1"), page);
      assertTrue(page.contains("\ncomparator_blocks_future_total 0"), page);
    }
  }
}
