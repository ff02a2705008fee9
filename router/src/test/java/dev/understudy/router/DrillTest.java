package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DrillTest {
  private static ModelRoute.Builder drilled(
      ModelRoute.Builder route, Role role, InjectedFault fault) {
    route.getArmsBuilderList().stream()
        .filter(arm -> arm.getRole() == role)
        .forEach(arm -> arm.setFault(fault));
    return route;
  }

  private static InjectedFault errors(int bp) {
    return InjectedFault.newBuilder().setErrorsBp(bp).build();
  }

  private static InjectedFault delay(int bp, long millis) {
    return InjectedFault.newBuilder().setDelayBp(bp).setDelayMs(millis).build();
  }

  private static String metrics(Rig rig) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI page =
          URI.create(
              "http://127.0.0.1:" + rig.router.ports().getOrDefault("metrics", 0) + "/metrics");
      return client.send(HttpRequest.newBuilder(page).build(), BodyHandlers.ofString()).body();
    }
  }

  @Test
  void injectedErrorsCountAgainstTheCanaryAndTheChampionRescuesThem() throws Exception {
    try (Rig rig = Rig.watching("metrics: 127.0.0.1:0\n")) {
      rig.offer(1, 10_000, 0, route -> drilled(route, Role.CANARY, errors(10_000)));
      assertEquals(Map.of("version 1", 100), rig.inferMany(100, request -> request));
      Rig.eventually("all are counted", () -> rig.ended(Role.CANARY) == 100);
      assertEquals(100, rig.outcomes(Role.CANARY, Outcome.BAD_UNAVAILABLE));
      assertEquals(100, rig.cells(Role.CANARY).mapToLong(Cell::getRescued).sum());
      // The backend is well and stays in use: 100 failures of its own would have opened its
      // breaker.
      assertEquals(100, rig.canary.calls());
      assertTrue(rig.cells(Role.CANARY).allMatch(cell -> cell.getCanaryWeightBp() == 10_000));
      String page = metrics(rig);
      assertTrue(page.contains("router_drill_errors_total 100.0"), page);
      assertTrue(page.contains("router_drill_delays_total 0.0"), page);
      assertTrue(
          page.contains(
              "router_requests_total{model=\"fraud\",role=\"champion\",status=\"OK\"} 100.0"),
          page);
    }
  }

  @Test
  void aShareOfErrorsIsDrawnIndependentlyOfTheSplit() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 5000, 0, route -> drilled(route, Role.CANARY, errors(3000)));
      assertFalse(rig.inferMany(600, request -> request).containsKey("UNAVAILABLE"));
      Rig.eventually(
          "all are counted", () -> rig.ended(Role.CANARY) + rig.ended(Role.CHAMPION) == 600);
      assertEquals(0, rig.outcomes(Role.CHAMPION, Outcome.BAD_UNAVAILABLE));
      // Drawn with the split's own hash, all or none of the lower half's calls would be spoiled.
      double share =
          rig.outcomes(Role.CANARY, Outcome.BAD_UNAVAILABLE) / (double) rig.ended(Role.CANARY);
      assertTrue(share > 0.17 && share < 0.43, "about 0.3: " + share);
    }
  }

  @Test
  void whatIsNotJudgedIsNotSpoiled() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> drilled(route, Role.CANARY, errors(10_000)));
      // Pinned: nobody could rescue it.
      assertEquals(
          Map.of("version 2", 5),
          rig.inferMany(5, request -> request.toBuilder().setModelVersion("2").build()));
    }
  }

  @Test
  void aHeldAnswerComesWhenItsTimeIsOverAndCountsAsSlow() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(
          1,
          10_000,
          0,
          route -> drilled(route, Role.CANARY, delay(10_000, 2000)).setTryTimeoutMs(3_600_000));
      var answer =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(1000, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("it is held", () -> rig.held() == 1);
      time.advance(Duration.ofMillis(1999));
      assertFalse(answer.isDone());
      time.advance(Duration.ofMillis(1));
      assertEquals("2", answer.get(10, TimeUnit.SECONDS).getModelVersion());
      Rig.eventually(
          "it is counted",
          () -> {
            time.advance(Duration.ofMillis(100));
            return rig.outcomes(Role.CANARY, Outcome.OK) == 1;
          });
      LatencyCounts latency =
          rig.cells(Role.CANARY)
              .map(Cell::getLatency)
              .filter(counts -> counts.getIndexCount() > 0)
              .findFirst()
              .orElseThrow();
      assertEquals(List.of(LatencyGrid.index(2_000_000_000L)), latency.getIndexList());
    }
  }

  @Test
  void anAnswerHeldLongerThanTheTryMayTakeIsATryTimeoutAndIsRescuedInTime() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(
          1,
          10_000,
          0,
          route ->
              drilled(route, Role.CANARY, delay(10_000, 3_600_000)).setTryTimeoutMs(3_600_000));
      var answer =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(1000, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("it is held", () -> rig.held() == 1);
      // Half of the time to the deadline.
      time.advance(Duration.ofSeconds(501));
      assertEquals("1", answer.get(10, TimeUnit.SECONDS).getModelVersion());
      Rig.eventually(
          "it is counted",
          () -> {
            time.advance(Duration.ofMillis(100));
            return rig.outcomes(Role.CANARY, Outcome.BAD_TRY_TIMEOUT) == 1;
          });
    }
  }

  @Test
  void aClientThatCancelsWhileItsAnswerIsHeldIsCensored() throws Exception {
    ManualTime time = new ManualTime();
    try (Rig rig = Rig.watching(time, ManualScheduler.on(time), "")) {
      rig.offer(
          1,
          10_000,
          0,
          route -> drilled(route, Role.CANARY, delay(10_000, 2000)).setTryTimeoutMs(3_600_000));
      var answer =
          GRPCInferenceServiceGrpc.newFutureStub(rig.channel)
              .withDeadlineAfter(1000, TimeUnit.SECONDS)
              .modelInfer(Rig.request());
      Rig.eventually("it is held", () -> rig.held() == 1);
      assertTrue(answer.cancel(true));
      Rig.eventually(
          "it is censored",
          () -> {
            time.advance(Duration.ofMillis(1));
            return rig.outcomes(Role.CANARY, Outcome.CANCELLED_BY_CLIENT) == 1;
          });
      assertEquals(1, rig.ended(Role.CANARY));
    }
  }

  @Test
  void copiesAreSpoiledTooAndTheClientNeverKnows() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 10_000, route -> drilled(route, Role.SHADOW, errors(10_000)));
      assertEquals(Map.of("version 1", 20), rig.inferMany(20, request -> request));
      Rig.eventually("all are discordant", () -> rig.pairs().getOnlyCopyBad() == 20);
      rig.offer(2, 0, 10_000, route -> drilled(route, Role.SHADOW, delay(10_000, 30)));
      assertEquals(Map.of("version 1", 20), rig.inferMany(20, request -> request));
      Rig.eventually("all are pairs", () -> rig.pairs().getBothOk() == 20);
      long slow =
          rig.blocks().stream()
              .flatMap(block -> block.getPairsList().stream())
              .mapToLong(pair -> {
                LatencyCounts latency = pair.getCopyLatency();
                long above = 0;
                for (int i = 0; i < latency.getIndexCount(); i++) {
                  above +=
                      LatencyGrid.lowerNanos(latency.getIndex(i)) >= 29_000_000
                          ? latency.getCount(i)
                          : 0;
                }
                return above;
              })
              .sum();
      assertTrue(slow >= 20, "held copies: " + slow);
    }
  }

  @Test
  void noTableSpoilsAChampionOrAControl() throws Exception {
    try (Rig rig = Rig.watching("")) {
      assertEquals(
          "model 'fraud' arm 'champion' has faults injected (expected: only a canary or a shadow"
              + " has)",
          refusal(rig, drilled(rig.route(0, 0).toBuilder(), Role.CHAMPION, errors(1))));
      ModelRoute.Builder control =
          rig.route(0, 0).toBuilder()
              .addArms(Rig.arm("control", Role.CONTROL, "1", rig.champion).toBuilder())
              .setControlWeightBp(100);
      assertEquals(
          "model 'fraud' arm 'control' has faults injected (expected: only a canary or a shadow"
              + " has)",
          refusal(rig, drilled(control, Role.CONTROL, delay(1, 1))));
      assertEquals(
          "model 'fraud' arm 'canary' has faults injected into more than the whole of its traffic",
          refusal(rig, drilled(rig.route(100, 0).toBuilder(), Role.CANARY, errors(10_001))));
      assertEquals(
          "model 'fraud' arm 'canary' has answers held back for 18446744073709551615 ms (expected:"
              + " 0 to 3600000)",
          refusal(rig, drilled(rig.route(100, 0).toBuilder(), Role.CANARY, delay(1, -1))));
    }
  }

  private static String refusal(Rig rig, ModelRoute.Builder route) {
    return rig.router.offer(
        RoutingTable.newBuilder().setEpoch(1).setRevision(1).addModels(route).build());
  }

  @Test
  void anArmThatCannotBeAskedIsSaidToBeSoAndOnlyThen() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 5000, 10_000, route -> route);
      rig.inferMany(40, request -> request);
      Rig.eventually("blocks have come", () -> rig.ended(Role.CANARY) > 0);
      assertEquals(0, arms(rig, Role.CANARY).size() + arms(rig, Role.SHADOW).size());
      rig.canary.kill();
      rig.shadow.kill();
      rig.inferMany(300, request -> request);
      Rig.eventually(
          "a whole second of the canary is told",
          () ->
              arms(rig, Role.CANARY).stream()
                  .anyMatch(arm -> arm.getBreakerOpenMs() >= 900 && arm.getNotReadyMs() >= 900));
      Rig.eventually(
          "and of the shadow",
          () -> arms(rig, Role.SHADOW).stream().anyMatch(arm -> arm.getNotReadyMs() >= 900));
      ArmState shadow = arms(rig, Role.SHADOW).getFirst();
      assertEquals("rollout-1", shadow.getRolloutId());
      assertEquals(Rig.MODEL, shadow.getModel());
      assertEquals(0, shadow.getBreakerOpenMs(), "copies have no breaker");
      for (ArmState arm : arms(rig, Role.CANARY)) {
        assertTrue(arm.getBreakerOpenMs() <= 1000 && arm.getNotReadyMs() <= 1000, arm.toString());
      }
      assertEquals(0, arms(rig, Role.CHAMPION).size());
    }
  }

  private static List<ArmState> arms(Rig rig, Role role) {
    return rig.blocks().stream()
        .flatMap(block -> block.getArmsList().stream())
        .filter(arm -> arm.getRole() == role)
        .toList();
  }
}
