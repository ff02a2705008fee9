package dev.understudy.router.control;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.v1.LeaseRenewal;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.table.TableException;
import dev.understudy.router.table.Tables;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What is in force, and the rules by which it changes:
 *
 * <ul>
 *   <li>a table of an older epoch than the newest one seen is refused, so that a controller that
 *       lost its role cannot steer;
 *   <li>inside an epoch the revision must rise; the very table that is in force, said again, is a
 *       confirmation and renews the lease;
 *   <li>a table is compiled first and then put in force whole, with one write;
 *   <li>leases run on the monotonic clock from the moment of receipt;
 *   <li>a table from disk is in force champion-only until a controller confirms it.
 * </ul>
 *
 * <p>{@link #current()} is one volatile read; everything else takes a lock.
 */
public final class TableKeeper {
  private static final Logger log = Logger.getLogger(TableKeeper.class.getName());

  private final String router;
  private final String bootId;
  private final TimeSource time;
  private final @Nullable TableFile file;
  private final boolean lineageIsKept;
  private final Set<String> profiles;
  private final Consumer<Snapshot> applied;
  private volatile Snapshot current = Snapshot.EMPTY;
  private volatile long appliedUnixMs;
  private volatile String refusal = "";

  /**
   * A keeper without a table.
   *
   * @param file where tables are kept; null for nowhere
   * @param profiles names of the ways to connect to backends
   * @param applied told after each change of arms, under the keeper's lock
   */
  public TableKeeper(
      String router,
      String bootId,
      TimeSource time,
      @Nullable TableFile file,
      boolean lineageIsKept,
      Set<String> profiles,
      Consumer<Snapshot> applied) {
    this.router = router;
    this.bootId = bootId;
    this.time = time;
    this.file = file;
    this.lineageIsKept = lineageIsKept;
    this.profiles = Set.copyOf(profiles);
    this.applied = applied;
  }

  /** What is in force. */
  public Snapshot current() {
    return current;
  }

  /** Takes up the broken glass that the last run left on disk. */
  public synchronized void restoreGlass() {
    if (file != null) {
      current = current.withChampionOnly(file.loadChampionOnly());
    }
  }

  /** Takes up the table that the last run left on disk. */
  public synchronized void restoreTable() {
    RoutingTable table = file == null ? null : file.load();
    if (table == null) {
      return;
    }
    try {
      Map<String, ModelPlan> plans = Tables.compile(table, lineageIsKept, profiles);
      replace(new Snapshot(table, plans, Long.MAX_VALUE, false, current.championOnly()));
      log.info(() ->
          "Routing table "
              + table.getEpoch()
              + "/"
              + table.getRevision()
              + " from disk is in force champion-only until it is confirmed");
    } catch (TableException e) {
      log.warning("The routing table on disk cannot be used: " + e.getMessage());
    }
  }

  /**
   * Offers a table.
   *
   * @return why it was refused, or an empty text
   */
  public synchronized String offer(RoutingTable table) {
    Snapshot now = current;
    String fault = fenced(table, now);
    if (fault.isEmpty() && isSame(table, now)) {
      current = now.renewed(deadline(table.getLeaseMs()));
      refusal = "";
      return "";
    }
    if (fault.isEmpty()) {
      try {
        Map<String, ModelPlan> plans = Tables.compile(table, lineageIsKept, profiles);
        replace(new Snapshot(table, plans, deadline(table.getLeaseMs()), true, now.championOnly()));
        if (file != null) {
          file.save(table);
        }
        refusal = "";
        return "";
      } catch (TableException e) {
        fault = String.valueOf(e.getMessage());
      }
    }
    refusal = fault;
    log.warning("Routing table refused: " + fault);
    return fault;
  }

  private static String fenced(RoutingTable table, Snapshot now) {
    RoutingTable old = now.table();
    if (Long.compareUnsigned(table.getEpoch(), old.getEpoch()) < 0) {
      return "epoch " + table.getEpoch() + " (expected: >= " + old.getEpoch() + ")";
    }
    if (table.getEpoch() == old.getEpoch()
        && old.getRevision() != 0
        && Long.compareUnsigned(table.getRevision(), old.getRevision()) <= 0
        && !isSame(table, now)) {
      return "revision "
          + table.getRevision()
          + " (expected: > "
          + old.getRevision()
          + " in epoch "
          + old.getEpoch()
          + ")";
    }
    return "";
  }

  private static boolean isSame(RoutingTable table, Snapshot now) {
    return table.equals(now.table());
  }

  /** Renews the lease of the table in force; a renewal for another table has no effect. */
  public synchronized boolean renew(LeaseRenewal renewal) {
    Snapshot now = current;
    if (renewal.getEpoch() != now.table().getEpoch()
        || renewal.getRevision() != now.table().getRevision()) {
      return false;
    }
    current = now.renewed(deadline(renewal.getLeaseMs()));
    return true;
  }

  /** Breaks the glass of a model, or repairs it. */
  public synchronized void setChampionOnly(String model, boolean championOnly) {
    Set<String> models = new TreeSet<>(current.championOnly());
    if (championOnly ? models.add(model) : models.remove(model)) {
      current = current.withChampionOnly(models);
      if (file != null) {
        file.saveChampionOnly(models);
      }
    }
  }

  /** A model's signature has been learned from the champion that the plan names. */
  public synchronized void learned(ModelPlan asked, Signature signature) {
    ModelPlan plan = current.plan(asked.model());
    if (plan != null
        && plan.signature() == null
        && plan.champion().arm().equals(asked.champion().arm())) {
      current = current.with(plan.with(signature));
    }
  }

  /** What is told to the controller. */
  public RouterState state(long blocksUnacknowledged) {
    Snapshot now = current;
    return RouterState.newBuilder()
        .setRouter(router)
        .setBootId(bootId)
        .setAppliedRevision(now.table().getRevision())
        .setAppliedEpoch(now.table().getEpoch())
        .setAppliedUnixMs(appliedUnixMs)
        .setRefusal(refusal)
        .setLeaseExpired(!now.confirmed() || now.leaseExpired(time.nanoTime()))
        .addAllChampionOnly(new TreeSet<>(now.championOnly()))
        .setEvidenceBlocksUnacknowledged(blocksUnacknowledged)
        .build();
  }

  private void replace(Snapshot next) {
    Snapshot before = current;
    // What was learned of a champion holds as long as the champion stays.
    for (ModelPlan old : before.plans().values()) {
      ModelPlan plan = next.plan(old.model());
      if (plan != null
          && plan.signature() == null
          && old.signature() != null
          && plan.champion().arm().equals(old.champion().arm())) {
        next = next.with(plan.with(old));
      }
    }
    current = next;
    appliedUnixMs = time.wallMillis();
    applied.accept(next);
  }

  private long deadline(long leaseMs) {
    // Unsigned on the wire; a lease of more than a year is one of a year.
    long bounded = leaseMs < 0 ? Long.MAX_VALUE : leaseMs;
    return bounded == 0
        ? Long.MAX_VALUE
        : time.nanoTime() + Math.min(bounded, 31_536_000_000L) * 1_000_000;
  }
}
