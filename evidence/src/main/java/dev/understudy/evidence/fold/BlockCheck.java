package dev.understudy.evidence.fold;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.OutcomeCount;
import dev.understudy.proto.v1.PairCell;
import org.jspecify.annotations.Nullable;

/** Tells cells that a fold can count from those that it must never see. */
public final class BlockCheck {
  /** No router counts more than this in a second; sums of such counts cannot overflow. */
  private static final long MOST = 1L << 32;

  private static final int BASIS_POINTS = 10_000;

  private BlockCheck() {}

  /** What is wrong with a cell, with the value and the expectation; null when nothing is. */
  public static @Nullable String problem(Cell cell) {
    long shares =
        Integer.toUnsignedLong(cell.getCanaryWeightBp())
            + Integer.toUnsignedLong(cell.getControlWeightBp());
    if (shares > BASIS_POINTS) {
      return "canary and control weight: " + shares + " (expected: at most " + BASIS_POINTS + ")";
    }
    for (OutcomeCount outcome : cell.getOutcomesList()) {
      if (tooMany(outcome.getCount())) {
        return count("outcomes", outcome.getCount());
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
    return latency(cell.getLatency());
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
    }
    return null;
  }

  private static boolean tooMany(long count) {
    return count < 0 || count > MOST;
  }

  private static String count(String what, long count) {
    return what + ": " + Long.toUnsignedString(count) + " (expected: at most " + MOST + ")";
  }
}
