package dev.understudy.rollout.policy;

/** What to do next about a rollout. */
public sealed interface Action {
  /** Nothing. The sentence says what is waited for. */
  record Hold(String waitingFor) implements Action {}

  /** Go to the next step of the plan. */
  record Advance(int step, String why) implements Action {}

  /** Keep the shares as they are and wait for a person or for better evidence. */
  record Pause(String reason, String detail) implements Action {}

  /** The cause of the pause is gone. */
  record Continue(String why) implements Action {}

  /** All traffic to the champion, now. */
  record Abort(String detail) implements Action {}

  /** Every step is done: the challenger becomes champion. */
  record Promote(String why) implements Action {}

  /**
   * A drill is over: the canary is taken out and nothing else changes.
   *
   * @param reason {@link Reasons#DRILL_ENDED} if it ran to its end, else what it ended for
   */
  record EndDrill(String reason, String why) implements Action {}

  /** The promotion held. */
  record FinishWatching() implements Action {}

  /** The promotion did not hold: the champion before it returns. */
  record Undo(String detail) implements Action {}
}
