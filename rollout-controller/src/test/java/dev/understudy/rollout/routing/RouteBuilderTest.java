package dev.understudy.rollout.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Drill;
import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.proto.v1.Step;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.store.StoredRollout;
import java.util.List;
import org.junit.jupiter.api.Test;

class RouteBuilderTest {
  private static final RolloutPlan PLAN =
      RolloutPlan.newBuilder()
          .setModel("m")
          .setChallengerVersion("2")
          .setLiveControl(true)
          .setMirroredControl(true)
          .setFailoverBp(2_000)
          .setTryTimeoutMs(50)
          .addSteps(Step.newBuilder().setSetMirrorBp(5_000))
          .addSteps(Step.newBuilder().setSetWeightBp(2_500))
          .addSteps(Step.newBuilder().setSetMirrorBp(0))
          .build();

  private static final ModelRoute STANDING =
      ModelRoute.newBuilder()
          .addRules(RouteRule.newBuilder().setName("staff").addPrincipals("alice").setArm("canary"))
          .setEligibility(Eligibility.newBuilder().setLayer("l").setToBp(5_000))
          .setHoldout(Holdout.newBuilder().setSalt("h").setShareBp(100))
          .build();

  private static ModelConfig config(HostPort... controls) {
    return new ModelConfig(
        "m",
        null,
        DataContract.getDefaultInstance(),
        "1",
        List.of(HostPort.loopback(1)),
        List.of(HostPort.loopback(2)),
        List.of(controls),
        1_000,
        LineageOverflow.LINEAGE_BLOCK,
        100,
        STANDING,
        null);
  }

  private static ModelRoute route(RolloutState state, HostPort... controls) {
    return route(PLAN, "1", state, controls);
  }

  private static ModelRoute route(
      RolloutPlan plan, String champion, RolloutState state, HostPort... controls) {
    var rollout =
        new StoredRollout(
            "r", plan, "d", 1, "1", EvaluationSpec.getDefaultInstance(), state, 17, 0);
    return RouteBuilder.build(
        config(controls),
        champion,
        ModelSignature.getDefaultInstance(),
        version -> "digest of " + version,
        rollout);
  }

  private static RolloutState step(int step) {
    return RolloutState.pending(0)
        .atStep(step == 0 ? Phase.SHADOWING : Phase.PROGRESSING, step, 0, 0);
  }

  private static List<String> arms(ModelRoute route) {
    return route.getArmsList().stream().map(Arm::getName).toList();
  }

  @Test
  void aBenchmarkIsToldToRoutersInEveryPhase() {
    ModelConfig plain = config();
    ModelConfig config =
        new ModelConfig(
            plain.name(),
            null,
            plain.contract(),
            plain.champion(),
            plain.championFleet(),
            plain.challengerFleet(),
            plain.controlFleet(),
            0,
            LineageOverflow.LINEAGE_DROP,
            0,
            ModelRoute.getDefaultInstance(),
            new ModelConfig.Benchmark("7", "scorecard", List.of(HostPort.loopback(9))));
    ModelRoute route =
        RouteBuilder.build(config, "1", ModelSignature.getDefaultInstance(), version -> "d", null);
    assertEquals(
        Arm.newBuilder()
            .setName("benchmark")
            .setRole(Role.BENCHMARK)
            .setVersion("7")
            .setUpstreamModel("scorecard")
            .addEndpoints("127.0.0.1:9")
            .build(),
        route.getArms(1));
    assertEquals(0, route.getCanaryWeightBp());
  }

  @Test
  void shadowReceivesCopiesAndSoDoesTheMirroredControl() {
    ModelRoute route = route(step(0), HostPort.loopback(3));
    assertEquals(List.of("champion", "shadow", "mirrored-control"), arms(route));
    assertEquals(5_000, route.getMirror().getFractionBp());
    assertEquals(List.of("shadow", "mirrored-control"), route.getMirror().getArmsList());
    assertEquals("digest of 2", route.getArms(1).getDigest());
    assertEquals(List.of("127.0.0.1:3"), route.getArms(2).getEndpointsList());
    assertEquals(50, route.getTryTimeoutMs());
    assertEquals(17, route.getDecisionRevision());
  }

  @Test
  void mirroredControlWithoutServersOfItsOwnUsesTheChampions() {
    assertEquals(List.of("127.0.0.1:1"), route(step(0)).getArms(2).getEndpointsList());
  }

  @Test
  void liveControlHasTheCanarysShareAndCopiesEndWhenThePlanSaysSo() {
    ModelRoute route = route(step(1), HostPort.loopback(3));
    assertEquals(
        List.of("champion", "canary", "control", "shadow", "mirrored-control"), arms(route));
    assertEquals(2_500, route.getCanaryWeightBp());
    assertEquals(2_500, route.getControlWeightBp());
    ModelRoute last = route(step(2), HostPort.loopback(3));
    assertEquals(List.of("champion", "canary", "control"), arms(last));
    assertEquals(0, last.getMirror().getArmsCount());
  }

  @Test
  void championIsAloneBeforeTheTrialAndAfterItsEnd() {
    RolloutState aborting = step(1).to(Phase.ABORTING, Reasons.ABORTED, "", 0);
    for (RolloutState state :
        List.of(
            RolloutState.pending(0),
            RolloutState.pending(0).paused(Reasons.LOAD_FAILED, "", 0),
            aborting,
            aborting.to(Phase.DEGRADED, Reasons.ABORTED, "", 0))) {
      ModelRoute route = route(state, HostPort.loopback(3));
      assertEquals(List.of("champion"), arms(route), state.phase().toString());
      assertEquals("", route.getRolloutId());
      assertEquals(1_000, route.getTryTimeoutMs());
    }
  }

  @Test
  void formerChampionIsTheControlOfAWatchAndGoesWithIt() {
    RolloutState watching = step(1).to(Phase.PROMOTING, "", "", 0).watching(0, 0);
    RolloutPlan plan = PLAN.toBuilder().setWatchKeptBp(700).build();
    ModelRoute route = route(plan, "2", watching, HostPort.loopback(3));
    assertEquals(List.of("champion", "control"), arms(route));
    assertEquals("2", route.getArms(0).getVersion());
    assertEquals("1", route.getArms(1).getVersion());
    assertEquals("digest of 1", route.getArms(1).getDigest());
    assertEquals(List.of("127.0.0.1:3"), route.getArms(1).getEndpointsList());
    assertEquals(700, route.getControlWeightBp());
    assertEquals(0, route.getCanaryWeightBp());
    assertEquals("r", route.getRolloutId());
    assertEquals(
        List.of("127.0.0.1:1"),
        route(plan, "2", watching).getArms(1).getEndpointsList(),
        "the champion's servers hold both versions while it is watched");
    assertEquals(List.of("champion"), arms(route(PLAN, "2", watching, HostPort.loopback(3))));
    RolloutState healthy = watching.to(Phase.HEALTHY, "", "", 0);
    assertEquals(List.of("champion"), arms(route(plan, "2", healthy, HostPort.loopback(3))));
    RolloutState undone = watching.to(Phase.ABORTING, Reasons.UNDONE, "", 0);
    assertEquals(List.of("champion"), arms(route(plan, "1", undone, HostPort.loopback(3))));
  }

  @Test
  void drillSpoilsTheCanaryAndNobodyElse() {
    var fault = InjectedFault.newBuilder().setErrorsBp(2_000).build();
    RolloutPlan plan = PLAN.toBuilder().setDrill(Drill.newBuilder().setFault(fault)).build();
    for (Arm arm : route(plan, "1", step(1), HostPort.loopback(3)).getArmsList()) {
      assertEquals(arm.getRole() == Role.CANARY, arm.hasFault(), arm.getName());
    }
    for (Arm arm : route(step(1), HostPort.loopback(3)).getArmsList()) {
      assertEquals(false, arm.hasFault(), arm.getName());
    }
  }

  @Test
  void drillThatIsPausedByHandIsNotSpoiledAndNeverOutlivesItsLease() {
    var fault = InjectedFault.newBuilder().setErrorsBp(2_000).build();
    RolloutPlan plan =
        PLAN.toBuilder()
            .setDrill(Drill.newBuilder().setFault(fault))
            .setOnControlLoss(ControlLoss.HOLD)
            .build();
    ModelRoute paused = route(plan, "1", step(1).paused(Reasons.BY_HAND, "", 0));
    assertEquals(2_500, paused.getCanaryWeightBp());
    assertEquals(0, paused.getArmsList().stream().filter(Arm::hasFault).count());
    RolloutState pauseStep = step(1).paused(Reasons.PAUSE_STEP, "", 0);
    assertEquals(
        1, route(plan, "1", pauseStep).getArmsList().stream().filter(Arm::hasFault).count());
    assertEquals(ControlLoss.CHAMPION_ONLY, paused.getOnControlLoss());
    RolloutPlan rollout = plan.toBuilder().clearDrill().build();
    assertEquals(ControlLoss.HOLD, route(rollout, "1", step(1)).getOnControlLoss());
  }

  @Test
  void formerChampionThatIsNotReadyKeepsNoShare() {
    RolloutState watching = step(1).to(Phase.PROMOTING, "", "", 0).watching(0, "down", 0);
    RolloutPlan plan = PLAN.toBuilder().setWatchKeptBp(700).build();
    ModelRoute route = route(plan, "2", watching, HostPort.loopback(3));
    assertEquals(List.of("champion"), arms(route));
    assertEquals(0, route.getControlWeightBp());
  }

  @Test
  void rulesExperimentAndHoldOutAreTheSameThroughEveryRolloutAndBetween() {
    RolloutState aborted = step(1).to(Phase.ABORTING, Reasons.ABORTED, "", 0);
    List<ModelRoute> routes =
        List.of(
            RouteBuilder.build(
                config(), "1", ModelSignature.getDefaultInstance(), version -> "", null),
            route(step(0)),
            route(step(1)),
            route(step(1).to(Phase.PROMOTING, "", "", 0).watching(0, 0)),
            route(aborted.to(Phase.DEGRADED, Reasons.ABORTED, "", 0)));
    for (ModelRoute route : routes) {
      assertEquals(STANDING.getRulesList(), route.getRulesList());
      assertEquals(STANDING.getEligibility(), route.getEligibility());
      assertEquals(STANDING.getHoldout(), route.getHoldout());
    }
  }

  @Test
  void sharesStayThroughPausesAndPromotion() {
    for (RolloutState state :
        List.of(step(1).paused(Reasons.BY_HAND, "", 0), step(1).to(Phase.PROMOTING, "", "", 0))) {
      assertEquals(2_500, route(state, HostPort.loopback(3)).getCanaryWeightBp());
    }
  }
}
