package dev.understudy.rollout.engine;

import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.rollout.policy.Phases;
import dev.understudy.rollout.policy.Steps;
import dev.understudy.rollout.store.Store;
import dev.understudy.rollout.store.StoredRollout;
import org.jspecify.annotations.Nullable;

/** Makes the status that people and programs see. */
final class Statuses {
  private static final int DECISIONS = 500;

  private Statuses() {}

  static RolloutStatus of(
      Store store, StoredRollout rollout, @Nullable EvidenceReport report, String waitingFor) {
    var state = rollout.state();
    var lived =
        state.phase() == dev.understudy.proto.v1.Phase.PAUSED ? state.resume() : state.phase();
    boolean onTrial = Phases.onTrial(lived);
    RolloutStatus.Builder status =
        RolloutStatus.newBuilder()
            .setRolloutId(rollout.id())
            .setModel(rollout.model())
            .setChampionVersion(rollout.championVersion())
            .setChallengerVersion(rollout.challengerVersion())
            .setPhase(state.phase())
            .setReason(state.reason())
            .setHeadline(Headlines.of(rollout, waitingFor))
            .setStep(state.step())
            .setSteps(rollout.plan().getStepsCount())
            .setCanaryWeightBp(onTrial ? Steps.canaryWeightBp(rollout.plan(), state.step()) : 0)
            .setMirrorBp(onTrial ? Steps.mirrorBp(rollout.plan(), state.step()) : 0)
            .setAttempt(rollout.attempt())
            .setStartedUnixMs(rollout.spec().getStartedUnixMs())
            .setPhaseSinceUnixMs(state.phaseSinceMillis())
            .setEndedUnixMs(rollout.endedMillis())
            .setPlan(rollout.plan())
            .setPlanDigest(rollout.planDigest())
            .addAllDecisions(store.decisions(rollout.id(), DECISIONS))
            .setRoutingRevision(rollout.decisionRevision())
            .setRoutingEpoch(store.epoch());
    EvidenceReport evidence = report == null ? store.report(rollout.id()) : report;
    if (evidence != null) {
      status.setEvidence(evidence);
    }
    return status.build();
  }
}
