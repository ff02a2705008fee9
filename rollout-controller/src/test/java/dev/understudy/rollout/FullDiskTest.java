package dev.understudy.rollout;

import static dev.understudy.rollout.ControllerRig.MODEL;
import static dev.understudy.rollout.ControllerRig.PLAN;
import static dev.understudy.rollout.ControllerRig.command;
import static dev.understudy.rollout.ControllerRig.report;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.ReadAuditRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.VerifyAuditRequest;
import dev.understudy.rollout.testing.FakeRouter;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A controller that cannot store what it decides risks nothing more. */
@Timeout(60)
class FullDiskTest {
  private static final Duration TICK = Duration.ofMillis(200);
  private static final Duration RENEWAL = Duration.ofSeconds(2);

  @TempDir Path directory;
  private ControllerRig rig;

  @BeforeEach
  void start() throws Exception {
    rig = new ControllerRig(directory);
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  private static ModelRoute route(RoutingTable table) {
    return table.getModels(0);
  }

  private static boolean servesAlone(RoutingTable table, String version) {
    return route(table).getArmsCount() == 1
        && route(table).getArms(0).getRole() == Role.CHAMPION
        && route(table).getArms(0).getVersion().equals(version);
  }

  private void speakAgainst(RolloutStatus rollout) {
    rig.judge.report(
        rollout.getRolloutId(),
        report(200, Result.AGAINST).setLogAgainst(Math.log(100)).setStatement("41 times worse"));
  }

  /** Makes room and lets the engine look, until the status is as expected. */
  private RolloutStatus recover(Phase phase) throws Exception {
    rig.fullDisk(false);
    return rig.await(status -> {
      rig.advance(TICK);
      return status.getPhase() == phase;
    });
  }

  @Test
  void canaryThatMustGoIsTakenOutThoughTheAbortCannotBeStored() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus canary = rig.to(Phase.PROGRESSING, 1);
      RoutingTable shared = router.await(t -> route(t).getCanaryWeightBp() == 500);
      rig.fullDisk(true);
      speakAgainst(canary);
      RoutingTable alone = router.await(t -> servesAlone(t, "1"));
      assertEquals(shared.getRevision() + 1, alone.getRevision());
      RolloutStatus told = rig.await(s -> s.getHeadline().contains("could not be stored"));
      assertTrue(told.getHeadline().contains("41 times worse"), told.getHeadline());
      assertEquals(Phase.PROGRESSING, told.getPhase(), "what is stored");
      assertEquals(0, told.getCanaryWeightBp(), "what is in force");

      rig.advance(RENEWAL.multipliedBy(4));
      rig.status();
      assertEquals(0, router.renewals());
      assertEquals(alone, router.await(t -> true), "the stop is sent once");

      RolloutStatus aborted = recover(Phase.DEGRADED);
      assertTrue(aborted.getHeadline().contains("41 times worse"), aborted.getHeadline());
      RoutingTable after = router.await(t -> t.getRevision() > alone.getRevision() + 1);
      assertTrue(servesAlone(after, "1"));
      rig.advance(RENEWAL);
      router.awaitRenewals(1);
      assertTrue(
          rig.commands().verifyAudit(VerifyAuditRequest.getDefaultInstance()).getIntact(),
          "the audit log");
    }
  }

  @Test
  void tableAfterARestartIsTakenThoughARevisionWasNeverStored() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus canary = rig.to(Phase.PROGRESSING, 1);
      rig.fullDisk(true);
      speakAgainst(canary);
      RoutingTable alone = router.await(t -> servesAlone(t, "1"));
      rig.fullDisk(false);
      rig.restart();
      try (var again = new FakeRouter("r1", rig.address(), alone.getEpoch())) {
        RoutingTable next = again.await(t -> true);
        assertTrue(next.getEpoch() > alone.getEpoch());
        speakAgainst(canary);
        again.await(t -> servesAlone(t, "1"));
        rig.await(s -> {
          rig.advance(TICK);
          return s.getPhase() == Phase.DEGRADED;
        });
      }
    }
  }

  @Test
  void stopByHandIsInForceButNoSuccessUntilItIsStored() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.PROGRESSING, 2);
      rig.fullDisk(true);
      Status refused =
          assertThrows(StatusRuntimeException.class, () -> rig.commands().rollback(command()))
              .getStatus();
      assertEquals(Status.Code.UNAVAILABLE, refused.getCode());
      assertTrue(
          String.valueOf(refused.getDescription()).contains("database or disk is full"),
          refused.getDescription());
      router.await(t -> servesAlone(t, "1"));
      assertThrows(StatusRuntimeException.class, () -> rig.commands().pause(command()));

      recover(Phase.DEGRADED);
      Iterator<dev.understudy.proto.v1.AuditRecord> audit =
          rig.commands().readAudit(ReadAuditRequest.newBuilder().setModel(MODEL).build());
      int stops = 0;
      while (audit.hasNext()) {
        stops += audit.next().getAction().equals("rollout.abort") ? 1 : 0;
      }
      assertEquals(1, stops, "kept once");
    }
  }

  @Test
  void regressionDuringTheWatchIsUndoneThoughThatCannotBeStored() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(t -> route(t).getArms(0).getVersion().equals("2"));
      rig.fullDisk(true);
      rig.judge.report(
          watching.getRolloutId(), report(900, Result.PROVED).setGuardrail("failures rose"));
      router.await(t -> servesAlone(t, "1"));
      recover(Phase.DEGRADED);
      rig.advance(TICK);
      router.await(t -> servesAlone(t, "1") && route(t).getRolloutId().isEmpty());
      assertEquals("1", rig.commands().rollback(command()).getChampionVersion());
    }
  }

  @Test
  void stepThatCannotBeStoredIsNotTakenAndLeasesEnd() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.PROGRESSING, 1);
      RoutingTable before = router.await(t -> route(t).getCanaryWeightBp() == 500);
      rig.fullDisk(true);
      rig.passStep(200);
      RolloutStatus told = rig.await(s -> s.getHeadline().contains("no lease renewed"));
      assertEquals(1, told.getStep());
      int renewals = router.renewals();
      rig.advance(RENEWAL.multipliedBy(4));
      rig.status();
      assertEquals(renewals, router.renewals());
      assertEquals(before, router.await(t -> true));

      rig.fullDisk(false);
      rig.advance(TICK);
      RolloutStatus next = rig.await(Phase.PROGRESSING, 2);
      assertFalse(next.getHeadline().contains("no lease renewed"), next.getHeadline());
      router.await(t -> route(t).getCanaryWeightBp() == 5_000);
      rig.advance(RENEWAL);
      router.awaitRenewals(1);
    }
  }

  @Test
  void rolloutThatCannotBeStoredIsNotBegun() throws Exception {
    rig.fullDisk(true);
    Status refused = assertThrows(StatusRuntimeException.class, () -> rig.begin(PLAN)).getStatus();
    assertEquals(Status.Code.UNAVAILABLE, refused.getCode());
    rig.fullDisk(false);
    rig.begin(PLAN);
    rig.await(status -> {
      // What could not be kept of the champion's servers either is asked again.
      rig.advance(TICK);
      return status.getPhase() == Phase.SHADOWING;
    });
  }
}
