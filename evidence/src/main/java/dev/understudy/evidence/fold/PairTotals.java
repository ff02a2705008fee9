package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.ExamplePair;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.SwapSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What the compared pairs add up to, for display: swap set, examples, noise floor. */
final class PairTotals {
  static final int BANDS = 10;
  static final int EXAMPLES = 10;
  private static final Comparator<ExamplePair> MOST_DIVERGENT =
      Comparator.comparingInt(ExamplePair::getDivergence).reversed();

  private final MeanInterval divergence = new MeanInterval();
  private final MeanInterval noise = new MeanInterval();
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
}
