package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.RandomisationUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One second of the log as the metrics read it: for each decision and weight that was in force, the
 * canary's counts beside the baseline's (champion and live control together).
 */
final class BlockView {
  private static final int FIRST_BAD = 3;
  static final double BASIS_POINTS = 10_000;

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

    /** Whether the same decision and shares were in force, maybe by another rule. */
    boolean isDecidedAs(Force other) {
      return revision == other.revision
          && canaryBp == other.canaryBp
          && controlBp == other.controlBp;
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

  /** Whole trials under one share of the canary: requests that ended, or keys that are finished. */
  record Outcomes(double w, long canaryOk, long canaryBad, long baselineOk, long baselineBad) {}

  /**
   * Observations of one side: requests, or when traffic is split by key, keys first seen and keys
   * that failed for the first time ({@code ok} is then 0; see {@link #outcomes()}).
   */
  static final class Side {
    long assigned;
    long ok;
    long bad;
    long censored;

    private void count(Cell cell) {
      assigned += cell.getAssigned();
      ok += BlockView.ok(cell.getOutcomesList());
      bad += BlockView.bad(cell.getOutcomesList());
      censored += BlockView.censored(cell.getOutcomesList());
    }
  }

  /** Both sides under one decision and weight. */
  static final class Group {
    final Side canary = new Side();
    final Side baseline = new Side();
    // As they came: added up only by those who ask.
    final List<LatencyCounts> canaryLatency = new ArrayList<>(1);
    final List<LatencyCounts> championLatency = new ArrayList<>(1);
    final List<LatencyCounts> controlLatency = new ArrayList<>(1);
  }

  private final JoinedBlock block;
  private final TreeMap<Force, Group> groups = new TreeMap<>();
  private final List<Outcomes> outcomes = new ArrayList<>();

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
    List<Cell> cells =
        block.getCellsList().stream().filter(cell -> !versions.promoted(cell)).toList();
    if (unit == RandomisationUnit.KEY) {
      keys.second(block.getSecond(), block.getLate());
      for (Cell cell : cells) {
        Side side = view.add(cell);
        if (side != null) {
          side.assigned += keys.seen(cell, block.getSecond(), block.getLate());
        }
      }
      for (Cell cell : cells) {
        Side side = view.side(cell);
        if (side != null) {
          side.bad += keys.bad(cell);
        }
      }
      if (!block.getLate()) {
        view.outcomes.addAll(keys.finished(block.getSecond()));
      }
    } else {
      for (Cell cell : cells) {
        Side side = view.add(cell);
        if (side != null) {
          side.count(cell);
        }
      }
      view.groups.forEach((force, group) ->
          view.outcomes.add(
              new Outcomes(
                  force.w(),
                  group.canary.ok,
                  group.canary.bad,
                  group.baseline.ok,
                  group.baseline.bad)));
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

  /** What ended in this second; with keys, those whose time to fail is over. */
  List<Outcomes> outcomes() {
    return outcomes;
  }

  /** Whether the challenger answered a share of the requests. */
  boolean canaryInForce() {
    return groups.keySet().stream().anyMatch(force -> force.canaryBp() > 0);
  }

  /** The side on which a cell counts; null for one that observes nothing. */
  private @Nullable Side side(Cell cell) {
    if (observesNothing(cell)) {
      return null;
    }
    Group group = groups.computeIfAbsent(Force.of(cell), f -> new Group());
    return switch (cell.getRole()) {
      case CANARY -> group.canary;
      case CHAMPION, CONTROL -> group.baseline;
      default -> null; // Shadows answer nobody; they are judged by pairs.
    };
  }

  /** Adds the latencies; as {@link #side}. */
  private @Nullable Side add(Cell cell) {
    Side side = side(cell);
    if (side != null) {
      Group group = groups.computeIfAbsent(Force.of(cell), f -> new Group());
      switch (cell.getRole()) {
        case CANARY -> group.canaryLatency.add(cell.getLatency());
        case CHAMPION -> group.championLatency.add(cell.getLatency());
        default -> group.controlLatency.add(cell.getLatency());
      }
    }
    return side;
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
    if (histogram.total() == 0) {
      histogram.reserve(counts.getIndexCount());
    }
    int at = 0;
    for (int i = 0; i < counts.getIndexCount(); i++) {
      at = histogram.addFrom(at, counts.getIndex(i), counts.getCount(i));
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
