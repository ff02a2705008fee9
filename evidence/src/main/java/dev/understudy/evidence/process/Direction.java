package dev.understudy.evidence.process;

/** Which of two opposite null hypotheses a process collects evidence against. */
public enum Direction {
  /** Null hypothesis: the challenger is acceptable. Evidence against it is a reason to abort. */
  ABORT,
  /**
   * Null hypothesis: the challenger is worse than its margin. Evidence against it is a reason to
   * promote.
   */
  PROMOTE
}
