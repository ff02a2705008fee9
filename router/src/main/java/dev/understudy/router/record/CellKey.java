package dev.understudy.router.record;

import dev.understudy.proto.v1.Role;

/**
 * What counts of one arm belong together: one decision, one set of weights in force.
 *
 * @param canaryBp the canary's probability in force, in 1/10000
 * @param controlBp the control's
 */
public record CellKey(
    String rollout,
    String model,
    long decisionRevision,
    int canaryBp,
    int controlBp,
    Role role,
    String version) {}
