package dev.understudy.rollout.store;

import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.policy.RolloutState;

/**
 * One rollout as it is remembered.
 *
 * @param id time-ordered
 * @param plan fixed at the start
 * @param planDigest of the plan, hex
 * @param attempt 1 for the first
 * @param championVersion who was champion at the start
 * @param spec what the judge was asked to judge, exactly as it was asked
 * @param state where it stands
 * @param decisionRevision the routing revision of the last decision about it
 * @param endedMillis wall clock; 0 while it is in flight
 */
public record StoredRollout(
    String id,
    RolloutPlan plan,
    String planDigest,
    int attempt,
    String championVersion,
    EvaluationSpec spec,
    RolloutState state,
    long decisionRevision,
    long endedMillis) {

  /** The model it is about. */
  public String model() {
    return plan.getModel();
  }

  /** Whether it only rehearses: never promoted, no attempt of any version. */
  public boolean isDrill() {
    return plan.hasDrill();
  }

  /** The version that wants the job. */
  public String challengerVersion() {
    return plan.getChallengerVersion();
  }

  /**
   * The next attempt of the same rollout: the same evaluation, which keeps its evidence. What is
   * not judged, such as the times of its steps, may have been edited.
   */
  public StoredRollout retried(
      RolloutPlan nextPlan, String nextPlanDigest, EvaluationSpec nextSpec, long nowMillis) {
    return new StoredRollout(
        id,
        nextPlan,
        nextPlanDigest,
        nextSpec.getAttempt(),
        championVersion,
        nextSpec,
        RolloutState.pending(nowMillis),
        decisionRevision,
        0);
  }

  /** The same rollout elsewhere. */
  public StoredRollout with(RolloutState next, long revision, long ended) {
    return new StoredRollout(
        id, plan, planDigest, attempt, championVersion, spec, next, revision, ended);
  }
}
