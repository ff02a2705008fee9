package dev.understudy.loadtest.statistics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.loadtest.drive.Counts;
import dev.understudy.loadtest.drive.Durations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Intervals cover what they promise; searches find what is there. */
class StatisticsTest {

  // --- Steady state

  private static double[] settlingAfter(int warm, int length, SplittableRandom random) {
    double[] series = new double[length];
    for (int i = 0; i < length; i++) {
      series[i] = 10 + random.nextDouble() + (i < warm ? 20.0 * (warm - i) / warm : 0);
    }
    return series;
  }

  @Test
  void theWarmUpIsFoundAndLittleElseIsDropped() {
    SplittableRandom random = new SplittableRandom(3);
    for (int run = 0; run < 50; run++) {
      int begins = SteadyState.begins(settlingAfter(40, 200, random)).orElseThrow();
      assertTrue(begins >= 30 && begins <= 110, "steady from " + begins);
    }
  }

  @Test
  void aSeriesThatIsSteadyFromTheStartMostlyKeepsItsBeginning() {
    SplittableRandom random = new SplittableRandom(4);
    int kept = 0;
    for (int run = 0; run < 200; run++) {
      OptionalInt begins = SteadyState.begins(settlingAfter(0, 200, random));
      kept += begins.isPresent() && begins.getAsInt() <= 40 ? 1 : 0;
    }
    assertTrue(kept >= 140, "kept " + kept + " of 200");
  }

  @Test
  void aSeriesThatNeverSettlesIsSaidNotToHaveSettled() {
    double[] growing = new double[200];
    Arrays.setAll(growing, i -> i);
    assertEquals(OptionalInt.empty(), SteadyState.begins(growing));
    assertEquals(OptionalInt.empty(), SteadyState.begins(new double[19]));
    double[] gaps = new double[100];
    Arrays.fill(gaps, Double.NaN);
    assertEquals(OptionalInt.of(0), SteadyState.begins(gaps));
  }

  // --- Paired medians

  @Test
  void ranksAreThoseOfTheSignTest() {
    // Tables of the sign test at 95 %, for example Conover, Practical Nonparametric Statistics.
    assertEquals(0, PairedMedian.lowerRank(5));
    assertEquals(1, PairedMedian.lowerRank(6));
    assertEquals(2, PairedMedian.lowerRank(11));
    assertEquals(6, PairedMedian.lowerRank(20));
    assertEquals(40, PairedMedian.lowerRank(100));
    assertFalse(PairedMedian.of(1, 2, 3).bounded());
    assertEquals(2.5, PairedMedian.of(1, 2, 3, 4).median());
    assertThrows(IllegalArgumentException.class, PairedMedian::of);
  }

  @Test
  void theIntervalCoversTheMedianNineteenTimesInTwentyOrMore() {
    SplittableRandom random = new SplittableRandom(11);
    int covered = 0;
    int runs = 2_000;
    for (int run = 0; run < runs; run++) {
      double[] sample = new double[11];
      Arrays.setAll(sample, i -> Math.exp(3 * random.nextGaussian()));
      PairedMedian median = PairedMedian.of(sample);
      covered += median.lower() <= 1 && 1 <= median.upper() ? 1 : 0;
    }
    assertTrue(covered >= .945 * runs, covered + " of " + runs);
  }

  // --- Percentile intervals

  /** Blocks whose calls share a level that wanders: what a busy machine does. */
  private static List<Durations> wandering(SplittableRandom random, double memory, int count) {
    List<Durations> blocks = new ArrayList<>();
    double level = 0;
    for (int b = 0; b < count; b++) {
      level = memory * level + Math.sqrt(1 - memory * memory) * random.nextGaussian();
      Counts counts = new Counts();
      for (int i = 0; i < 50; i++) {
        counts.record((long) (1e6 * Math.exp(.5 * level + .2 * random.nextGaussian())));
      }
      blocks.add(counts.take());
    }
    return blocks;
  }

  @Test
  void intervalsCoverThePercentileThoughCallsAreCorrelated() {
    // The median of e^(0.5 level + 0.2 noise) is 1 ms, whatever the memory.
    SplittableRandom random = new SplittableRandom(5);
    int covered = 0;
    int naive = 0;
    int runs = 120;
    for (int run = 0; run < runs; run++) {
      List<Durations> blocks = wandering(random, .5, 160);
      var interval = PercentileIntervals.of(blocks, new double[] {50}, run).intervals().getFirst();
      covered += interval.lower() <= 1e6 && 1e6 <= interval.upper() ? 1 : 0;
      // Order statistics as for independent calls: ranks n/2 ± 1.96 √n/2.
      Durations all = Durations.sum(blocks);
      double half = 98 / Math.sqrt((double) all.count());
      naive += all.percentile(50 - half) <= 1e6 && 1e6 <= all.percentile(50 + half) ? 1 : 0;
    }
    assertTrue(covered >= .85 * runs, "covered " + covered + " of " + runs);
    assertTrue(naive < .6 * runs, "as if independent " + naive + " of " + runs);
  }

  @Test
  void blocksAreJoinedUntilTheyNoLongerKnowEachOther() {
    SplittableRandom random = new SplittableRandom(6);
    var independent = PercentileIntervals.of(wandering(random, 0, 200), new double[] {50}, 1);
    var remembering = PercentileIntervals.of(wandering(random, .8, 200), new double[] {50}, 1);
    assertTrue(independent.joined() <= 2, "joined " + independent.joined());
    assertTrue(remembering.joined() >= 4, "joined " + remembering.joined());
    assertTrue(remembering.blocks() >= 20);
  }

  @Test
  void aPercentileWithTooFewCallsAboveItHasNoInterval() {
    var intervals =
        PercentileIntervals.of(
            wandering(new SplittableRandom(8), 0, 40), new double[] {99, 99.9}, 1);
    assertTrue(intervals.intervals().get(0).known());
    assertFalse(intervals.intervals().get(1).known());
    var few =
        PercentileIntervals.of(wandering(new SplittableRandom(8), 0, 10), new double[] {50}, 1);
    assertFalse(few.intervals().getFirst().known(), "ten blocks are too few");
  }

  // --- Knee

  private static KneeSearch search(double capacity) {
    KneeSearch search = new KneeSearch(100, 100_000, 2);
    int steps = 0;
    while (search.next().isPresent()) {
      search.tried(search.next().getAsDouble() <= capacity);
      assertTrue(++steps < 40, "steps");
    }
    return search;
  }

  @Test
  void theKneeIsFoundToWithinFivePercent() {
    for (double capacity : new double[] {150, 999, 5_000, 77_777}) {
      double knee = search(capacity).knee().orElseThrow();
      assertTrue(knee <= capacity && knee >= capacity / 1.05, capacity + ": " + knee);
    }
    assertEquals(OptionalDouble.of(100_000), search(1e9).knee());
    assertEquals(OptionalDouble.empty(), search(10).knee());
  }

  @Test
  void oneFailureIsTriedAgain() {
    KneeSearch search = new KneeSearch(100, 1_000, 2);
    search.tried(false);
    assertEquals(OptionalDouble.of(100), search.next());
    search.tried(true);
    assertEquals(OptionalDouble.of(200), search.next());
    assertThrows(IllegalArgumentException.class, () -> new KneeSearch(0, 10, 2));
    assertThrows(IllegalArgumentException.class, () -> new KneeSearch(10, 9, 2));
    assertThrows(IllegalArgumentException.class, () -> new KneeSearch(1, 10, 1));
  }
}
