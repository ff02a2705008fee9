package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceTally;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells tallies of a worker that a fold can count from those that it must never see. */
final class TallyCheck {
  private static final int MOST_UNITS = 1024;
  private static final int BANDS = 10;
  private static final int MOST_BYTES = 8 << 20;
  private static final long MOST = 1L << 32;

  private TallyCheck() {}

  /** What is wrong, with the value and the expectation; null when nothing is. */
  static @Nullable String problem(PairTally tally) {
    if (tally.getRole() != Role.SHADOW && tally.getRole() != Role.MIRRORED_CONTROL) {
      return "role: " + tally.getRoleValue() + " (expected: one that receives copies)";
    }
    if (tally.getSerializedSize() > MOST_BYTES) {
      return "bytes: " + tally.getSerializedSize() + " (expected: at most " + MOST_BYTES + ")";
    }
    long[] counts = {
      tally.getPairs(),
      tally.getComparedWithDecision(),
      tally.getChangedToPositive(),
      tally.getChangedToNegative(),
      tally.getNotFinite(),
      tally.getShapeMismatch(),
      tally.getBatchSizeDiffers(),
      tally.getChampionPositive()
    };
    for (long count : counts) {
      if (count < 0 || count > MOST) {
        return "count: " + Long.toUnsignedString(count) + " (expected: at most " + MOST + ")";
      }
    }
    String problem =
        histogram(tally.getDivergenceList(), tally.getDivergenceCountList(), 0, tally.getPairs());
    if (problem == null) {
      problem =
          histogram(
              tally.getCancelledList(),
              tally.getCancelledCountList(),
              -MOST_UNITS,
              MOST); // The other half of a triple may have been counted a second before.
    }
    if (problem == null) {
      problem = bands(tally.getToPositiveByBandList());
    }
    if (problem == null) {
      problem = bands(tally.getToNegativeByBandList());
    }
    for (SliceTally slice : tally.getSlicesList()) {
      if (problem == null) {
        problem =
            histogram(
                slice.getDivergenceList(), slice.getDivergenceCountList(), 0, slice.getPairs());
      }
    }
    return problem;
  }

  private static @Nullable String histogram(
      List<Integer> values, List<Long> counts, int least, long pairs) {
    if (values.size() != counts.size()) {
      return "divergence: "
          + values.size()
          + " values and "
          + counts.size()
          + " counts (expected: as many)";
    }
    int last = least - 1;
    long sum = 0;
    for (int i = 0; i < values.size(); i++) {
      int value = values.get(i);
      if (value <= last || value > MOST_UNITS) {
        return "divergence: "
            + value
            + " (expected: above "
            + last
            + ", at most "
            + MOST_UNITS
            + ")";
      }
      last = value;
      long count = counts.get(i);
      if (count < 0 || count > MOST) {
        return "divergence count: " + Long.toUnsignedString(count) + " (expected: at most pairs)";
      }
      sum += count;
    }
    return sum > pairs || pairs < 0 || pairs > MOST
        ? "divergence counts: " + sum + " (expected: at most " + pairs + ")"
        : null;
  }

  private static @Nullable String bands(List<Long> bands) {
    return bands.isEmpty() || bands.size() == BANDS
        ? null
        : "bands: " + bands.size() + " (expected: " + BANDS + ")";
  }
}
