package dev.understudy.comparator.intake;

import dev.understudy.proto.v1.SliceLabel;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Keeps the slices of a second bounded: the {@value #MOST} with the most calls stay, ties by label,
 * and the rest counts under the value "other" of its slice.
 *
 * <p>What stays is chosen for all arms together and by how many calls there were, never by how they
 * ended: otherwise an arm's failures could be looked at without those of the other.
 */
record SliceBound(Set<SliceLabel> kept) {
  static final int MOST = 64;
  static final String OTHER = "other";
  static final Comparator<SliceLabel> ORDER =
      Comparator.comparing(SliceLabel::getSlice).thenComparing(SliceLabel::getValue);

  static SliceBound of(Collection<CellSum> cells) {
    TreeMap<SliceLabel, Long> calls = new TreeMap<>(ORDER);
    for (CellSum cell : cells) {
      cell.slices()
          .forEach((label, slice) -> {
            if (!label.getValue().equals(OTHER)) {
              calls.merge(label, slice.ok + slice.bad, Long::sum);
            }
          });
    }
    if (calls.size() <= MOST) {
      return new SliceBound(calls.keySet());
    }
    List<Map.Entry<SliceLabel, Long>> ordered =
        calls.entrySet().stream()
            .sorted(
                Map.Entry.<SliceLabel, Long>comparingByValue()
                    .reversed()
                    .thenComparing(Map.Entry.comparingByKey(ORDER)))
            .limit(MOST)
            .toList();
    Set<SliceLabel> kept = new HashSet<>();
    ordered.forEach(entry -> kept.add(entry.getKey()));
    return new SliceBound(kept);
  }

  /** The label under which a slice counts. */
  SliceLabel label(SliceLabel label) {
    return kept.contains(label) ? label : label.toBuilder().setValue(OTHER).build();
  }
}
