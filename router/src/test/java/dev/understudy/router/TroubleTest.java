package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.testing.FakeBackend;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class TroubleTest {
  private static final Map<String, Integer> ALL_GOOD = Map.of("version 1", 100);

  @Test
  void aFailingCanaryIsRescuedAndStillJudged() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL.withDescription("boom")));
      assertEquals(ALL_GOOD, rig.inferMany(100, request -> request));
      Rig.eventually("all are counted", () -> rig.ended(Role.CANARY) == 100);
      assertEquals(100, rig.outcomes(Role.CANARY, Outcome.BAD_INTERNAL));
      assertEquals(100, rig.cells(Role.CANARY).mapToLong(Cell::getRescued).sum());
      assertEquals(0, rig.assigned(Role.CHAMPION));
      assertTrue(rig.cells(Role.CANARY).allMatch(cell -> cell.getFirstBadUnixMs() > 0));
      assertEquals(100, rig.cells(Role.CANARY).mapToInt(Cell::getLongestBadRun).max().orElse(0));
      Rig.eventually("lineage has come", () -> rig.lineage().size() == 100);
      LineageRecord record = rig.lineage().getFirst();
      assertEquals(Role.CANARY, record.getAssignedRole());
      assertEquals(Role.CHAMPION, record.getAnsweredRole());
      assertEquals("1", record.getVersion());
      assertEquals("digest-1", record.getDigest());
      assertEquals(Outcome.BAD_INTERNAL, record.getOutcome());
      assertEquals(0, record.getStatusCode());
      assertEquals(10_000, record.getCanaryWeightBp());
    }
  }

  @Test
  void aRescueSpeaksForNoArmInUnpairedEvidence() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 5000, 0, route -> route.setPayloadSampleBp(10_000));
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL.withDescription("boom")));
      assertEquals(Map.of("version 1", 60), rig.inferMany(60, request -> request));
      Rig.eventually("payloads have come", () -> rig.receivers.payloads().size() == 60);
      Rig.eventually("lineage has come", () -> rig.lineage().size() == 60);
      Map<String, Role> assigned =
          rig.lineage().stream()
              .collect(
                  Collectors.toMap(LineageRecord::getPredictionId, LineageRecord::getAssignedRole));
      assertEquals(Set.of(Role.CHAMPION, Role.CANARY), Set.copyOf(assigned.values()));
      for (PayloadRecord payload : rig.receivers.payloads()) {
        assertEquals(Role.CHAMPION, payload.getRole());
        boolean rescued = assigned.get(payload.getPredictionId()) == Role.CANARY;
        assertEquals(rescued ? 0 : 5000, payload.getCanaryWeightBp());
      }
    }
  }

  @Test
  void rescuesEndWithTheirAllowance() throws Exception {
    try (Rig rig = Rig.watching("upstream: {failoverBurst: 10}\n")) {
      rig.offer(1, 10_000, 0, route -> route.setFailoverBp(1000));
      rig.canary.behave(FakeBackend.failing(Status.INTERNAL.withDescription("boom")));
      Map<String, Integer> results = rig.inferMany(100, request -> request);
      // Ten at the start, and one for every ten calls.
      int rescued = results.getOrDefault("version 1", 0);
      assertTrue(rescued >= 19 && rescued <= 21, results.toString());
      assertEquals(100 - rescued, results.getOrDefault("INTERNAL", 0));
    }
  }

  @Test
  void killingTheCanaryCostsNoCallAndItsShareFallsToNothing() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 5000, 0, route -> route);
      rig.inferMany(20, request -> request);
      rig.canary.kill();
      Map<String, Integer> results = rig.inferMany(300, request -> request);
      assertEquals(Map.of("version 1", 300), results);
      Rig.eventually(
          "the breaker has put the share at 0",
          () -> rig.cells(Role.CHAMPION).anyMatch(cell -> cell.getCanaryWeightBp() == 0));
      assertTrue(rig.outcomes(Role.CANARY, Outcome.BAD_UNAVAILABLE) >= 10);
      rig.canary.revive();
      Rig.eventually(
          "the canary serves again",
          () -> rig.inferMany(5, request -> request).containsKey("version 2"));
    }
  }

  @Test
  void aFrozenCanaryCostsNoCallEvenWithinAShortDeadline() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      // Connections are made first: that takes its own time, which is not the canary's.
      rig.infer();
      rig.canary.behave(FakeBackend.hanging());
      for (int i = 0; i < 2; i++) {
        assertEquals(
            "1",
            rig.stub()
                .withDeadlineAfter(2000, TimeUnit.MILLISECONDS)
                .modelInfer(Rig.request())
                .getModelVersion());
      }
      Rig.eventually(
          "try timeouts are bad", () -> rig.outcomes(Role.CANARY, Outcome.BAD_TRY_TIMEOUT) == 2);
    }
  }

  @Test
  void aKilledChampionIsUnavailableAndNeverAHang() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 0, route -> route);
      rig.infer();
      rig.champion.kill();
      long before = System.nanoTime();
      for (int i = 0; i < 30; i++) {
        assertEquals(Status.Code.UNAVAILABLE, Rig.failure(rig::infer).getStatus().getCode());
      }
      assertTrue(System.nanoTime() - before < TimeUnit.SECONDS.toNanos(10));
      rig.champion.revive();
      Rig.eventually(
          "it serves again", () -> rig.inferMany(1, request -> request).containsKey("version 1"));
    }
  }

  @Test
  void killingTheChampionUnderACallIsUnavailable() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 0, route -> route);
      rig.champion.behave(FakeBackend.hanging());
      Thread killer =
          Thread.ofVirtual()
              .start(() -> {
                Rig.eventually("the call has arrived", () -> rig.champion.calls() == 1);
                rig.champion.kill();
              });
      assertEquals(Status.Code.UNAVAILABLE, Rig.failure(rig::infer).getStatus().getCode());
      killer.join();
    }
  }

  @Test
  void aFrozenChampionEndsWithTheTryTimeout() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 0, 0, route -> route.setTryTimeoutMs(200));
      rig.champion.behave(FakeBackend.hanging());
      assertEquals(
          "UNAVAILABLE backend " + rig.champion.address() + " did not answer within 200 ms",
          Rig.told(Rig.failure(rig::infer)));
    }
  }

  @Test
  void aChampionsOtherBackendAnswersButRepairsNoEvidence() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(
          1,
          0,
          0,
          route ->
              route.setArms(0, route.getArms(0).toBuilder().addEndpoints(rig.canary.address())));
      rig.champion.kill();
      assertEquals(Map.of("version 1", 60), rig.inferMany(60, request -> request));
      Rig.eventually("all are counted", () -> rig.ended(Role.CHAMPION) == 60);
      assertTrue(rig.outcomes(Role.CHAMPION, Outcome.BAD_UNAVAILABLE) > 0);
    }
  }

  @Test
  void notANumberFromTheCanaryIsRescuedAndFromTheChampionRefused() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.ok(Float.NaN));
      assertEquals(ALL_GOOD, rig.inferMany(100, request -> request));
      Rig.eventually(
          "NaN is bad", () -> rig.outcomes(Role.CANARY, Outcome.BAD_OUTPUT_GUARD) == 100);
      rig.offer(2, 0, 0, route -> route);
      rig.champion.behave(FakeBackend.ok(Float.NaN));
      StatusRuntimeException e = Rig.failure(rig::infer);
      assertEquals(
          "INTERNAL model 'fraud' answered with NaN or an infinity in output 'p' (element 0)",
          Rig.told(e));
      Rig.eventually(
          "NaN is bad", () -> rig.outcomes(Role.CHAMPION, Outcome.BAD_OUTPUT_GUARD) == 1);
    }
  }

  @Test
  void invalidArgumentAfterValidationIsTheArmsFault() throws Exception {
    try (Rig rig = Rig.watching("")) {
      rig.offer(1, 10_000, 0, route -> route);
      rig.canary.behave(FakeBackend.failing(Status.INVALID_ARGUMENT.withDescription("no")));
      assertEquals("1", rig.infer().getModelVersion());
      Rig.eventually(
          "it is bad", () -> rig.outcomes(Role.CANARY, Outcome.BAD_INVALID_ARGUMENT) == 1);
    }
  }
}
