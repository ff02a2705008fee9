package dev.understudy.router.table;

import dev.understudy.proto.v1.RoutingTable;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything in force at one moment; replaced whole. Immutable.
 *
 * @param table the table
 * @param plans its models, compiled; what passes through under the empty name
 * @param leaseDeadlineNanos when shares fall back, on the monotonic clock; {@link Long#MAX_VALUE}
 *     without a lease
 * @param confirmed false for a table from disk that no controller has confirmed yet
 * @param championOnly models whose glass is broken at this router
 */
public record Snapshot(
    RoutingTable table,
    Map<String, ModelPlan> plans,
    long leaseDeadlineNanos,
    boolean confirmed,
    Set<String> championOnly) {
  /** Before any table. */
  public static final Snapshot EMPTY =
      new Snapshot(RoutingTable.getDefaultInstance(), Map.of(), Long.MAX_VALUE, true, Set.of());

  /**
   * The plan of a model; of one that is not listed the plan by which such models pass through, or
   * null when they do not, or this one must not.
   */
  public @Nullable ModelPlan plan(String model) {
    ModelPlan plan = plans.get(model);
    if (plan != null) {
      return plan;
    }
    ModelPlan passing = plans.get("");
    return passing == null || passing.hidden().contains(model) ? null : passing;
  }

  /** Whether the lease has run out. */
  public boolean leaseExpired(long nowNanos) {
    return leaseDeadlineNanos != Long.MAX_VALUE && nowNanos - leaseDeadlineNanos >= 0;
  }

  /** Whether a model's shares are in force; otherwise the champion has everything. */
  public boolean sharesHold(ModelPlan plan, long nowNanos) {
    return confirmed
        && !championOnly.contains(plan.model())
        && (plan.holds() || !leaseExpired(nowNanos));
  }

  /** With another lease, confirmed. */
  public Snapshot renewed(long deadlineNanos) {
    return new Snapshot(table, plans, deadlineNanos, true, championOnly);
  }

  /** With another set of models held at their champions. */
  public Snapshot withChampionOnly(Set<String> models) {
    return new Snapshot(table, plans, leaseDeadlineNanos, confirmed, Set.copyOf(models));
  }

  /** With one plan replaced. */
  public Snapshot with(ModelPlan plan) {
    Map<String, ModelPlan> changed = new HashMap<>(plans);
    changed.put(plan.model(), plan);
    return new Snapshot(table, Map.copyOf(changed), leaseDeadlineNanos, confirmed, championOnly);
  }
}
