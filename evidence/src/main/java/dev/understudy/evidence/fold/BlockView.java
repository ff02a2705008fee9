package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.RandomisationUnit;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * One second of the log as the metrics read it: for each decision and weight that was in force, the
 * canary's counts beside the baseline's (champion and live control together).
 */
final class BlockView {
  private static final int FIRST_BAD = 3;
  private static final double BASIS_POINTS = 10_000;

  /** What was in force: rule, decision, and the shares in 1/10000. */
  record Force(String rule, long revision, int canaryBp, int controlBp)
      implements Comparable<Force> {
    private static final Comparator<Force> ORDER =
        Comparator.comparing(Force::rule)
            .thenComparingLong(Force::revision)
            .thenComparingInt(Force::canaryBp)
            .thenComparingInt(Force::controlBp);

    @Override
    public int compareTo(Force other) {
      return ORDER.compare(this, other);
    }

    static Force of(Cell cell) {
      return new Force(
          cell.getRule(),
          cell.getDecisionRevision(),
          cell.getCanaryWeightBp(),
          cell.getControlWeightBp());
    }

    double w() {
      return canaryBp / BASIS_POINTS;
    }

    double controlShare() {
      return controlBp / BASIS_POINTS;
    }

    double championShare() {
      return (BASIS_POINTS - canaryBp - controlBp) / BASIS_POINTS;
    }
  }

  /** Observations of one side: requests, or keys when traffic is split by key. */
  static final class Side {
    long assigned;
    long ok;
    long bad;

    private void count(Cell cell) {
      assigned += cell.getAssigned();
      ok += BlockView.ok(cell.getOutcomesList());
      bad += BlockView.bad(cell.getOutcomesList());
    }

    private void count(KeyLedger.Fresh fresh) {
      assigned += fresh.seen();
      ok += fresh.seen() - fresh.seenAndBad();
      bad += fresh.bad();
    }
  }

  /** Both sides under one decision and weight. */
  static final class Group {
    final Side canary = new Side();
    final Side baseline = new Side();
    final SparseHistogram canaryLatency = new SparseHistogram();
    final SparseHistogram championLatency = new SparseHistogram();
    final SparseHistogram controlLatency = new SparseHistogram();
  }

  private final JoinedBlock block;
  private final TreeMap<Force, Group> groups = new TreeMap<>();

  private BlockView(JoinedBlock block) {
    this.block = block;
  }

  /**
   * Reads a block; {@code keys} remembers, across blocks, which keys have been counted. Cells in
   * which the challenger is champion are no baseline, and left to {@link WatchFold}.
   */
  static BlockView of(
      JoinedBlock block, RandomisationUnit unit, KeyLedger keys, Versions versions) {
    BlockView view = new BlockView(block);
    for (Cell cell : block.getCellsList()) {
      if (!versions.promoted(cell)) {
        view.add(cell, unit, keys);
      }
    }
    return view;
  }

  JoinedBlock block() {
    return block;
  }

  /** In the order of what was in force. */
  SortedMap<Force, Group> groups() {
    return groups;
  }

  /** Whether the challenger answered a share of the requests. */
  boolean canaryInForce() {
    return groups.keySet().stream().anyMatch(force -> force.canaryBp() > 0);
  }

  private void add(Cell cell, RandomisationUnit unit, KeyLedger keys) {
    if (observesNothing(cell)) {
      return;
    }
    Group group = groups.computeIfAbsent(Force.of(cell), f -> new Group());
    Side side;
    switch (cell.getRole()) {
      case CANARY -> {
        side = group.canary;
        addTo(group.canaryLatency, cell.getLatency());
      }
      case CHAMPION -> {
        side = group.baseline;
        addTo(group.championLatency, cell.getLatency());
      }
      case CONTROL -> {
        side = group.baseline;
        addTo(group.controlLatency, cell.getLatency());
      }
      default -> {
        return; // Shadows answer nobody; they are judged by pairs.
      }
    }
    if (unit == RandomisationUnit.KEY) {
      side.count(keys.fresh(cell));
    } else {
      side.count(cell);
    }
  }

  /**
   * Whether a cell holds only requests that are not judged. Those were under no weight, which is
   * not the same as a weight that changed: they must not cost their second its comparison.
   */
  static boolean observesNothing(Cell cell) {
    return cell.getAssigned() == 0
        && cell.getOutcomesCount() == 0
        && cell.getLatency().getIndexCount() == 0
        && cell.getFirstSeenKeysCount() == 0
        && cell.getFirstBadKeysCount() == 0;
  }

  static void addTo(SparseHistogram histogram, LatencyCounts counts) {
    for (int i = 0; i < counts.getIndexCount(); i++) {
      histogram.add(counts.getIndex(i), counts.getCount(i));
    }
  }

  static long ok(List<OutcomeCount> outcomes) {
    long sum = 0;
    for (OutcomeCount outcome : outcomes) {
      sum += outcome.getOutcomeValue() == 1 ? outcome.getCount() : 0;
    }
    return sum;
  }

  static long bad(List<OutcomeCount> outcomes) {
    long sum = 0;
    for (OutcomeCount outcome : outcomes) {
      sum += outcome.getOutcomeValue() >= FIRST_BAD ? outcome.getCount() : 0;
    }
    return sum;
  }

  static long censored(List<OutcomeCount> outcomes) {
    long sum = 0;
    for (OutcomeCount outcome : outcomes) {
      sum += outcome.getOutcomeValue() == 2 ? outcome.getCount() : 0;
    }
    return sum;
  }
}
