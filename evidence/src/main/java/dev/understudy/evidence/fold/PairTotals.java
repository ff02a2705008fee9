package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceReport;
import dev.understudy.proto.v1.SliceTally;
import dev.understudy.proto.v1.SwapSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/** What the compared pairs add up to, for display: swap set, slices, examples, noise floor. */
final class PairTotals {
  static final int BANDS = 10;
  static final int EXAMPLES = 10;
  static final int SLICES_SHOWN = 20;
  static final long SLICE_LEAST_PAIRS = 30;
  private static final int SLICES_KEPT = 1000;
  private static final double UNITS = 1024;
  private static final Comparator<ExamplePair> MOST_DIVERGENT =
      Comparator.comparingInt(ExamplePair::getDivergence).reversed();

  private record Slice(String slice, String value) implements Comparable<Slice> {
    private static final Comparator<Slice> ORDER =
        Comparator.comparing(Slice::slice).thenComparing(Slice::value);

    @Override
    public int compareTo(Slice other) {
      return ORDER.compare(this, other);
    }
  }

  private record SliceSum(long pairs, long divergence, long changed) {
    SliceSum plus(SliceSum other) {
      return new SliceSum(
          pairs + other.pairs, divergence + other.divergence, changed + other.changed);
    }
  }

  private final MeanInterval divergence = new MeanInterval();
  private final MeanInterval noise = new MeanInterval();
  private final TreeMap<Slice, SliceSum> slices = new TreeMap<>();
  private final List<ExamplePair> examples = new ArrayList<>();
  private final long[] toPositiveByBand = new long[BANDS];
  private final long[] toNegativeByBand = new long[BANDS];
  private long compared;
  private long toPositive;
  private long toNegative;

  void add(PairTally tally) {
    switch (tally.getRole()) {
      case SHADOW -> {
        addDivergence(divergence, tally);
        addSwaps(tally);
        tally.getSlicesList().forEach(this::addSlice);
        addExamples(tally.getExamplesList());
      }
      case MIRRORED_CONTROL -> addDivergence(noise, tally);
      default -> {
        // No other arm receives copies.
      }
    }
  }

  private static void addDivergence(MeanInterval mean, PairTally tally) {
    for (int i = 0; i < tally.getDivergenceCount(); i++) {
      mean.add(tally.getDivergence(i), tally.getDivergenceCount(i));
    }
  }

  private void addSwaps(PairTally tally) {
    compared += tally.getComparedWithDecision();
    toPositive += tally.getChangedToPositive();
    toNegative += tally.getChangedToNegative();
    addBands(toPositiveByBand, tally.getToPositiveByBandList());
    addBands(toNegativeByBand, tally.getToNegativeByBandList());
  }

  private static void addBands(long[] sums, List<Long> bands) {
    for (int i = 0; i < Math.min(BANDS, bands.size()); i++) {
      sums[i] += bands.get(i);
    }
  }

  private void addSlice(SliceTally tally) {
    Slice slice = new Slice(tally.getLabel().getSlice(), tally.getLabel().getValue());
    if (slices.size() >= SLICES_KEPT && !slices.containsKey(slice)) {
      return;
    }
    slices.merge(
        slice,
        new SliceSum(tally.getPairs(), divergenceSum(tally), tally.getChanged()),
        SliceSum::plus);
  }

  private static long divergenceSum(SliceTally tally) {
    long sum = 0;
    for (int i = 0; i < tally.getDivergenceCount(); i++) {
      sum += tally.getDivergence(i) * tally.getDivergenceCount(i);
    }
    return sum;
  }

  private void addExamples(List<ExamplePair> more) {
    examples.addAll(more);
    examples.sort(MOST_DIVERGENT); // Stable: of equals, the first to come stays first.
    if (examples.size() > EXAMPLES) {
      examples.subList(EXAMPLES, examples.size()).clear();
    }
  }

  double meanDivergence() {
    return divergence.mean();
  }

  /** Mean divergence between the champion and itself; NaN without a mirrored control. */
  double meanNoise() {
    return noise.mean();
  }

  List<ExamplePair> examples() {
    return List.copyOf(examples);
  }

  SwapSet swapSet() {
    SwapSet.Builder swaps =
        SwapSet.newBuilder().setPairs(compared).setToPositive(toPositive).setToNegative(toNegative);
    for (int band = 0; band < BANDS; band++) {
      swaps.addToPositiveByBand(toPositiveByBand[band]).addToNegativeByBand(toNegativeByBand[band]);
    }
    return swaps.build();
  }

  /** Slices with enough pairs, those with most changed decisions first. */
  List<SliceReport> slices() {
    return slices.entrySet().stream()
        .filter(e -> e.getValue().pairs() >= SLICE_LEAST_PAIRS)
        .map(e -> {
          double pairs = (double) e.getValue().pairs();
          return SliceReport.newBuilder()
              .setLabel(
                  SliceLabel.newBuilder().setSlice(e.getKey().slice()).setValue(e.getKey().value()))
              .setPairs(e.getValue().pairs())
              .setMeanDivergence((double) e.getValue().divergence() / pairs / UNITS)
              .setChangedShare((double) e.getValue().changed() / pairs)
              .build();
        })
        .sorted(
            Comparator.comparingDouble(SliceReport::getChangedShare)
                .thenComparingDouble(SliceReport::getMeanDivergence)
                .reversed())
        .limit(SLICES_SHOWN)
        .toList();
  }
}
