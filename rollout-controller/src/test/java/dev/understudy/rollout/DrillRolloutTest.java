package dev.understudy.rollout;

import static dev.understudy.rollout.ControllerRig.MODEL;
import static dev.understudy.rollout.ControllerRig.PLAN;
import static dev.understudy.rollout.ControllerRig.command;
import static dev.understudy.rollout.ControllerRig.report;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.PromoteRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutCommand;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.testing.FakeRouter;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A drill is the champion against itself: it changes nothing, whatever it finds. */
@Timeout(60)
class DrillRolloutTest {
  private static final String DRILL =
      """
      model: fraud
      challenger: "1"
      intent: improved
      drill: {errors: 20%, delay: 50ms, delayShare: 30%}
      steps: [{setWeight: 10%, minDuration: 1s, minSamples: 0, maxDuration: 60s}]
      """;

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

  private static boolean hasCanary(RoutingTable table) {
    return table.getModels(0).getCanaryWeightBp() == 1_000;
  }

  private RolloutStatus ended() {
    return rig.await(s -> {
      rig.advance(Duration.ofMillis(1));
      return s.getEndedUnixMs() > 0;
    });
  }

  private String refusal(Runnable call) {
    StatusRuntimeException refused = assertThrows(StatusRuntimeException.class, call::run);
    assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
    return String.valueOf(refused.getStatus().getDescription());
  }

  private RolloutStatus begun() {
    RolloutStatus drill = rig.begin(DRILL);
    rig.await(Phase.PROGRESSING, 0);
    return drill;
  }

  @Test
  void championIsTriedAgainstItselfWithTheFaultOnTheCanaryAlone() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      begun();
      RoutingTable table = router.await(DrillRolloutTest::hasCanary);
      for (Arm arm : table.getModels(0).getArmsList()) {
        assertEquals("1", arm.getVersion(), arm.getName());
        assertEquals(arm.getRole() == Role.CANARY ? 2_000 : 0, arm.getFault().getErrorsBp());
        assertEquals(arm.getRole() == Role.CANARY ? 50 : 0, arm.getFault().getDelayMs());
      }
      RolloutStatus status = rig.status();
      assertTrue(
          status.getHeadline().startsWith("drill · version 1 · canary 10 %"), status::getHeadline);
      assertTrue(rig.judge.specs().getLast().getDrill());
    }
  }

  @Test
  void drillThatIsProvedEndsWellAndPromotesNothing() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      begun();
      router.await(DrillRolloutTest::hasCanary);
      rig.passStep(500);
      router.await(t -> t.getModels(0).getArmsCount() == 1);
      RolloutStatus ended = ended();
      assertEquals(Phase.HEALTHY, ended.getPhase());
      assertEquals(Reasons.DRILL_ENDED, ended.getReason());
      assertEquals("1", rig.commands().rollback(command()).getChampionVersion());
      assertEquals(List.of("1"), rig.champions.held());
      assertEquals(List.of(ended.getRolloutId()), rig.judge.stopped());
    }
  }

  @Test
  void drillWhoseTimeIsOverEndsWellToo() {
    RolloutStatus drill = begun();
    for (int i = 0; i < 6; i++) {
      rig.advance(Duration.ofSeconds(10));
      rig.judge.report(drill.getRolloutId(), report(500, Result.UNDECIDED));
      rig.await(s -> s.getEvidence().getLogSequence() > 0);
    }
    RolloutStatus ended = ended();
    assertEquals(Reasons.DRILL_ENDED, ended.getReason());
    assertTrue(ended.getHeadline().contains("its time is over"), ended::getHeadline);
  }

  @Test
  void evidenceAgainstADrillStopsItAsItWouldStopARollout() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus drill = begun();
      router.await(DrillRolloutTest::hasCanary);
      rig.judge.report(
          drill.getRolloutId(), report(500, Result.AGAINST).setLogAgainst(9).setStatement("worse"));
      router.await(t -> t.getModels(0).getArmsCount() == 1);
      RolloutStatus ended = ended();
      assertEquals(Phase.DEGRADED, ended.getPhase());
      assertEquals(Reasons.ABORTED, ended.getReason());
    }
  }

  @Test
  void drillIsNoAttemptAndHandsNoEvidenceOn() {
    String first = begun().getRolloutId();
    rig.commands().abort(command());
    ended();
    rig.advance(Duration.ofMillis(5));
    RolloutStatus again = rig.begin(DRILL);
    assertEquals(1, again.getAttempt());
    assertNotEquals(first, again.getRolloutId());
    rig.commands().abort(command());
    ended();
    rig.advance(Duration.ofMillis(5));
    RolloutStatus real = rig.begin(PLAN);
    assertEquals(1, real.getAttempt());
    rig.commands().abort(command());
    ended();
    rig.advance(Duration.ofMillis(5));
    assertEquals(2, rig.begin(PLAN).getAttempt());
  }

  @Test
  void onlyTheChampionIsDrilledAndNeverPromoted() {
    assertTrue(
        refusal(() -> rig.begin(DRILL.replace("challenger: \"1\"", "challenger: \"2\"")))
            .contains("a drill is the champion against itself"));
    begun();
    assertTrue(
        refusal(() ->
                rig.commands()
                    .promote(PromoteRequest.newBuilder().setModel(MODEL).setFull(true).build()))
            .contains("a drill never is"));
    assertTrue(refusal(() -> rig.begin(PLAN)).contains("in flight"));
    rig.commands().promote(PromoteRequest.newBuilder().setModel(MODEL).build());
    assertEquals(Reasons.DRILL_ENDED, ended().getReason(), "one step on is its end");
  }

  @Test
  void promotionBehindADrillCanStillBeUndone() {
    rig.to(Phase.HEALTHY, 2);
    rig.advance(Duration.ofMillis(5));
    rig.begin(DRILL.replace("challenger: \"1\"", "challenger: \"2\""));
    rig.await(Phase.PROGRESSING, 0);
    rig.passStep(500);
    RolloutStatus drill = ended();
    assertEquals(Reasons.DRILL_ENDED, drill.getReason());
    assertEquals("2", drill.getChampionVersion());
    rig.advance(Duration.ofMillis(5));
    RolloutStatus undone = rig.commands().rollback(command());
    assertNotEquals(drill.getRolloutId(), undone.getRolloutId());
    rig.await(s -> {
      rig.advance(Duration.ofMillis(1));
      return s.getPhase() == Phase.DEGRADED && s.getReason().equals(Reasons.UNDONE);
    });
  }

  @Test
  void promotionBehindADrillThatWasStoppedCanBeUndoneToo() {
    RolloutStatus promoted = rig.to(Phase.HEALTHY, 2);
    rig.advance(Duration.ofMillis(5));
    RolloutStatus drill = rig.begin(DRILL.replace("challenger: \"1\"", "challenger: \"2\""));
    rig.await(Phase.PROGRESSING, 0);
    rig.judge.report(
        drill.getRolloutId(), report(500, Result.AGAINST).setLogAgainst(9).setStatement("worse"));
    assertEquals(Phase.DEGRADED, ended().getPhase());
    rig.advance(Duration.ofMillis(5));
    RolloutStatus undone = rig.commands().rollback(command());
    assertEquals(promoted.getRolloutId(), undone.getRolloutId());
    rig.await(s -> {
      rig.advance(Duration.ofMillis(1));
      return s.getReason().equals(Reasons.UNDONE) && s.getChampionVersion().equals("1");
    });
  }

  @Test
  void drillIsNotRetriedAndTheRolloutBehindItIs() {
    rig.begin(PLAN);
    rig.await(Phase.SHADOWING, 0);
    String real = rig.commands().abort(command()).getRolloutId();
    ended();
    rig.advance(Duration.ofMillis(5));
    String drill = begun().getRolloutId();
    rig.commands().abort(command());
    ended();
    rig.advance(Duration.ofMillis(5));
    RolloutCommand byId = RolloutCommand.newBuilder().setRolloutId(drill).build();
    assertTrue(refusal(() -> rig.commands().retry(byId)).contains("understudy drill"));
    assertEquals(real, rig.commands().retry(command()).getRolloutId());
    assertEquals("2", rig.await(Phase.SHADOWING, 0).getChallengerVersion());
  }

  @Test
  void drillAloneIsNotRetried() {
    begun();
    rig.commands().abort(command());
    ended();
    assertTrue(refusal(() -> rig.commands().retry(command())).contains("is a drill"));
  }

  @Test
  void drillPausedByHandIsNotSpoiledAndEndsWithItsTime() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      begun();
      router.await(DrillRolloutTest::hasCanary);
      rig.commands().pause(command());
      router.await(t -> t.getModels(0).getArmsList().stream().noneMatch(Arm::hasFault));
      assertEquals(Phase.PAUSED, rig.status().getPhase());
      rig.advance(Duration.ofSeconds(60));
      router.await(t -> t.getModels(0).getArmsCount() == 1);
      RolloutStatus ended = ended();
      assertEquals(Phase.DEGRADED, ended.getPhase(), "it did not run to its end");
      assertEquals(Reasons.BY_HAND, ended.getReason());
    }
  }

  @Test
  void drillWhoseEvidenceIsNotHeardOfEnds() throws Exception {
    begun();
    rig.judge.silent(true);
    rig.advance(Duration.ofSeconds(20));
    RolloutStatus ended = ended();
    assertEquals(Phase.DEGRADED, ended.getPhase(), "it did not run to its end");
    assertEquals(Reasons.STALE_EVIDENCE, ended.getReason());
  }

  @Test
  void controllerKilledDuringADrillTakesItUpAgain() throws Exception {
    RolloutStatus drill = begun();
    rig.restart();
    try (var router = new FakeRouter("r1", rig.address())) {
      router.await(DrillRolloutTest::hasCanary);
      router.applies(false);
      rig.passStep(500);
      rig.await(Phase.ABORTING);
    }
    rig.restart();
    RolloutStatus ended = ended();
    assertEquals(Phase.HEALTHY, ended.getPhase());
    assertEquals(drill.getRolloutId(), ended.getRolloutId());
    rig.restart();
    assertEquals(Reasons.DRILL_ENDED, rig.status().getReason());
    try (var router = new FakeRouter("r1", rig.address())) {
      assertEquals(1, router.await(t -> true).getModels(0).getArmsCount());
    }
  }
}
