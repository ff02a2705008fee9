package dev.understudy.evidence.tally;

import dev.understudy.evidence.divergence.Measured;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceTally;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The counts of one role's copies. */
final class RoleTally {
  private static final int BANDS = 10;
  private static final int EXAMPLES = 3;
  private static final int MOST_SLICES = 256;
  private static final Comparator<ExamplePair> MOST_DIVERGENT =
      Comparator.comparingInt(ExamplePair::getDivergence).reversed();

  private record Slice(String slice, String value) {
    static final Comparator<Slice> ORDER =
        Comparator.comparing(Slice::slice).thenComparing(Slice::value);
  }

  private static final class SliceCount {
    long pairs;
    final TreeMap<Integer, Long> divergence = new TreeMap<>();
    long decided;
    long changed;
  }

  private final PairTally.Builder sum = PairTally.newBuilder();
  private final TreeMap<Integer, Long> divergence = new TreeMap<>();
  private final TreeMap<Slice, SliceCount> slices = new TreeMap<>(Slice.ORDER);
  private final List<ExamplePair> examples = new ArrayList<>();
  private final long[] toPositiveByBand = new long[BANDS];
  private final long[] toNegativeByBand = new long[BANDS];

  RoleTally(Role role) {
    sum.setRole(role);
  }

  long pairs() {
    return sum.getPairs();
  }

  void batchSizes(int champion, int copy) {
    if (champion != 0 && copy != 0 && champion != copy) {
      sum.setBatchSizeDiffers(sum.getBatchSizeDiffers() + 1);
    }
  }

  /** The copy's answer lacks the output that is compared. */
  void missing(Comparison comparison) {
    pair(Measured.UNITS);
    sum.setShapeMismatch(sum.getShapeMismatch() + 1);
    example(comparison, 0, Measured.UNITS, null);
  }

  void rows(Comparison comparison, List<Measured> rows, boolean notFinite) {
    OptionalInt units = ComparisonTally.meanUnits(rows);
    if (units.isEmpty()) {
      return;
    }
    pair(units.getAsInt());
    sum.setNotFinite(sum.getNotFinite() + (notFinite ? 1 : 0));
    if (rows.stream().anyMatch(RoleTally::otherShape)) {
      sum.setShapeMismatch(sum.getShapeMismatch() + 1);
    }
    rows.stream().filter(row -> row.flag().isEvidence()).forEach(row -> row(comparison, row));
  }

  private static boolean otherShape(Measured row) {
    return row.flag() == Measured.Flag.SHAPE_MISMATCH
        || row.flag() == Measured.Flag.DATATYPE_MISMATCH;
  }

  private void pair(int units) {
    sum.setPairs(sum.getPairs() + 1);
    divergence.merge(units, 1L, Long::sum);
  }

  private void row(Comparison comparison, Measured row) {
    Measured.@Nullable DecisionChange decision = row.decision();
    boolean changed = decision != null && decision.changed();
    if (decision != null) {
      sum.setComparedWithDecision(sum.getComparedWithDecision() + 1);
      if (changed) {
        swap(decision);
      }
    }
    for (SliceLabel label : ComparisonTally.labels(comparison, row.row())) {
      slice(label, row.units(), decision != null, changed);
    }
    if (row.units() > 0) {
      example(comparison, row.row(), row.units(), decision);
    }
  }

  private void swap(Measured.DecisionChange decision) {
    int band = (int) StrictMath.clamp(decision.championScore() * BANDS, 0.0, BANDS - 1.0);
    if (decision.shadowDecision()) {
      sum.setChangedToPositive(sum.getChangedToPositive() + 1);
      toPositiveByBand[band]++;
    } else {
      sum.setChangedToNegative(sum.getChangedToNegative() + 1);
      toNegativeByBand[band]++;
    }
  }

  private void slice(SliceLabel label, int units, boolean decided, boolean changed) {
    Slice slice = new Slice(label.getSlice(), label.getValue());
    if (slices.size() >= MOST_SLICES && !slices.containsKey(slice)) {
      return;
    }
    SliceCount count = slices.computeIfAbsent(slice, s -> new SliceCount());
    count.pairs++;
    count.divergence.merge(units, 1L, Long::sum);
    count.decided += decided ? 1 : 0;
    count.changed += changed ? 1 : 0;
  }

  /** Holds ids, scores and slice labels, never a feature. */
  private void example(
      Comparison comparison, int row, int units, Measured.@Nullable DecisionChange decision) {
    if (examples.size() == EXAMPLES && examples.get(EXAMPLES - 1).getDivergence() >= units) {
      return;
    }
    examples.add(
        ExamplePair.newBuilder()
            .setPredictionId(comparison.getPredictionId())
            .setDivergence(units)
            .setChampionScore(decision == null ? Double.NaN : decision.championScore())
            .setScore(decision == null ? Double.NaN : decision.shadowScore())
            .addAllSlices(ComparisonTally.labels(comparison, row))
            .build());
    examples.sort(MOST_DIVERGENT);
    if (examples.size() > EXAMPLES) {
      examples.remove(EXAMPLES);
    }
  }

  PairTally build() {
    PairTally.Builder tally = sum.clone();
    divergence.forEach((units, count) -> tally.addDivergence(units).addDivergenceCount(count));
    for (int band = 0; band < BANDS; band++) {
      tally.addToPositiveByBand(toPositiveByBand[band]).addToNegativeByBand(toNegativeByBand[band]);
    }
    slices.forEach((slice, count) ->
        tally.addSlices(
            SliceTally.newBuilder()
                .setLabel(SliceLabel.newBuilder().setSlice(slice.slice()).setValue(slice.value()))
                .setPairs(count.pairs)
                .addAllDivergence(count.divergence.keySet())
                .addAllDivergenceCount(count.divergence.values())
                .setComparedWithDecision(count.decided)
                .setChanged(count.changed)));
    return tally.addAllExamples(examples).build();
  }
}
