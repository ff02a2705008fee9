package dev.understudy.rollout.policy;

import dev.understudy.proto.v1.Phase;

/**
 * Where a rollout stands. Everything that is decided about it depends on this, its plan, the
 * evidence and the time; so this is what must survive a crash.
 *
 * @param phase where it is now
 * @param resume where it returns to from PAUSED; PHASE_UNSPECIFIED elsewhere
 * @param step index of the plan's step in force; the number of steps once all are done
 * @param reason for PAUSED, ABORTING and DEGRADED a word of {@link Reasons}, for WATCHING perhaps
 *     {@link Reasons#NOTHING_KEPT}; for HEALTHY that of a drill; empty elsewhere
 * @param detail a sentence for people; may be empty
 * @param phaseSinceMillis wall clock of the change to this phase
 * @param stepSinceMillis wall clock from which the step's times count
 * @param baseline what {@link RolloutPolicy#samples} said when the step began; while WATCHING, the
 *     challenger's longest run of failures as champion in an earlier attempt
 * @param splitAccepted a person resumed the rollout although the split was not as configured
 * @param overridden a person promoted it although the evidence was against it
 * @param promoted the challenger is champion
 * @param undoLoads an undo must first load the version before, which is no longer held
 */
public record RolloutState(
    Phase phase,
    Phase resume,
    int step,
    String reason,
    String detail,
    long phaseSinceMillis,
    long stepSinceMillis,
    long baseline,
    boolean splitAccepted,
    boolean overridden,
    boolean promoted,
    boolean undoLoads) {

  /** How every rollout begins. */
  public static RolloutState pending(long nowMillis) {
    return pending("", nowMillis);
  }

  /**
   * How a rollout begins about which there is something to tell.
   *
   * @param sentence for people; may be empty
   */
  public static RolloutState pending(String sentence, long nowMillis) {
    return new RolloutState(
        Phase.PENDING,
        Phase.PHASE_UNSPECIFIED,
        0,
        "",
        sentence,
        nowMillis,
        nowMillis,
        0,
        false,
        false,
        false,
        false);
  }

  /** Enters a step of the plan. */
  public RolloutState atStep(Phase next, int nextStep, long samples, long nowMillis) {
    boolean pause = next == Phase.PAUSED;
    return new RolloutState(
        checked(next),
        pause ? Phase.PROGRESSING : Phase.PHASE_UNSPECIFIED,
        nextStep,
        pause ? Reasons.PAUSE_STEP : "",
        "",
        next == phase && !pause ? phaseSinceMillis : nowMillis,
        nowMillis,
        samples,
        splitAccepted,
        overridden,
        promoted,
        false);
  }

  /** The challenger has become champion; its watch beside the former one begins. */
  public RolloutState watching(long championBadRun, long nowMillis) {
    return watching(championBadRun, "", nowMillis);
  }

  /**
   * The challenger has become champion; its watch begins.
   *
   * @param nothingKept why the former champion cannot keep its share; empty if it can
   */
  public RolloutState watching(long championBadRun, String nothingKept, long nowMillis) {
    return new RolloutState(
        checked(Phase.WATCHING),
        Phase.PHASE_UNSPECIFIED,
        step,
        nothingKept.isEmpty() ? "" : Reasons.NOTHING_KEPT,
        nothingKept,
        nowMillis,
        stepSinceMillis,
        championBadRun,
        splitAccepted,
        overridden,
        true,
        false);
  }

  /** Moves to another phase at the same step. */
  public RolloutState to(Phase next, String why, String sentence, long nowMillis) {
    return new RolloutState(
        checked(next),
        Phase.PHASE_UNSPECIFIED,
        step,
        why,
        sentence,
        nowMillis,
        stepSinceMillis,
        baseline,
        splitAccepted,
        overridden,
        promoted,
        undoLoads);
  }

  /**
   * Pauses. A rollout that is paused already gets the new reason and returns where it came from.
   */
  public RolloutState paused(String why, String sentence, long nowMillis) {
    return new RolloutState(
        checked(Phase.PAUSED),
        phase == Phase.PAUSED ? resume : phase,
        step,
        why,
        sentence,
        nowMillis,
        stepSinceMillis,
        baseline,
        splitAccepted,
        overridden,
        promoted,
        undoLoads);
  }

  /** Returns from a pause; the step's times count from now. */
  public RolloutState resumed(long nowMillis) {
    return new RolloutState(
        checked(resume),
        Phase.PHASE_UNSPECIFIED,
        step,
        "",
        "",
        nowMillis,
        nowMillis,
        baseline,
        splitAccepted || reason.equals(Reasons.SAMPLE_RATIO_MISMATCH),
        overridden,
        promoted,
        undoLoads);
  }

  /** Notes that a person promotes against the evidence. */
  public RolloutState withOverride() {
    return new RolloutState(
        phase,
        resume,
        step,
        reason,
        detail,
        phaseSinceMillis,
        stepSinceMillis,
        baseline,
        splitAccepted,
        true,
        promoted,
        undoLoads);
  }

  /** Notes whether the challenger is champion, and whether its undo must load first. */
  public RolloutState withPromoted(boolean isChampion, boolean undoMustLoad) {
    return new RolloutState(
        phase,
        resume,
        step,
        reason,
        detail,
        phaseSinceMillis,
        stepSinceMillis,
        baseline,
        splitAccepted,
        overridden,
        isChampion,
        undoMustLoad);
  }

  private Phase checked(Phase next) {
    if (!Phases.mayFollow(phase, next)) {
      throw new IllegalStateException(
          "phase: " + next + " after " + phase + " (expected: one of " + Phases.after(phase) + ")");
    }
    return next;
  }
}
