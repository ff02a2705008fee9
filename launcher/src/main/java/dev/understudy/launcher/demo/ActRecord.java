package dev.understudy.launcher.demo;

import dev.understudy.proto.v1.RolloutStatus;

/**
 * What happened in an act.
 *
 * @param last the rollout's last status
 * @param answeredByChallenger customers answered by the challenger while the act lasted, counted by
 *     the customers themselves from the version named in each answer
 * @param errors calls that ended with an error for a customer while the act lasted
 * @param rule what a threshold rule would have decided on the same evidence
 */
record ActRecord(
    Act act,
    Act.Ending ending,
    RolloutStatus last,
    long answeredByChallenger,
    long errors,
    double seconds,
    String rule) {

  boolean asExpected() {
    return ending == act.expected();
  }
}
