package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FalseDiscoveriesTest {
  private static double[] logs(double... e) {
    double[] logs = new double[e.length];
    for (int i = 0; i < e.length; i++) {
      logs[i] = Math.log(e[i]);
    }
    return logs;
  }

  @Test
  void theLargestPrefixThatPassesIsCalled() {
    // K = 4, alpha = 0.1: thresholds 40, 20, 13.3, 10.
    assertArrayEquals(
        new boolean[] {false, true, false, true}, FalseDiscoveries.of(logs(1, 25, 12, 21), 4, 0.1));
    // The first alone would fail at 40; three at 14 carry it.
    assertArrayEquals(
        new boolean[] {true, true, true, false}, FalseDiscoveries.of(logs(14, 39, 14, 9), 4, 0.1));
    assertArrayEquals(new boolean[] {false, false}, FalseDiscoveries.of(logs(19, 1), 2, 0.1));
    assertArrayEquals(new boolean[0], FalseDiscoveries.of(new double[0], 3, 0.1));
  }

  @Test
  void hypothesesWithoutEvidenceCountAsSearched() {
    assertEquals(true, FalseDiscoveries.of(logs(30), 2, 0.1)[0]);
    assertEquals(false, FalseDiscoveries.of(logs(30), 4, 0.1)[0]);
  }

  @Test
  void badInputIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> FalseDiscoveries.of(logs(1, 2), 1, 0.1));
    assertThrows(
        IllegalArgumentException.class,
        () -> FalseDiscoveries.of(new double[] {Double.NaN}, 1, 0.1));
    assertThrows(IllegalArgumentException.class, () -> FalseDiscoveries.of(logs(1), 1, 0));
  }

  /**
   * Twenty coins of which two are loaded, tossed until anything is called: the share of wrong calls
   * at that moment, which the data chose.
   */
  @Test
  void theShareOfWrongCallsHoldsAtTheMomentThatTheDataChose() {
    int runs = 600;
    double alpha = 0.2;
    double wrongShares = 0;
    double squares = 0;
    int found = 0;
    SplittableRandom seeds = new SplittableRandom(11);
    for (int run = 0; run < runs; run++) {
      SplittableRandom random = seeds.split();
      LabelProcess[] coins = new LabelProcess[20];
      for (int i = 0; i < coins.length; i++) {
        coins[i] = new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0));
      }
      double share = 0;
      for (int toss = 0; toss < 60; toss++) {
        double[] logE = new double[coins.length];
        for (int i = 0; i < coins.length; i++) {
          coins[i].bad(0.5, random.nextDouble() < (i < 2 ? 0.75 : 0.5));
          logE[i] = coins[i].logE();
        }
        boolean[] called = FalseDiscoveries.of(logE, coins.length, alpha);
        int all = 0;
        int wrong = 0;
        for (int i = 0; i < called.length; i++) {
          all += called[i] ? 1 : 0;
          wrong += called[i] && i >= 2 ? 1 : 0;
        }
        if (all > 0) {
          share = (double) wrong / all;
          found += wrong < all ? 1 : 0;
          break;
        }
      }
      wrongShares += share;
      squares += share * share;
    }
    double mean = wrongShares / runs;
    double error = Math.sqrt((squares / runs - mean * mean) / runs);
    assertTrue(mean <= alpha + 3 * error, "share of wrong calls " + mean);
    assertTrue(found > runs / 2, "found in " + found + " of " + runs);
  }
}
