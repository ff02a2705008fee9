package dev.understudy.router.stack;

import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import org.jspecify.annotations.Nullable;

/**
 * The part of a lineage record that says what was in force and what was decided, serialized. It is
 * the same for every call with the same decision, of which there are a handful at a time; each
 * thread remembers those that it has met lately. Any thread.
 */
final class Decisions {
  private static final int LATELY = 8;

  private record Decision(
      ModelPlan plan, RoutingTable table, ArmPlan assigned, ArmPlan answered, int canaryBp) {
    @SuppressWarnings("ReferenceEquality") // what came with another table is another decision
    boolean is(ModelPlan p, RoutingTable t, ArmPlan first, ArmPlan last, int bp) {
      return plan == p && table == t && assigned == first && answered == last && canaryBp == bp;
    }
  }

  private static final class Memory {
    private final @Nullable Decision[] lately = new Decision[LATELY];
    private final byte[][] bytes = new byte[LATELY][];
    private int turn;
  }

  private final ThreadLocal<Memory> mine = ThreadLocal.withInitial(Memory::new);

  byte[] of(ModelPlan plan, RoutingTable table, Assignment assigned, ArmPlan answered) {
    Memory memory = mine.get();
    for (int i = 0; i < LATELY; i++) {
      Decision known = memory.lately[i];
      if (known != null && known.is(plan, table, assigned.arm(), answered, assigned.canaryBp())) {
        return memory.bytes[i];
      }
    }
    byte[] bytes = serialized(plan.route(), table, assigned, answered);
    memory.lately[memory.turn] =
        new Decision(plan, table, assigned.arm(), answered, assigned.canaryBp());
    memory.bytes[memory.turn] = bytes;
    memory.turn = (memory.turn + 1) % LATELY;
    return bytes;
  }

  private static byte[] serialized(
      ModelRoute route, RoutingTable table, Assignment assigned, ArmPlan answered) {
    return LineageRecord.newBuilder()
        .setModel(route.getModel())
        .setAssignedRole(assigned.arm().role())
        .setAnsweredRole(answered.role())
        .setVersion(answered.version())
        .setDigest(answered.arm().getDigest())
        .setRolloutId(route.getRolloutId())
        .setRoutingEpoch(table.getEpoch())
        .setRoutingRevision(table.getRevision())
        .setDecisionRevision(route.getDecisionRevision())
        .setContractDigest(route.getContract().getDigest())
        .setCanaryWeightBp(assigned.canaryBp())
        .build()
        .toByteArray();
  }
}
