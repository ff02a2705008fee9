package dev.understudy.rollout;

import static dev.understudy.rollout.ControllerRig.MODEL;
import static dev.understudy.rollout.ControllerRig.PLAN;
import static dev.understudy.rollout.ControllerRig.command;
import static dev.understudy.rollout.ControllerRig.report;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.digest.VersionDigest;
import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.CatalogServiceGrpc;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.ForecastResponse;
import dev.understudy.proto.v1.ListRoutersRequest;
import dev.understudy.proto.v1.ListVersionsRequest;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.PromoteRequest;
import dev.understudy.proto.v1.ReadAuditRequest;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.StartRolloutRequest;
import dev.understudy.proto.v1.VerifyAuditRequest;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.testing.FakeRouter;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ControllerTest {
  private static final int MIRROR_ALL = 10_000;

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

  private static boolean championIs(RoutingTable table, String version) {
    return route(table).getArmsList().stream()
        .anyMatch(arm -> arm.getRole() == Role.CHAMPION && arm.getVersion().equals(version));
  }

  private Status.Code refused(Runnable command) {
    return assertThrows(StatusRuntimeException.class, command::run).getStatus().getCode();
  }

  @Test
  void tablesSayWhereCallsForOtherModelsGo() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      var table = router.await(next -> next.getModelsCount() > 0);
      assertEquals(List.of("dns:///rest:8001"), table.getPassThrough().getEndpointsList());
      assertEquals("triton", table.getPassThrough().getProfile());
    }
  }

  @Test
  void provenChallengerBecomesChampionStepByStep() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RoutingTable before = router.await(table -> true);
      assertTrue(championIs(before, "1"));
      assertEquals("", route(before).getRolloutId());
      assertEquals(32, route(before).getSignature().getMaxBatchSize());
      assertEquals("fraud/1", route(before).getContract().getName());

      String id = rig.begin(PLAN).getRolloutId();
      rig.await(Phase.SHADOWING, 0);
      ModelRoute shadow = route(router.await(t -> route(t).getMirror().getFractionBp() > 0));
      assertEquals(id, shadow.getRolloutId());
      assertEquals(MIRROR_ALL, shadow.getMirror().getFractionBp());
      assertEquals(0, shadow.getCanaryWeightBp());
      assertEquals(List.of("2"), rig.challengers.held());
      assertEquals(List.of("1"), rig.controls.held());

      rig.passStep(100);
      ModelRoute canary = route(router.await(t -> route(t).getCanaryWeightBp() == 500));
      assertEquals(500, canary.getControlWeightBp());
      assertEquals(shadow.getSalt(), canary.getSalt());
      assertTrue(canary.getDecisionRevision() > shadow.getDecisionRevision());
      assertEquals(MIRROR_ALL, canary.getMirror().getFractionBp(), "copies go on");

      rig.await(Phase.PROGRESSING, 1);
      rig.passStep(200);
      rig.await(Phase.PROGRESSING, 2);
      rig.passStep(300);
      rig.await(Phase.WATCHING);
      RoutingTable promoted = router.await(t -> championIs(t, "2"));
      assertEquals(0, route(promoted).getCanaryWeightBp());
      assertEquals(id, route(promoted).getRolloutId(), "the watch needs its evidence");
      assertEquals(List.of("1", "2"), rig.champions.held(), "the version before is kept");

      rig.advance(Duration.ofSeconds(5));
      rig.prove(400);
      RolloutStatus healthy = rig.await(Phase.HEALTHY);
      assertTrue(healthy.getEndedUnixMs() > 0);
      RoutingTable after =
          router.await(t -> route(t).getRolloutId().isEmpty() && championIs(t, "2"));
      assertTrue(after.getRevision() > promoted.getRevision());
      rig.advance(Duration.ofMillis(200));
      RolloutStatus done =
          rig.await(s -> s.getDecisionsList().stream().allMatch(d -> d.getAppliedUnixMs() > 0));
      assertEquals(6, done.getDecisionsCount(), done.getDecisionsList().toString());
      assertEquals(List.of(id), rig.judge.stopped());
    }
  }

  @Test
  void evidenceAgainstTakesTheCanaryOutAtOnceWithoutTheClock() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus canary = rig.to(Phase.PROGRESSING, 1);
      router.await(t -> route(t).getCanaryWeightBp() == 500);
      rig.judge.report(
          canary.getRolloutId(),
          report(200, Result.AGAINST).setLogAgainst(Math.log(100)).setStatement("41 times worse"));
      RoutingTable table = router.await(t -> route(t).getRolloutId().isEmpty());
      assertTrue(championIs(table, "1"));
      assertEquals(1, route(table).getArmsCount());
      RolloutStatus aborted =
          rig.await(s -> {
            rig.advance(Duration.ofMillis(1));
            return s.getPhase() == Phase.DEGRADED;
          });
      assertEquals(Reasons.ABORTED, aborted.getReason());
      assertTrue(aborted.getHeadline().contains("41 times worse"), aborted.getHeadline());
      DecisionRecord abort =
          aborted.getDecisionsList().stream()
              .filter(d -> d.getPhase() == Phase.ABORTING)
              .findFirst()
              .orElseThrow();
      assertTrue(abort.getLogSequence() > 0);
    }
  }

  @Test
  void shadowThatDecidesDifferentlyNeverAnswersACustomer() {
    RolloutStatus shadow = rig.to(Phase.SHADOWING, 0);
    rig.judge.report(
        shadow.getRolloutId(), report(500, Result.AGAINST).setLogAgainst(5).setStatement("bad"));
    RolloutStatus ended = rig.await(Phase.DEGRADED);
    assertTrue(ended.getDecisionsList().stream().allMatch(d -> d.getCanaryWeightBp() == 0));
  }

  @Test
  void guardrailStopsLikeEvidence() {
    RolloutStatus canary = rig.to(Phase.PROGRESSING, 2);
    rig.judge.report(
        canary.getRolloutId(), report(900, Result.UNDECIDED).setGuardrail("20 failures in a row"));
    assertTrue(rig.await(Phase.DEGRADED).getHeadline().contains("20 failures in a row"));
  }

  @Test
  void evidenceThatIsNotEnoughPausesAndSaysSo() {
    RolloutStatus shadow = rig.to(Phase.SHADOWING, 0);
    for (int i = 0; i < 6; i++) {
      rig.advance(Duration.ofSeconds(10));
      var undecided = report(500, Result.UNDECIDED);
      undecided.getMetricsBuilder(2).setNeedsMore(3_100);
      rig.judge.report(shadow.getRolloutId(), undecided);
      rig.await(s -> s.getEvidence().getLogSequence() > 0);
    }
    RolloutStatus paused =
        rig.await(s -> {
          rig.advance(Duration.ofMillis(1));
          return s.getPhase() == Phase.PAUSED;
        });
    assertEquals(Reasons.INSUFFICIENT_EVIDENCE, paused.getReason());
    assertTrue(
        paused.getHeadline().contains("changed-decisions needs about 3,100 more requests"),
        paused.getHeadline());
    assertEquals(MIRROR_ALL, paused.getMirrorBp(), "a pause keeps the shares");

    rig.commands().resume(command());
    rig.passStep(700);
    rig.await(Phase.PROGRESSING, 1);
  }

  @Test
  void wrongSplitPauses() {
    RolloutStatus canary = rig.to(Phase.PROGRESSING, 1);
    rig.judge.report(
        canary.getRolloutId(),
        report(900, Result.PROVED).setSplit(SplitReport.newBuilder().setResult(Result.AGAINST)));
    assertEquals(Reasons.SAMPLE_RATIO_MISMATCH, rig.await(Phase.PAUSED).getReason());
  }

  @Test
  void silentJudgePausesAndItsReturnContinues() {
    rig.to(Phase.PROGRESSING, 1);
    rig.judge.silent(true);
    rig.advance(Duration.ofSeconds(16));
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.STALE_EVIDENCE, paused.getReason());
    assertEquals(500, paused.getCanaryWeightBp());
    rig.judge.silent(false);
    rig.advance(Duration.ofSeconds(4));
    rig.await(s -> {
      rig.advance(Duration.ofMillis(100));
      return s.getPhase() == Phase.PROGRESSING;
    });
  }

  @Test
  void routerThatCannotDeliverItsEvidencePausesThoughTheJudgeIsHeard() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.PROGRESSING, 1);
      router.unacknowledgedBlocks(16);
      RolloutStatus paused = rig.await(Phase.PAUSED);
      assertEquals(Reasons.STALE_EVIDENCE, paused.getReason());
      assertTrue(paused.getHeadline().contains("16 blocks"), paused.getHeadline());
      router.unacknowledgedBlocks(0);
      rig.await(Phase.PROGRESSING, 1);
    }
  }

  @Test
  void watchDoesNotEndInHealthWhileARouterCannotDeliverItsEvidence() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.WATCHING, 2);
      router.unacknowledgedBlocks(40);
      rig.await(s -> listed(16));
      rig.advance(Duration.ofSeconds(5));
      rig.prove(900);
      rig.await(s -> s.getHeadline().contains("40 blocks"));
      assertEquals(Phase.WATCHING, rig.status().getPhase());
      router.unacknowledgedBlocks(3);
      rig.await(Phase.HEALTHY);
    }
  }

  private boolean listed(long blocks) {
    return rig
        .commands()
        .listRouters(ListRoutersRequest.getDefaultInstance())
        .getRoutersList()
        .stream()
        .anyMatch(router -> router.getEvidenceBlocksUnacknowledged() >= blocks);
  }

  @Test
  void loadFailurePausesWithTheServersWordsAndResumeTriesAgain() {
    rig.challengers.breakVersion("2", "ZipMap output");
    rig.begin(PLAN);
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.LOAD_FAILED, paused.getReason());
    assertTrue(
        paused.getHeadline().contains("failed to load: ZipMap output"), paused.getHeadline());
    rig.challengers.repairVersion("2");
    rig.commands().resume(command());
    rig.await(Phase.SHADOWING, 0);
  }

  @Test
  void challengerWithAnotherSignatureGetsNoTraffic() {
    rig.challengers.inputType("2", "FP64");
    rig.begin(PLAN);
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.SIGNATURE_MISMATCH, paused.getReason());
    assertTrue(paused.getHeadline().contains("FP64"), paused.getHeadline());
    assertEquals(0, paused.getMirrorBp());
  }

  @Test
  void challengerWithOtherFilesThanTheCatalogsGetsNoTraffic() throws Exception {
    String known = VersionDigest.of(rig.directory.resolve("models/fraud/2"));
    String wrong = "0".repeat(64);
    rig.challengers.digest("2", wrong);
    rig.begin(PLAN);
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.DIGEST_MISMATCH, paused.getReason());
    for (String part : List.of(rig.challengers.address().toString(), wrong, known)) {
      assertTrue(paused.getHeadline().contains(part), paused.getHeadline());
    }
    assertEquals(0, paused.getMirrorBp());
    List<String> audited = new ArrayList<>();
    rig.commands()
        .readAudit(ReadAuditRequest.newBuilder().setModel(MODEL).build())
        .forEachRemaining(record -> audited.add(record.getAction() + " " + record.getDetail()));
    assertTrue(
        audited.stream().anyMatch(line -> line.startsWith("rollout.pause DigestMismatch: ")),
        audited::toString);
    rig.challengers.digest("2", known);
    rig.commands().resume(command());
    rig.await(Phase.SHADOWING, 0);
  }

  @Test
  void championsServersWithOtherFilesStopThePromotion() {
    rig.champions.digest("2", "0".repeat(64));
    rig.to(Phase.PROGRESSING, 2);
    rig.passStep(1_000);
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.DIGEST_MISMATCH, paused.getReason());
  }

  @Test
  void judgeThatRefusesTheSpecPausesTheRollout() {
    rig.judge.refuse("alpha is too bold");
    rig.begin(PLAN);
    RolloutStatus paused = rig.await(Phase.PAUSED);
    assertEquals(Reasons.EVALUATION_REFUSED, paused.getReason());
    rig.judge.refuse(null);
    rig.commands().resume(command());
    rig.await(Phase.SHADOWING, 0);
  }

  @Test
  void serverThatCannotBeToldIsWaitedForAndTheDecisionSaysSo() {
    rig.challengers.refuseLoads();
    rig.begin(PLAN);
    rig.await(s -> rig.challengers.refusedLoads() > 0);
    rig.challengers.put("2");
    RolloutStatus shadow = rig.await(Phase.SHADOWING, 0);
    assertTrue(
        shadow.getDecisions(0).getReason().contains("cannot be told what to load"),
        shadow.getDecisions(0).getReason());
  }

  @Test
  void failedLoadOnTheChampionsServersPausesBeforeAnyCustomerNotices() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.champions.breakVersion("2", "out of memory");
      rig.to(Phase.PROGRESSING, 2);
      rig.passStep(1_000);
      RolloutStatus paused = rig.await(Phase.PAUSED);
      assertEquals(Reasons.LOAD_FAILED, paused.getReason());
      assertTrue(championIs(router.await(t -> route(t).getCanaryWeightBp() == 5_000), "1"));
      rig.champions.repairVersion("2");
      rig.commands().promote(PromoteRequest.newBuilder().setModel(MODEL).build());
      rig.await(Phase.WATCHING);
    }
  }

  @Test
  void watchUndoesALateRegressionAtOnce() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      RolloutStatus watching = rig.to(Phase.WATCHING, 2);
      router.await(t -> championIs(t, "2"));
      int loads = rig.champions.loads().size();
      rig.judge.report(
          watching.getRolloutId(), report(900, Result.PROVED).setGuardrail("failures rose"));
      router.await(t -> championIs(t, "1"));
      assertEquals(loads, rig.champions.loads().size(), "no load stands in the way");
      RolloutStatus undone =
          rig.await(s -> {
            rig.advance(Duration.ofMillis(1));
            return s.getPhase() == Phase.DEGRADED;
          });
      assertEquals(Reasons.UNDONE, undone.getReason());
    }
  }

  @Test
  void undoAfterTheWatchLoadsTheFormerChampionFirst() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.HEALTHY, 2);
      awaitHeld(List.of("2"));
      rig.commands().undo(command());
      router.await(t -> championIs(t, "1"));
      rig.await(s -> {
        rig.advance(Duration.ofMillis(1));
        return s.getPhase() == Phase.DEGRADED;
      });
      awaitHeld(List.of("1"));
    }
  }

  @Test
  void formerChampionStaysLoadedUntilEveryRouterThatMayServeItHasLeftIt() throws Exception {
    var router = new FakeRouter("r1", rig.address());
    try (var other = new FakeRouter("r2", rig.address())) {
      rig.to(Phase.WATCHING, 2);
      router.await(t -> championIs(t, "2"));
      router.applies(false);
      rig.advance(Duration.ofSeconds(5));
      rig.prove(900);
      rig.await(Phase.HEALTHY);
      other.await(t -> route(t).getRolloutId().isEmpty());
      router.close();
      rig.await(s -> connected() == 1);
      rig.advance(Duration.ofSeconds(9));
      rig.await(s -> audited("keep both versions"));
      assertEquals(List.of("1", "2"), rig.champions.held(), "a router that is away may serve it");
    }
    try (var back = new FakeRouter("r1", rig.address())) {
      back.await(t -> championIs(t, "2"));
      awaitHeld(List.of("2"));
    }
  }

  @Test
  void undoneChallengerStaysLoadedUntilEveryRouterHasLeftIt() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      rig.to(Phase.WATCHING, 2);
      router.await(t -> championIs(t, "2"));
      router.applies(false);
      rig.commands().undo(command());
      rig.advance(Duration.ofSeconds(8));
      rig.await(Phase.DEGRADED);
      rig.advance(Duration.ofSeconds(9));
      rig.await(s -> audited("keep both versions"));
      assertEquals(List.of("1", "2"), rig.champions.held());
      router.applies(true);
      awaitHeld(List.of("1"));
    }
  }

  private long connected() {
    return rig
        .commands()
        .listRouters(ListRoutersRequest.getDefaultInstance())
        .getRoutersList()
        .stream()
        .filter(RouterState::getConnected)
        .count();
  }

  private boolean audited(String text) {
    boolean found = false;
    Iterator<AuditRecord> log =
        rig.commands().readAudit(ReadAuditRequest.newBuilder().setModel(MODEL).build());
    while (log.hasNext()) {
      found |= log.next().getDetail().contains(text);
    }
    return found;
  }

  private void awaitHeld(List<String> versions) {
    rig.await(s -> rig.champions.held().equals(versions));
  }

  @Test
  void rollbackIsValidInEveryStateAndTwiceIsOnce() {
    RolloutStatus none = rig.commands().rollback(command());
    assertEquals("1", none.getChampionVersion());
    assertTrue(none.getHeadline().contains("never"), none.getHeadline());
    for (Phase phase :
        List.of(
            Phase.PENDING,
            Phase.SHADOWING,
            Phase.PROGRESSING,
            Phase.PAUSED,
            Phase.WATCHING,
            Phase.HEALTHY)) {
      switch (phase) {
        case PENDING -> {
          rig.judge.silent(true);
          rig.begin(PLAN);
          assertEquals(Phase.PENDING, rig.status().getPhase());
        }
        case PAUSED -> {
          rig.to(Phase.PROGRESSING, 1);
          rig.commands().pause(command());
        }
        case PROGRESSING -> rig.to(phase, 1);
        case WATCHING, HEALTHY -> rig.to(phase, 2);
        default -> rig.to(phase, 0);
      }
      rig.commands().rollback(command());
      rig.judge.silent(false);
      RolloutStatus ended = rig.await(Phase.DEGRADED);
      assertTrue(
          ended.getReason().equals(Reasons.ABORTED_BY_HAND)
              || ended.getReason().equals(Reasons.UNDONE),
          phase + ": " + ended.getReason());
      RolloutStatus again = rig.commands().rollback(command());
      assertEquals(ended.getDecisionsCount(), again.getDecisionsCount(), "twice from " + phase);
      rig.await(s -> rig.champions.held().equals(List.of("1")));
    }
  }

  @Test
  void controllerContinuesWhereItWasAfterEachTransition() throws Exception {
    String id = rig.begin(PLAN).getRolloutId();
    rig.restart();
    rig.await(Phase.SHADOWING, 0);
    long epoch = rig.status().getRoutingEpoch();
    long sample = 100;
    for (int step = 0; step < 3; step++) {
      rig.restart();
      RolloutStatus same = rig.status();
      assertEquals(step, same.getStep());
      assertTrue(same.getRoutingEpoch() > epoch, "each start is an epoch");
      epoch = same.getRoutingEpoch();
      rig.passStep(sample);
      int next = step + 1;
      rig.await(s -> s.getStep() == next || s.getPhase() == Phase.WATCHING);
      sample += 100;
    }
    rig.await(Phase.WATCHING);
    rig.restart();
    assertEquals(Phase.WATCHING, rig.status().getPhase());
    try (var router = new FakeRouter("r1", rig.address())) {
      assertTrue(championIs(router.await(t -> true), "2"));
    }
    rig.advance(Duration.ofSeconds(5));
    rig.prove(1_000);
    rig.await(Phase.HEALTHY);
    rig.restart();
    try (var router = new FakeRouter("r1", rig.address())) {
      assertTrue(championIs(router.await(t -> true), "2"), "the promoted one, not the configured");
    }
    assertEquals(1, rig.judge.specs().size(), "one spec, whoever gives it");
    assertEquals(id, rig.judge.specs().getFirst().getRolloutId());
    List<Integer> steps = new ArrayList<>();
    for (DecisionRecord decision : rig.status().getDecisionsList()) {
      if (decision.getPhase() == Phase.PROGRESSING) {
        steps.add(decision.getStep());
      }
    }
    assertEquals(List.of(1, 2), steps, "no step is taken twice");
    assertTrue(rig.commands().verifyAudit(VerifyAuditRequest.getDefaultInstance()).getIntact());
  }

  @Test
  void restartWhileAbortingAndWhilePausedChangesNothing() throws Exception {
    rig.to(Phase.PROGRESSING, 1);
    rig.commands().pause(command());
    rig.restart();
    assertEquals(Reasons.BY_HAND, rig.status().getReason());
    assertEquals(500, rig.status().getCanaryWeightBp());
    try (var router = new FakeRouter("r1", rig.address())) {
      router.await(t -> route(t).getCanaryWeightBp() == 500);
      router.applies(false);
      rig.commands().abort(command());
      assertEquals(Phase.ABORTING, rig.status().getPhase(), "the router has not said so yet");
      router.await(t -> route(t).getRolloutId().isEmpty());
    }
    rig.restart();
    assertEquals(Reasons.ABORTED_BY_HAND, rig.await(Phase.DEGRADED).getReason());
  }

  @Test
  void controllerKilledBetweenDecisionAndEffectBringsTheEffectAbout() throws Exception {
    rig.to(Phase.PROGRESSING, 2);
    rig.champions.refuseLoads();
    rig.passStep(1_000);
    rig.await(Phase.PROMOTING);
    rig.restart();
    assertEquals(Phase.PROMOTING, rig.status().getPhase());
    rig.champions.put("2");
    rig.await(Phase.WATCHING);
    rig.advance(Duration.ofSeconds(5));
    rig.prove(2_000);
    rig.await(Phase.HEALTHY);

    rig.champions.drop("1");
    rig.commands().undo(command());
    assertEquals(Phase.ABORTING, rig.status().getPhase());
    rig.restart();
    try (var router = new FakeRouter("r1", rig.address())) {
      assertTrue(championIs(router.await(t -> true), "2"), "until the other one is loaded");
      rig.champions.put("1");
      router.await(t -> championIs(t, "1"));
    }
    RolloutStatus undone =
        rig.await(s -> {
          rig.advance(Duration.ofMillis(1));
          return s.getPhase() == Phase.DEGRADED;
        });
    assertEquals(Reasons.UNDONE, undone.getReason());
  }

  @Test
  void stepsByHandNeedNoProof() {
    rig.to(Phase.SHADOWING, 0);
    PromoteRequest next = PromoteRequest.newBuilder().setModel(MODEL).setActor("ada").build();
    assertEquals(1, rig.commands().promote(next).getStep());
    rig.commands().promote(next.toBuilder().setFull(true).build());
    RolloutStatus watching = rig.await(Phase.WATCHING);
    assertTrue(watching.getDecisionsList().stream().anyMatch(d -> d.getActor().equals("ada")));
  }

  @Test
  void retryIsAnotherAttemptOfTheSamePlanWithItsNumberInTheSpec() throws Exception {
    RolloutStatus first = rig.to(Phase.SHADOWING, 0);
    rig.commands().abort(command());
    rig.await(Phase.DEGRADED);
    RolloutStatus second = rig.commands().retry(command());
    assertEquals(2, second.getAttempt());
    assertEquals(first.getRolloutId(), second.getRolloutId(), "the evidence is kept");
    assertEquals(first.getPlanDigest(), second.getPlanDigest());
    rig.await(Phase.SHADOWING, 0);
    assertEquals(2, rig.judge.specs().getLast().getAttempt());
    rig.restart();
    assertEquals(2, rig.status().getAttempt());
    assertEquals(Status.Code.FAILED_PRECONDITION, refused(() -> rig.commands().retry(command())));
  }

  @Test
  void startingAgainInsteadOfRetryingIsTheNextAttemptToo() {
    rig.to(Phase.SHADOWING, 0);
    rig.commands().abort(command());
    rig.await(Phase.DEGRADED);
    String before = rig.status().getRolloutId();
    RolloutStatus again = rig.begin(PLAN);
    assertEquals(2, again.getAttempt());
    assertEquals(before, again.getRolloutId(), "the same trial keeps its evidence");
    rig.commands().abort(command());
    rig.await(Phase.DEGRADED);
    RolloutStatus other = rig.begin(PLAN.replace("band: 5%", "band: 6%"));
    assertEquals(3, other.getAttempt(), "other limits are another trial of the same version");
    assertFalse(other.getRolloutId().equals(before));
    assertTrue(other.getHeadline().contains("evidence begins anew"), other.getHeadline());
    assertTrue(audited("evidence begins anew"));
    RolloutStatus shadow = rig.await(Phase.SHADOWING, 0);
    assertTrue(shadow.getDecisions(0).getReason().contains("evidence begins anew"));
  }

  @Test
  void noTrialInBetweenWashesEvidenceAway() {
    String first = rig.to(Phase.SHADOWING, 0).getRolloutId();
    rig.commands().abort(command());
    rig.await(Phase.DEGRADED);
    for (String detour :
        List.of(PLAN.replace("\"2\"", "\"3\""), PLAN.replace("band: 5%", "band: 6%"))) {
      rig.advance(Duration.ofMillis(1));
      rig.begin(detour);
      rig.await(Phase.SHADOWING, 0);
      rig.advance(Duration.ofMillis(1));
      rig.commands().abort(command());
      assertFalse(rig.await(Phase.DEGRADED).getRolloutId().equals(first));
    }
    rig.advance(Duration.ofMillis(1));
    RolloutStatus again = rig.begin(PLAN.replace("watch: 5s", "watch: 6s"));
    assertEquals(first, again.getRolloutId());
    assertEquals(3, again.getAttempt());
    assertEquals(6_000, again.getPlan().getWatchMs(), "what is not judged may be edited");
    assertFalse(again.getHeadline().contains("anew"), again.getHeadline());
    assertEquals(first, rig.await(Phase.SHADOWING, 0).getRolloutId());
    assertEquals(Status.Code.FAILED_PRECONDITION, refused(() -> rig.begin(PLAN)));
    rig.commands().abort(command());
    assertEquals(first, rig.await(Phase.DEGRADED).getRolloutId(), "the one that ended last");
  }

  @Test
  void guardrailOfAnEarlierAttemptDoesNotStopTheNext() {
    RolloutStatus shadow = rig.to(Phase.SHADOWING, 0);
    rig.judge.report(
        shadow.getRolloutId(), report(50, Result.UNDECIDED).setGuardrail("20 failures in a row"));
    rig.await(Phase.DEGRADED);
    rig.commands().retry(command());
    rig.await(Phase.SHADOWING, 0);
    rig.passStep(500);
    rig.await(Phase.PROGRESSING, 1);
  }

  @Test
  void commandsThatMakeNoSenseAreRefused() {
    assertEquals(Status.Code.NOT_FOUND, refused(rig::status));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused(() -> rig.begin("model: fraud")));
    assertEquals(
        Status.Code.NOT_FOUND,
        refused(() ->
            rig.begin(
                PLAN.replace("model: fraud", "model: x")
                    .replace("control: live", "control: none"))));
    assertEquals(Status.Code.NOT_FOUND, refused(() -> rig.begin(PLAN.replace("\"2\"", "\"9\""))));
    assertEquals(
        Status.Code.FAILED_PRECONDITION, refused(() -> rig.begin(PLAN.replace("\"2\"", "\"1\""))));
    rig.to(Phase.SHADOWING, 0);
    assertEquals(Status.Code.FAILED_PRECONDITION, refused(() -> rig.begin(PLAN)));
    assertEquals(Status.Code.FAILED_PRECONDITION, refused(() -> rig.commands().undo(command())));
    rig.commands().abort(command());
    rig.await(Phase.DEGRADED);
    assertEquals(Status.Code.FAILED_PRECONDITION, refused(() -> rig.commands().pause(command())));
    assertEquals(Phase.DEGRADED, rig.commands().abort(command()).getPhase(), "again is fine");
  }

  @Test
  void versionWhoseFilesChangedUnderItsNumberIsRefused() throws Exception {
    Files.writeString(directory.resolve("models/fraud/2/weights.bin"), "smuggled in");
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> rig.begin(PLAN));
    assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
    assertTrue(
        String.valueOf(refused.getStatus().getDescription()).contains("a version never changes"),
        refused.toString());
  }

  @Test
  void catalogListsVersionsWithDigestsAliasesAndCards() throws Exception {
    Files.writeString(
        directory.resolve("models/fraud/card.yaml"),
        "owner: risk\nversions:\n  \"2\": {note: trees}\n");
    rig.to(Phase.SHADOWING, 0);
    var catalog = CatalogServiceGrpc.newBlockingStub(rig.channel());
    List<CatalogVersion> versions =
        catalog
            .listVersions(ListVersionsRequest.newBuilder().setModel(MODEL).build())
            .getVersionsList();
    assertEquals(
        List.of("1", "2", "3"), versions.stream().map(CatalogVersion::getVersion).toList());
    assertEquals(
        List.of("champion", "challenger", ""),
        versions.stream().map(CatalogVersion::getAlias).toList());
    assertEquals(64, versions.getFirst().getDigest().length());
    assertEquals("trees", versions.get(1).getCardOrDefault("note", ""));
    assertEquals("risk", versions.get(2).getCardOrDefault("owner", ""));
  }

  @Test
  void leasesAreRenewedFourTimesInTheirLength() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      assertEquals(8_000, router.await(t -> true).getLeaseMs());
      for (int renewal = 1; renewal <= 4; renewal++) {
        rig.advance(Duration.ofSeconds(2));
        router.awaitRenewals(renewal);
      }
      assertEquals(4, router.renewals());
    }
  }

  @Test
  void routerThatWentAwayIsRememberedWithWhenItWasHeard() throws Exception {
    try (var router = new FakeRouter("r1", rig.address())) {
      router.await(t -> true);
      List<RouterState> here = routers(true);
      assertEquals("r1", here.getFirst().getRouter());
    }
    RouterState gone = routers(false).getFirst();
    assertEquals(rig.time.wallMillis(), gone.getLastSeenUnixMs());
    assertEquals("r1", gone.getRouter());
  }

  private List<RouterState> routers(boolean connected) {
    long began = System.nanoTime();
    while (System.nanoTime() - began < TimeUnit.SECONDS.toNanos(20)) {
      List<RouterState> found =
          rig.commands().listRouters(ListRoutersRequest.getDefaultInstance()).getRoutersList();
      if (found.size() == 1 && found.getFirst().getConnected() == connected) {
        return found;
      }
      Thread.onSpinWait();
    }
    throw new AssertionError("no router that is " + (connected ? "connected" : "gone"));
  }

  @Test
  void controllerStopsLeadingWhenARouterFollowsANewerOne() {
    try (var router = new FakeRouter("r1", rig.address(), 1_000)) {
      assertEquals(0, router.renewals());
      RolloutStatus none = null;
      long began = System.nanoTime();
      Status.Code code = Status.Code.OK;
      while (code != Status.Code.FAILED_PRECONDITION
          && System.nanoTime() - began < TimeUnit.SECONDS.toNanos(20)) {
        try {
          none = rig.commands().rollback(command());
        } catch (StatusRuntimeException e) {
          code = e.getStatus().getCode();
        }
      }
      assertEquals(Status.Code.FAILED_PRECONDITION, code, String.valueOf(none));
    }
  }

  @Test
  void everyMutationIsInTheAuditLog() {
    rig.to(Phase.HEALTHY, 2);
    rig.commands().undo(command());
    rig.await(Phase.DEGRADED);
    List<String> actions = new ArrayList<>();
    Iterator<AuditRecord> log =
        rig.commands().readAudit(ReadAuditRequest.newBuilder().setModel(MODEL).build());
    log.forEachRemaining(record -> actions.add(record.getAction()));
    for (String action :
        List.of(
            "catalog.register",
            "rollout.start",
            "fleet.load",
            "rollout.step",
            "rollout.promote",
            "rollout.promoted",
            "rollout.healthy",
            "rollout.undo",
            "rollout.undone",
            "rollout.degraded",
            "routing.publish")) {
      assertTrue(actions.contains(action), action + " not in " + actions);
    }
    assertFalse(actions.contains("controller.start"), "another model's or nobody's");
  }

  @Test
  void watchersSeeEachChangeAndTheEnd() {
    rig.to(Phase.SHADOWING, 0);
    Iterator<RolloutStatus> watch =
        rig.commands().watchRollout(RolloutRequest.newBuilder().setModel(MODEL).build());
    assertEquals(Phase.SHADOWING, watch.next().getPhase());
    rig.commands().abort(command());
    Phase last = Phase.SHADOWING;
    while (watch.hasNext()) {
      last = watch.next().getPhase();
    }
    assertEquals(Phase.DEGRADED, last);
  }

  @Test
  void forecastSaysWhatEachStepNeedsAndWhatLimitsIt() {
    ForecastResponse forecast =
        rig.commands()
            .forecast(
                StartRolloutRequest.newBuilder()
                    .setPlanYaml(PLAN)
                    .setRequestsPerSecond(400)
                    .build());
    assertEquals(3, forecast.getStepsCount());
    assertEquals("shadow 100 %", forecast.getSteps(0).getStep());
    assertTrue(forecast.getSteps(1).getRequests() > 2_000, forecast.getText());
    assertTrue(forecast.getText().contains("In all"), forecast.getText());
    assertEquals(
        Status.Code.INVALID_ARGUMENT,
        refused(() ->
            rig.commands()
                .forecast(
                    StartRolloutRequest.newBuilder()
                        .setPlanYaml(PLAN)
                        .setRequestsPerSecond(-1)
                        .build())));
  }
}
