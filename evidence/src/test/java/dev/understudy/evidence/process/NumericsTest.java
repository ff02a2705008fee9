package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import org.apache.commons.numbers.gamma.LogBeta;
import org.apache.commons.numbers.gamma.LogGamma;
import org.junit.jupiter.api.Test;

final class NumericsTest {
  @Test
  void gammaAndBetaAgreeWithCommonsNumbers() {
    double[] points = {1e-3, .05, .5, 1, 1.5, 2, 7.3, 9.99, 10, 19, 123.4, 5e3, 1e6, 3e9};
    for (double a : points) {
      assertEquals(
          LogGamma.value(a), StrictGamma.logGamma(a), 1e-13 * (1 + Math.abs(LogGamma.value(a))));
      for (double b : points) {
        double expected = LogBeta.value(a, b);
        assertEquals(expected, StrictGamma.logBeta(a, b), 1e-11 * (1 + Math.abs(expected)));
      }
    }
    assertThrows(IllegalArgumentException.class, () -> StrictGamma.logGamma(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> StrictGamma.logGamma(0));
  }

  @Test
  void binomialDrawsHaveTheRightMassAndMoments() {
    Draws draws = new Draws(1, 2, 3);
    long[] seen = new long[6];
    for (int i = 0; i < 200_000; i++) {
      seen[(int) draws.binomial(5, .3)]++;
    }
    double[] mass = {.16807, .36015, .3087, .1323, .02835, .00243};
    for (int k = 0; k <= 5; k++) {
      double error = Math.sqrt(mass[k] * (1 - mass[k]) / 200_000);
      assertEquals(mass[k], seen[k] / 200_000.0, 4.5 * error);
    }
    long[] trials = {1, 40, 1000, 1_000_000, 3_000_000_000L, 1L << 42};
    double[] probabilities = {.001, .0526, .5, .97};
    for (long n : trials) {
      for (double p : probabilities) {
        double mean = 0;
        double square = 0;
        int runs = n > 3_000_000_000L ? 20 : n > 1_000_000 ? 300 : 3000;
        double sd = Math.sqrt(n * p * (1 - p));
        for (int i = 0; i < runs; i++) {
          double z = (draws.binomial(n, p) - n * p) / sd;
          mean += z / runs;
          square += z * z / runs;
        }
        assertEquals(0, mean, 5 / Math.sqrt(runs), n + " " + p);
        if (n * p * (1 - p) > 5) {
          assertEquals(1, square, 8 / Math.sqrt(runs), n + " " + p);
        }
      }
    }
    assertEquals(0, draws.binomial(0, .5));
    assertEquals(0, draws.binomial(9, 0));
    assertEquals(9, draws.binomial(9, 1));
    assertThrows(IllegalArgumentException.class, () -> draws.binomial(-1, .5));
    assertThrows(IllegalArgumentException.class, () -> draws.binomial((1L << 44) + 1, .5));
    assertThrows(IllegalArgumentException.class, () -> draws.binomial(1, Double.NaN));
  }

  @Test
  void quantileIntervalsCoverAndAreRoundedOutward() {
    double p = .95;
    Simulation.of(
            "B1 p95 interval misses ever (look/100)",
            300,
            random -> {
              SparseHistogram latencies = new SparseHistogram();
              long truth = 1_950_000;
              for (int i = 1; i <= 5000; i++) {
                latencies.record(1_000_000 + random.nextInt(1_000_000));
                if (i % 100 == 0) {
                  QuantileInterval interval = QuantileInterval.of(latencies, p, .05);
                  if (interval.lowerNanos() > truth || interval.upperNanos() <= truth) {
                    return i;
                  }
                }
              }
              QuantileInterval last = QuantileInterval.of(latencies, p, .05);
              assertTrue(last.upperNanos() - last.lowerNanos() < 80_000);
              return Simulation.NEVER;
            })
        .assertLevel(.05);
    assertEquals(
        new QuantileInterval(0, Long.MAX_VALUE),
        QuantileInterval.of(new SparseHistogram(), .5, .05));
    SparseHistogram few = new SparseHistogram();
    few.record(5);
    assertEquals(new QuantileInterval(0, Long.MAX_VALUE), QuantileInterval.of(few, .5, .05));
  }

  @Test
  void theSameEvidenceGivesTheSameBitsForEver() {
    LabelProcess label = new LabelProcess(LabelProcess.Parameters.abort(1));
    MarginProcess margin = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, .01));
    BettingMean mean = new BettingMean(new BettingMean.Parameters(Direction.ABORT, .03));
    DifferenceMean difference =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, .002));
    SplitCheck split = new SplitCheck();
    BlockLatency latency = new BlockLatency(BlockLatency.Parameters.of(.95, .1, 99));
    Draws draws = new Draws(2026, 1);
    for (int second = 0; second < 60; second++) {
      double w = second < 30 ? .05 : .25;
      long canary = draws.binomial(500, w);
      long canaryBad = draws.binomial(canary, .03);
      long baselineBad = draws.binomial(500 - canary, .02);
      label.bad(w, canaryBad, baselineBad);
      margin.add(w, canary - canaryBad, canaryBad, 500 - canary - baselineBad, baselineBad);
      mean.addUnits((int) draws.binomial(1024, .04), 3);
      difference.addUnits((int) draws.binomial(20, .5) - 10, 7);
      split.assigned(w, canary, 500 - canary);
      SparseHistogram fast = new SparseHistogram();
      SparseHistogram slow = new SparseHistogram();
      for (int i = 0; i < 500; i++) {
        int bucket = LatencyGrid.index(1_000_000) + (int) draws.binomial(200, .5);
        (i < canary ? slow : fast).add(bucket, 1);
      }
      latency.add(new BlockLatency.Second(second, second / 30, w, slow, 1 - w, fast));
    }
    double[] logE = {
      label.logE(),
      margin.logE(),
      mean.logE(),
      difference.logE(),
      split.logE(),
      latency.logEAgainst(),
      latency.logEFor()
    };
    long[] golden = {
      0x4017d4a6428654a7L,
      0xbfeaf4efc18cbf1fL,
      0x404466b35ba4e042L,
      0x3fc4ed5021eb3ccaL,
      0xc0184dbb7c4c1800L,
      0xc0190659463e6650L,
      0x403e4d69e43502b7L
    };
    for (int i = 0; i < golden.length; i++) {
      assertEquals(golden[i], Double.doubleToLongBits(logE[i]), "process " + i + ": " + logE[i]);
    }
  }
}
