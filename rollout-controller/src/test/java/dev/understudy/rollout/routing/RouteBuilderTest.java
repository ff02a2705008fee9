package dev.understudy.rollout.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutPlan;
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
        100);
  }

  private static ModelRoute route(RolloutState state, HostPort... controls) {
    var rollout =
        new StoredRollout(
            "r", PLAN, "d", 1, "1", EvaluationSpec.getDefaultInstance(), state, 17, 0);
    return RouteBuilder.build(
        config(controls),
        "1",
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
  void sharesStayThroughPausesAndPromotion() {
    for (RolloutState state :
        List.of(step(1).paused(Reasons.BY_HAND, "", 0), step(1).to(Phase.PROMOTING, "", "", 0))) {
      assertEquals(2_500, route(state, HostPort.loopback(3)).getCanaryWeightBp());
    }
  }
}
