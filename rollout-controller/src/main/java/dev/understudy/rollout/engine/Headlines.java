package dev.understudy.rollout.engine;

import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.policy.RolloutState;
import dev.understudy.rollout.policy.Steps;
import dev.understudy.rollout.store.StoredRollout;
import java.util.Locale;

/** One line for people. */
final class Headlines {
  private Headlines() {}

  /**
   * Such as {@code version 8 · canary 25 % · needs about 3,100 more requests}.
   *
   * @param waitingFor what the policy said it waits for; may be empty
   */
  static String of(StoredRollout rollout, String waitingFor) {
    RolloutState state = rollout.state();
    RolloutPlan plan = rollout.plan();
    String version =
        (rollout.isDrill() ? "drill · version " : "version ") + rollout.challengerVersion();
    return switch (state.phase()) {
      case PENDING ->
          join(
              version,
              "pending" + (state.detail().isEmpty() ? "" : " · " + state.detail()),
              waitingFor);
      case SHADOWING ->
          join(version, "shadow " + percent(Steps.mirrorBp(plan, state.step())), waitingFor);
      case PROGRESSING ->
          join(version, "canary " + percent(Steps.canaryWeightBp(plan, state.step())), waitingFor);
      case PAUSED ->
          join(
              version,
              share(plan, state.step()) + "paused: " + state.reason(),
              state.detail().isEmpty() ? waitingFor : state.detail());
      case PROMOTING -> join(version, "being promoted", waitingFor);
      case WATCHING ->
          join(
              version,
              "champion, watched"
                  + (Steps.keptBp(plan, state) > 0
                      ? " beside "
                          + percent(Steps.keptBp(plan, state))
                          + " on version "
                          + rollout.championVersion()
                      : ""),
              state.detail().isEmpty()
                  ? waitingFor
                  : (waitingFor.isEmpty() ? "" : waitingFor + "; ")
                      + "nothing is compared: "
                      + state.detail());
      case HEALTHY ->
          rollout.isDrill()
              ? join(version, state.reason(), state.detail())
              : join(version, "champion", "");
      case ABORTING, DEGRADED ->
          join(
              version,
              state.reason() + (state.phase() == Phase.ABORTING ? ", being taken out" : ""),
              state.detail());
      case PHASE_UNSPECIFIED, UNRECOGNIZED -> version;
    };
  }

  /** While decisions cannot be stored. */
  static String notKept(String headline, String why) {
    return headline + " · nothing is decided and no lease renewed until it can be stored: " + why;
  }

  /** A challenger that was taken out although that could not be stored. */
  static String takenOut(StoredRollout rollout) {
    return join(
        "version " + rollout.challengerVersion(),
        rollout.state().reason() + ", taken out, which could not be stored yet",
        rollout.state().detail());
  }

  private static String share(RolloutPlan plan, int step) {
    int canary = Steps.canaryWeightBp(plan, step);
    return canary > 0 ? "canary " + percent(canary) + " · " : "";
  }

  private static String join(String version, String what, String more) {
    return version + " · " + what + (more.isEmpty() ? "" : " · " + more);
  }

  static String percent(int basisPoints) {
    return basisPoints % 100 == 0
        ? basisPoints / 100 + " %"
        : String.format(Locale.ROOT, "%.2f %%", basisPoints / 100.0);
  }
}
