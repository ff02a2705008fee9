package dev.understudy.rollout.routing;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Mirror;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.policy.Phases;
import dev.understudy.rollout.policy.Reasons;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.policy.Steps;
import dev.understudy.rollout.store.StoredRollout;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Makes one model's route from what is configured and what is decided. Pure: after a restart the
 * same decisions give the same route.
 *
 * <p>While the challenger is on trial, the shadow receives copies, the canary its share, and a live
 * control as much as the canary. While a promotion is watched the rollout is still named, so that
 * its evidence goes on, and the former champion is the control, with the share that the plan lets
 * it keep; in every other phase the champion is alone. Rules, the range of the experiment's layer
 * and the hold-out are configured, and the same through every rollout and between. The faults of a
 * drill are routed only while it runs, not while it is paused by hand, and by no route that
 * outlives its lease.
 */
public final class RouteBuilder {
  private RouteBuilder() {}

  /**
   * The route of a model.
   *
   * @param champion the version that is champion now
   * @param digestOf of a version; empty if unknown
   * @param latest the model's newest rollout, ended or not; null if there never was one
   */
  public static ModelRoute build(
      ModelConfig config,
      String champion,
      ModelSignature signature,
      UnaryOperator<String> digestOf,
      @Nullable StoredRollout latest) {
    ModelRoute.Builder route =
        config.standing().toBuilder()
            .setModel(config.name())
            .setSignature(signature)
            .setUnit(RandomisationUnit.REQUEST)
            .setOnControlLoss(ControlLoss.CHAMPION_ONLY)
            .setTryTimeoutMs(config.tryTimeoutMillis())
            .setLineageOverflow(config.lineage())
            .setPayloadSampleBp(config.payloadSampleBp())
            .addArms(arm("champion", Role.CHAMPION, champion, digestOf, config.championFleet()));
    if (!config.contract().equals(DataContract.getDefaultInstance())) {
      route.setContract(config.contract());
    }
    ModelConfig.Benchmark benchmark = config.benchmark();
    if (benchmark != null) {
      route.addArms(
          Arm.newBuilder()
              .setName("benchmark")
              .setRole(Role.BENCHMARK)
              .setVersion(benchmark.version())
              .setUpstreamModel(benchmark.model())
              .addAllEndpoints(benchmark.fleet().stream().map(HostPort::toString).toList()));
    }
    if (latest == null) {
      return route.build();
    }
    route.setDecisionRevision(latest.decisionRevision());
    Phase phase = latest.state().phase();
    Phase lived = phase == Phase.PAUSED ? latest.state().resume() : phase;
    if (Phases.onTrial(lived)) {
      trial(route, config, champion, digestOf, latest);
    } else if (phase == Phase.WATCHING) {
      named(route, latest);
      kept(route, config, digestOf, latest);
    }
    return route.build();
  }

  private static void trial(
      ModelRoute.Builder route,
      ModelConfig config,
      String champion,
      UnaryOperator<String> digestOf,
      StoredRollout rollout) {
    named(route, rollout);
    RolloutPlan plan = rollout.plan();
    String challenger = rollout.challengerVersion();
    int step = rollout.state().step();
    int weight = Steps.canaryWeightBp(plan, step);
    int mirror = Steps.mirrorBp(plan, step);
    if (weight > 0) {
      route.setCanaryWeightBp(weight);
      Arm canary = arm("canary", Role.CANARY, challenger, digestOf, config.challengerFleet());
      route.addArms(
          plan.getDrill().hasFault() && isRunning(rollout.state())
              ? canary.toBuilder().setFault(plan.getDrill().getFault()).build()
              : canary);
      if (plan.getLiveControl()) {
        route.setControlWeightBp(weight);
        route.addArms(arm("control", Role.CONTROL, champion, digestOf, config.controlFleet()));
      }
    }
    if (mirror > 0) {
      Mirror.Builder copies = Mirror.newBuilder().setFractionBp(mirror).addArms("shadow");
      route.addArms(arm("shadow", Role.SHADOW, challenger, digestOf, config.challengerFleet()));
      if (plan.getMirroredControl()) {
        route.addArms(
            arm(
                "mirrored-control",
                Role.MIRRORED_CONTROL,
                champion,
                digestOf,
                config.sparedFleet()));
        copies.addArms("mirrored-control");
      }
      route.setMirror(copies);
    }
  }

  /** Whether the plan goes on; a pause that it asked for is part of it. */
  private static boolean isRunning(RolloutState state) {
    return state.phase() != Phase.PAUSED || state.reason().equals(Reasons.PAUSE_STEP);
  }

  /** The former champion keeps its share of a watch, where it is still loaded. */
  private static void kept(
      ModelRoute.Builder route,
      ModelConfig config,
      UnaryOperator<String> digestOf,
      StoredRollout rollout) {
    int kept = Steps.keptBp(rollout.plan(), rollout.state());
    if (kept > 0) {
      route
          .setControlWeightBp(kept)
          .addArms(
              arm(
                  "control",
                  Role.CONTROL,
                  rollout.championVersion(),
                  digestOf,
                  config.sparedFleet()));
    }
  }

  private static void named(ModelRoute.Builder route, StoredRollout rollout) {
    RolloutPlan plan = rollout.plan();
    route
        .setRolloutId(rollout.id())
        .setUnit(plan.getUnit())
        .setKeyMetadata(plan.getKeyMetadata())
        .setFailoverBp(plan.getFailoverBp())
        .setOnControlLoss(plan.hasDrill() ? ControlLoss.CHAMPION_ONLY : plan.getOnControlLoss());
    if (plan.getTryTimeoutMs() > 0) {
      route.setTryTimeoutMs(plan.getTryTimeoutMs());
    }
    if (plan.getPayloadSampleBp() > 0) {
      route.setPayloadSampleBp(plan.getPayloadSampleBp());
    }
  }

  private static Arm arm(
      String name,
      Role role,
      String version,
      UnaryOperator<String> digestOf,
      List<HostPort> fleet) {
    return Arm.newBuilder()
        .setName(name)
        .setRole(role)
        .setVersion(version)
        .setDigest(digestOf.apply(version))
        .addAllEndpoints(fleet.stream().map(HostPort::toString).toList())
        .build();
  }
}
