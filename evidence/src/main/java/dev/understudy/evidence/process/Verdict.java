package dev.understudy.evidence.process;

import java.util.List;

/** What can be said about one metric, or about all critical metrics together. */
public enum Verdict {
  /** The challenger was shown to be within its margin. */
  PROVED,
  /** The challenger was shown to be unacceptable. */
  AGAINST,
  /** The evidence does not yet reach either level. */
  UNDECIDED,
  /** There is nothing to judge by: no control arm, no labels, no traffic. */
  CANNOT_MEASURE;

  /**
   * The verdict of one metric from its two e-values. Evidence against wins when both levels are
   * reached.
   *
   * @param logAgainst natural logarithm of the e-value against "acceptable"
   * @param logFor natural logarithm of the e-value against "worse than the margin", as it is now
   * @param alpha error level for stopping an acceptable challenger, in (0, 1)
   * @param beta error level for promoting an unacceptable one, in (0, 1)
   */
  public static Verdict of(double logAgainst, double logFor, double alpha, double beta) {
    if (LogMath.reaches(logAgainst, alpha)) {
      return AGAINST;
    }
    return LogMath.reaches(logFor, beta) ? PROVED : UNDECIDED;
  }

  /**
   * The verdict over all critical metrics: against if any is, proved only if all are, unmeasurable
   * if any is that and none speaks against. Without any metric nothing can be measured; silence
   * never promotes.
   */
  public static Verdict ofAll(List<Verdict> critical) {
    if (critical.contains(AGAINST)) {
      return AGAINST;
    }
    if (critical.isEmpty() || critical.contains(CANNOT_MEASURE)) {
      return CANNOT_MEASURE;
    }
    return critical.contains(UNDECIDED) ? UNDECIDED : PROVED;
  }
}
