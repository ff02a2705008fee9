package dev.understudy.router.record;

import dev.understudy.proto.v1.Role;

/** Which counts of mirrored calls belong together. */
public record PairKey(
    String rollout, String model, long decisionRevision, Role role, String version) {}
