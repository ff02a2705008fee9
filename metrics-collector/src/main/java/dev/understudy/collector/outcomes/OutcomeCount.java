package dev.understudy.collector.outcomes;

/** What can become of an outcome, as it is counted since the start. */
public enum OutcomeCount {
  /** Reported for a prediction that was known. */
  ACCEPTED,
  /** Reported before with the same value. */
  DUPLICATE,
  /** Reported before with another value. */
  REPLACED,
  /** Reported for a prediction that was not known; kept until it arrives. */
  UNKNOWN,
  /** Brought together with the answer to its call. */
  JOINED,
  /** Of those joined: with a shadow's answer too. */
  PAIRED,
  /** Of those joined: the answer holds no single finite score, so nothing follows. */
  UNUSABLE,
  /** Of those replaced: the earlier value had been passed on as evidence, and stands there. */
  REPLACED_AFTER_JOIN,
  /** Given up because too many waited for their prediction. */
  EVICTED,
  /** Joined, but not passed on because the outbox was full. */
  UNSENT
}
