package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Counts by slice: of each call one observation for each value among its rows. At most {@value
 * #MOST} values are told apart, first come, first served; the rest are counted under the value
 * {@value #OTHER} of their slice.
 */
final class Slices {
  static final String OTHER = "other";
  static final int MOST = 256;

  private static final Comparator<SliceLabel> ORDER =
      Comparator.comparing(SliceLabel::getSlice).thenComparing(SliceLabel::getValue);

  private static final class Count {
    long pairs;
    final TreeMap<Integer, Long> divergence = new TreeMap<>();
    final TreeMap<Integer, Long> changedShare = new TreeMap<>();
    long decided;
    long changed;
  }

  private final TreeMap<SliceLabel, Count> counts = new TreeMap<>(ORDER);

  void add(Pair pair) {
    int rows = pair.comparison().getRowsCount();
    if (rows == 0) {
      return;
    }
    Map<SliceLabel, List<Integer>> groups = new LinkedHashMap<>();
    for (int row = 0; row < rows; row++) {
      for (SliceLabel label : pair.labels(row)) {
        List<Integer> group = groups.computeIfAbsent(known(label), l -> new ArrayList<>(1));
        if (group.isEmpty() || group.getLast() != row) {
          group.add(row);
        }
      }
    }
    groups.forEach((label, group) -> add(pair, label, rows == 1 ? null : group));
  }

  /** A value beyond the bound becomes "other"; so does a slice, should there be that many. */
  private SliceLabel known(SliceLabel label) {
    if (counts.size() < MOST || counts.containsKey(label)) {
      return label;
    }
    SliceLabel other = label.toBuilder().setValue(OTHER).build();
    return counts.size() < 2 * MOST || counts.containsKey(other)
        ? other
        : SliceLabel.newBuilder().setSlice(OTHER).setValue(OTHER).build();
  }

  /**
   * Counts one observation.
   *
   * @param group rows of the call; null for all of them
   */
  private void add(Pair pair, SliceLabel label, @Nullable List<Integer> group) {
    int units = group == null ? pair.units() : pair.units(group);
    if (units < 0) {
      return;
    }
    Count count = counts.computeIfAbsent(known(label), l -> new Count());
    count.pairs++;
    count.divergence.merge(units, 1L, Long::sum);
    Decisions decisions = pair.decisions();
    if (decisions == null) {
      return;
    }
    long decided = count.decided;
    long changed = count.changed;
    if (group != null) {
      group.forEach(row -> decision(decisions, row, count));
    } else {
      for (int row = 0; row < decisions.rows(); row++) {
        decision(decisions, row, count);
      }
    }
    if (count.decided > decided) {
      int share = ChangedShare.units(count.changed - changed, count.decided - decided);
      count.changedShare.merge(share, 1L, Long::sum);
    }
  }

  private static void decision(Decisions decisions, int row, Count count) {
    double champion = decisions.championScore(row);
    double copy = decisions.copyScore(row);
    if (!Double.isNaN(champion) && !Double.isNaN(copy)) {
      count.decided++;
      count.changed += decisions.positive(champion) == decisions.positive(copy) ? 0 : 1;
    }
  }

  /** By label ascending. */
  void forEach(Consumer<SliceTally> sink) {
    counts.forEach((label, count) ->
        sink.accept(
            SliceTally.newBuilder()
                .setLabel(label)
                .setPairs(count.pairs)
                .addAllDivergence(count.divergence.keySet())
                .addAllDivergenceCount(count.divergence.values())
                .setComparedWithDecision(count.decided)
                .setChanged(count.changed)
                .addAllChangedShare(count.changedShare.keySet())
                .addAllChangedShareCount(count.changedShare.values())
                .build()));
  }
}
