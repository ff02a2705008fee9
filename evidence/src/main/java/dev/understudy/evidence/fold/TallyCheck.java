package dev.understudy.evidence.fold;

import dev.understudy.evidence.process.BettingMean;
import dev.understudy.proto.v1.MeasureTally;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.SliceTally;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells tallies of pairs that a fold can count from those that it must never see. */
public final class TallyCheck {
  /** No worker counts more than this in one tally; sums of such counts cannot overflow. */
  private static final long MOST = 1L << 32;

  private static final int UNITS = BettingMean.GRID_UNITS;

  private TallyCheck() {}

  /** What is wrong with a tally, with the value and the expectation; null when nothing is. */
  public static @Nullable String problem(PairTally tally) {
    String problem =
        histogram(
            "divergence",
            tally.getDivergenceList(),
            tally.getDivergenceCountList(),
            0,
            tally.getPairs());
    if (problem == null) {
      // The other half of a triple may have been counted in the tally before.
      problem =
          histogram(
              "cancelled", tally.getCancelledList(), tally.getCancelledCountList(), -UNITS, MOST);
    }
    if (problem == null) {
      problem =
          histogram(
              "changed_share",
              tally.getChangedShareList(),
              tally.getChangedShareCountList(),
              0,
              tally.getPairs());
    }
    if (problem == null) {
      problem =
          counts(
              tally.getPairs(),
              tally.getComparedWithDecision(),
              tally.getChangedToPositive(),
              tally.getChangedToNegative(),
              tally.getChampionPositive(),
              tally.getNotFinite(),
              tally.getShapeMismatch(),
              tally.getBatchSizeDiffers());
    }
    if (problem == null) {
      problem = bands("to_positive_by_band", tally.getToPositiveByBandList());
    }
    if (problem == null) {
      problem = bands("to_negative_by_band", tally.getToNegativeByBandList());
    }
    if (problem == null) {
      problem =
          parts(
              tally.getChangedToPositive() + tally.getChangedToNegative(),
              tally.getComparedWithDecision());
    }
    if (problem == null) {
      problem = parts(tally.getChampionPositive(), tally.getComparedWithDecision());
    }
    for (int i = 0; i < tally.getSlicesCount() && problem == null; i++) {
      problem = problem(tally.getSlices(i));
    }
    for (int i = 0; i < tally.getMeasuresCount() && problem == null; i++) {
      MeasureTally measure = tally.getMeasures(i);
      problem = counts(measure.getPairs(), measure.getUnitsSum());
      if (problem == null && !within(measure.getUnitsMax(), 0)) {
        problem = units("units_max", measure.getUnitsMax(), 0);
      }
    }
    return problem;
  }

  private static @Nullable String problem(SliceTally slice) {
    String problem =
        histogram(
            "slice divergence",
            slice.getDivergenceList(),
            slice.getDivergenceCountList(),
            0,
            slice.getPairs());
    if (problem == null) {
      problem =
          histogram(
              "changed_share of a slice",
              slice.getChangedShareList(),
              slice.getChangedShareCountList(),
              0,
              slice.getPairs());
    }
    if (problem == null) {
      problem = counts(slice.getPairs(), slice.getComparedWithDecision(), slice.getChanged());
    }
    return problem == null ? parts(slice.getChanged(), slice.getComparedWithDecision()) : problem;
  }

  private static @Nullable String histogram(
      String name, List<Integer> values, List<Long> counts, int least, long most) {
    if (values.size() != counts.size()) {
      return name
          + ": "
          + values.size()
          + " values and "
          + counts.size()
          + " counts (expected: as many)";
    }
    int last = least - 1;
    for (int value : values) {
      if (!within(value, least)) {
        return units(name, value, least);
      }
      if (value <= last) {
        return name + ": " + value + " after " + last + " (expected: ascending)";
      }
      last = value;
    }
    String problem = counts(counts);
    if (problem != null) {
      return problem;
    }
    long sum = 0;
    for (long count : counts) {
      sum += count; // So few values, each at most 2^32: this cannot overflow.
    }
    return sum > most ? name + " counts: " + sum + " (expected: at most " + most + " pairs)" : null;
  }

  private static @Nullable String bands(String name, List<Long> bands) {
    return bands.size() > PairTotals.BANDS
        ? name + ": " + bands.size() + " (expected: at most " + PairTotals.BANDS + ")"
        : counts(bands);
  }

  private static boolean within(int value, int least) {
    return value >= least && value <= UNITS;
  }

  private static String units(String name, int value, int least) {
    return name + ": " + value + " (expected: " + least + " to " + UNITS + ")";
  }

  private static @Nullable String counts(List<Long> counts) {
    for (long count : counts) {
      if (count < 0 || count > MOST) {
        return "count: " + Long.toUnsignedString(count) + " (expected: at most " + MOST + ")";
      }
    }
    return null;
  }

  private static @Nullable String counts(long... counts) {
    for (long count : counts) {
      if (count < 0 || count > MOST) {
        return "count: " + Long.toUnsignedString(count) + " (expected: at most " + MOST + ")";
      }
    }
    return null;
  }

  private static @Nullable String parts(long part, long whole) {
    return part > whole
        ? "decisions: " + part + " of " + whole + " (expected: at most as many)"
        : null;
  }
}
