package dev.understudy.rollout.policy;

/** The words for why a rollout is paused or degraded. They are part of the interface. */
public final class Reasons {
  /** A pause that the plan asked for. */
  public static final String PAUSE_STEP = "CanaryPauseStep";

  /** The step's longest time passed and the evidence decided nothing. */
  public static final String INSUFFICIENT_EVIDENCE = "InsufficientEvidence";

  /** The traffic is not split as it was configured, so that no comparison can be trusted. */
  public static final String SAMPLE_RATIO_MISMATCH = "SampleRatioMismatch";

  /** Nothing has been heard of the evidence for too long. Resumes by itself. */
  public static final String STALE_EVIDENCE = "StaleEvidence";

  /** A person asked for it. */
  public static final String BY_HAND = "ByHand";

  /** A model server could not load the version. */
  public static final String LOAD_FAILED = "LoadFailed";

  /** A model server holds other files than the catalog knows under the version's number. */
  public static final String DIGEST_MISMATCH = "DigestMismatch";

  /** The challenger does not take or give the same tensors as the champion. */
  public static final String SIGNATURE_MISMATCH = "SignatureMismatch";

  /** The judge did not accept what is to be judged. */
  public static final String EVALUATION_REFUSED = "EvaluationRefused";

  /** The evidence, or a guardrail, spoke against the challenger. */
  public static final String ABORTED = "Aborted";

  /** A person stopped the rollout before the challenger was promoted. */
  public static final String ABORTED_BY_HAND = "AbortedByHand";

  /** The challenger had been promoted, and the champion before it serves again. */
  public static final String UNDONE = "Undone";

  /** A drill ran to its end; the champion serves as before. */
  public static final String DRILL_ENDED = "DrillEnded";

  /** While WATCHING: the former champion's servers are not ready, so nothing is compared. */
  public static final String NOTHING_KEPT = "NothingKept";

  private Reasons() {}
}
