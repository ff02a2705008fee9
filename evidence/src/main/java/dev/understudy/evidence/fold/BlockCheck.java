package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import dev.understudy.proto.v1.SliceCell;
import dev.understudy.proto.v1.StageSums;
import org.jspecify.annotations.Nullable;

/** Tells cells that a fold can count from those that it must never see. */
public final class BlockCheck {
  /** No router counts more than this in a second; sums of such counts cannot overflow. */
  private static final long MOST = 1L << 32;

  /** Latencies of one cell, or of one slice of it, over all buckets. */
  static final long MOST_LATENCIES = 1L << 31;

  /** Microseconds that all calls of a second may have taken together: more than a year. */
  private static final long MOST_MICROS = 1L << 45;

  private static final int BASIS_POINTS = 10_000;
  private static final int MILLIS = 1_000;
  private static final int MOST_SLICES = 128;
  private static final int MOST_NODES = 16;
  private static final int MOST_NAME = 512;

  private BlockCheck() {}

  /** What is wrong with a cell, with the value and the expectation; null when nothing is. */
  public static @Nullable String problem(Cell cell) {
    long shares =
        Integer.toUnsignedLong(cell.getCanaryWeightBp())
            + Integer.toUnsignedLong(cell.getControlWeightBp());
    if (shares > BASIS_POINTS) {
      return "canary and control weight: " + shares + " (expected: at most " + BASIS_POINTS + ")";
    }
    long outcomes = 0;
    for (OutcomeCount outcome : cell.getOutcomesList()) {
      if (tooMany(outcome.getCount())) {
        return count("outcomes", outcome.getCount());
      }
      outcomes += outcome.getCount();
      if (tooMany(outcomes)) {
        return count("outcomes together", outcomes);
      }
    }
    if (tooMany(cell.getAssigned())) {
      return count("assigned", cell.getAssigned());
    }
    if (tooMany(cell.getRescued())) {
      return count("rescued", cell.getRescued());
    }
    if (tooMany(cell.getLeftOut())) {
      return count("left_out", cell.getLeftOut());
    }
    String problem = latency(cell.getLatency());
    if (problem == null) {
      problem = slices(cell);
    }
    if (problem == null) {
      problem = nodes(cell);
    }
    return problem == null ? stages(cell.getStages()) : problem;
  }

  /** What is wrong with an arm's state; null when nothing is. */
  public static @Nullable String problem(ArmState arm) {
    long worst =
        Math.max(
            Integer.toUnsignedLong(arm.getBreakerOpenMs()),
            Integer.toUnsignedLong(arm.getNotReadyMs()));
    return worst > MILLIS
        ? "milliseconds of a second: " + worst + " (expected: at most " + MILLIS + ")"
        : null;
  }

  private static @Nullable String slices(Cell cell) {
    if (cell.getSlicesCount() > MOST_SLICES) {
      return "slices: " + cell.getSlicesCount() + " (expected: at most " + MOST_SLICES + ")";
    }
    for (SliceCell slice : cell.getSlicesList()) {
      if (slice.getLabel().getSlice().isEmpty()
          || slice.getLabel().getSlice().length() > MOST_NAME
          || slice.getLabel().getValue().length() > MOST_NAME) {
        return "slice label: "
            + slice.getLabel().getSlice().length()
            + " and "
            + slice.getLabel().getValue().length()
            + " characters (expected: a name, each at most "
            + MOST_NAME
            + ")";
      }
      if (tooMany(slice.getOk())) {
        return count("slice ok", slice.getOk());
      }
      if (tooMany(slice.getBad())) {
        return count("slice bad", slice.getBad());
      }
      String problem = latency(slice.getLatency());
      if (problem != null) {
        return "slice " + problem;
      }
    }
    return null;
  }

  private static @Nullable String nodes(Cell cell) {
    if (cell.getNodesCount() > MOST_NODES) {
      return "nodes: " + cell.getNodesCount() + " (expected: at most " + MOST_NODES + ")";
    }
    for (String node : cell.getNodesList()) {
      if (node.length() > MOST_NAME) {
        return "node: " + node.length() + " characters (expected: at most " + MOST_NAME + ")";
      }
    }
    return null;
  }

  private static @Nullable String stages(StageSums stages) {
    if (tooMany(stages.getCalls())) {
      return count("stage calls", stages.getCalls());
    }
    long[] sums = {
      stages.getNetworkMicros(),
      stages.getQueueMicros(),
      stages.getBatchWaitMicros(),
      stages.getComputeMicros(),
      stages.getBatchRows()
    };
    for (long sum : sums) {
      if (sum < 0 || sum > MOST_MICROS) {
        return "stages: " + Long.toUnsignedString(sum) + " (expected: at most " + MOST_MICROS + ")";
      }
    }
    return null;
  }

  /** What is wrong with a pair cell; null when nothing is. */
  public static @Nullable String problem(PairCell cell) {
    long[] counts = {
      cell.getBothOk(),
      cell.getOnlyChampionBad(),
      cell.getOnlyCopyBad(),
      cell.getBothBad(),
      cell.getDropped()
    };
    for (long count : counts) {
      if (tooMany(count)) {
        return count("pairs", count);
      }
    }
    return latency(cell.getCopyLatency());
  }

  private static @Nullable String latency(LatencyCounts latency) {
    if (latency.getIndexCount() != latency.getCountCount()) {
      return "latency: "
          + latency.getIndexCount()
          + " buckets and "
          + latency.getCountCount()
          + " counts (expected: as many)";
    }
    int last = -1;
    long total = 0;
    for (int i = 0; i < latency.getIndexCount(); i++) {
      int index = latency.getIndex(i);
      if (index <= last || index >= LatencyGrid.SIZE) {
        return "latency bucket: "
            + index
            + " (expected: above "
            + last
            + " and below "
            + LatencyGrid.SIZE
            + ")";
      }
      last = index;
      if (tooMany(latency.getCount(i))) {
        return count("latency", latency.getCount(i));
      }
      total += latency.getCount(i); // Within the grid's buckets this cannot overflow.
    }
    return total > MOST_LATENCIES
        ? "latencies: " + total + " (expected: at most " + MOST_LATENCIES + ")"
        : null;
  }

  private static boolean tooMany(long count) {
    return count < 0 || count > MOST;
  }

  private static String count(String what, long count) {
    return what + ": " + Long.toUnsignedString(count) + " (expected: at most " + MOST + ")";
  }
}
