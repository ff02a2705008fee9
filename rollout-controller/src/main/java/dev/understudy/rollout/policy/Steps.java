package dev.understudy.rollout.policy;

import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;

/** What a plan has in force at one of its steps. Shares are in 1/10000. */
public final class Steps {
  private Steps() {}

  /** The canary's share at a step: that of the last {@code setWeight} up to it. */
  public static int canaryWeightBp(RolloutPlan plan, int step) {
    for (int i = last(plan, step); i >= 0; i--) {
      if (plan.getSteps(i).getStepCase() == Step.StepCase.SET_WEIGHT_BP) {
        return plan.getSteps(i).getSetWeightBp();
      }
    }
    return 0;
  }

  /** The share of the champion's requests that is copied: that of the last mirror step. */
  public static int mirrorBp(RolloutPlan plan, int step) {
    for (int i = last(plan, step); i >= 0; i--) {
      if (plan.getSteps(i).getStepCase() == Step.StepCase.SET_MIRROR_BP) {
        return plan.getSteps(i).getSetMirrorBp();
      }
    }
    return 0;
  }

  /** The phase in which a step is lived through. */
  public static Phase phaseOf(RolloutPlan plan, int step) {
    if (step >= plan.getStepsCount()) {
      return Phase.PROMOTING;
    }
    if (isPause(plan, step)) {
      return Phase.PAUSED;
    }
    return canaryWeightBp(plan, step) > 0 ? Phase.PROGRESSING : Phase.SHADOWING;
  }

  /** Whether a step only waits. */
  public static boolean isPause(RolloutPlan plan, int step) {
    return step < plan.getStepsCount()
        && plan.getSteps(step).getStepCase() == Step.StepCase.PAUSE_MS;
  }

  /** The former champion's share of a watch: the plan's, unless its servers were not ready. */
  public static int keptBp(RolloutPlan plan, RolloutState state) {
    return state.reason().equals(Reasons.NOTHING_KEPT) ? 0 : plan.getWatchKeptBp();
  }

  /** How long a step may last, in milliseconds; 0 for a pause that only a person ends. */
  static long longestMillis(RolloutPlan plan, int step) {
    Step found = plan.getSteps(last(plan, step));
    return isPause(plan, step) ? found.getPauseMs() : found.getMaxDurationMs();
  }

  /** Whether a metric of this kind gathers evidence at a step. */
  public static boolean measurable(RolloutPlan plan, int step, MetricKind kind) {
    boolean copies = mirrorBp(plan, step) > 0;
    boolean canary = canaryWeightBp(plan, step) > 0;
    return switch (kind) {
      case FAILURES, QUALITY -> copies || canary;
      case LATENCY -> canary && plan.getLiveControl() && plan.getUnit() != RandomisationUnit.KEY;
      case DIVERGENCE, CHANGED_DECISIONS -> copies;
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> false;
    };
  }

  private static int last(RolloutPlan plan, int step) {
    return Math.min(step, plan.getStepsCount() - 1);
  }
}
