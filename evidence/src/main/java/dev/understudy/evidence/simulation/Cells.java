package dev.understudy.evidence.simulation;

import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.Role;
import org.jspecify.annotations.Nullable;

/** Cells of one arm, as a router counts them. */
final class Cells {
  private Cells() {}

  /** The weights, in 1/10000, also name the decision: another weight is another revision. */
  static Cell of(
      Role role, int canaryBp, int controlBp, long ok, long bad, @Nullable LatencyCounts latency) {
    Cell.Builder cell = head(role, canaryBp, controlBp).setAssigned(ok + bad);
    if (ok > 0) {
      cell.addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.OK).setCount(ok));
    }
    if (bad > 0) {
      cell.addOutcomes(OutcomeCount.newBuilder().setOutcome(Outcome.BAD_INTERNAL).setCount(bad));
    }
    if (latency != null) {
      cell.setLatency(latency);
    }
    return cell.build();
  }

  static Cell.Builder head(Role role, int canaryBp, int controlBp) {
    return Cell.newBuilder()
        .setRolloutId(Specs.ROLLOUT)
        .setModel(Specs.MODEL)
        .setRule("default")
        .setDecisionRevision(canaryBp)
        .setCanaryWeightBp(canaryBp)
        .setControlWeightBp(controlBp)
        .setRole(role)
        .setVersion(role == Role.CANARY ? Specs.CHALLENGER : Specs.CHAMPION);
  }
}
