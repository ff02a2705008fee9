package dev.understudy.router.split;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class BandTest {
  private static final int N = 200_000;

  private static String id(SplittableRandom random) {
    return new UUID(random.nextLong(), random.nextLong()).toString();
  }

  @Test
  void aBandHoldsTheShareThatItIsWideAndItsEndsAreExact() {
    SplittableRandom random = new SplittableRandom(21);
    Band quarter = Band.ofLayer("pricing", 2500, 5000);
    Band whole = Band.ofLayer("pricing", 0, 10_000);
    Band none = Band.ofHoldout("h", 0);
    int in = 0;
    for (int i = 0; i < N; i++) {
      String unit = id(random);
      in += quarter.contains(unit) ? 1 : 0;
      assertTrue(whole.contains(unit));
      assertFalse(none.contains(unit));
    }
    // Five standard deviations.
    assertEquals(0.25 * N, in, 5 * Math.sqrt(N * 0.25 * 0.75));
  }

  @Test
  void disjointRangesOfOneLayerNeverShareAUnitAndTogetherLoseNone() {
    SplittableRandom random = new SplittableRandom(22);
    Band[] thirds = {
      Band.ofLayer("l", 0, 3333), Band.ofLayer("l", 3333, 6667), Band.ofLayer("l", 6667, 10_000)
    };
    for (int i = 0; i < N; i++) {
      String unit = id(random);
      int in = 0;
      for (Band third : thirds) {
        in += third.contains(unit) ? 1 : 0;
      }
      assertEquals(1, in, unit);
    }
  }

  @Test
  void aHoldOutThatGrowsKeepsItsUnitsAndOneOfAnotherNameTakesOthers() {
    SplittableRandom random = new SplittableRandom(23);
    boolean moved = false;
    for (int i = 0; i < 20_000; i++) {
      String unit = id(random);
      boolean before = false;
      for (int bp = 0; bp <= 10_000; bp += 500) {
        boolean now = Band.ofHoldout("2026", bp).contains(unit);
        assertTrue(now || !before, "a unit left a hold-out that grew");
        before = now;
      }
      assertTrue(before);
      moved |=
          Band.ofHoldout("2026", 1000).contains(unit)
              != Band.ofHoldout("2027", 1000).contains(unit);
    }
    assertTrue(moved);
  }

  @Test
  void layersHoldOutsAndSplitsOfOneNameAreIndependent() {
    SplittableRandom random = new SplittableRandom(24);
    // One name for all: only the purpose tells the scales apart.
    Split split = new Split("fraud");
    Band layer = Band.ofLayer("fraud", 0, 4000);
    Band other = Band.ofLayer("ads", 0, 4000);
    Band held = Band.ofHoldout("fraud", 4000);
    long[] bits = new long[1 << 4];
    for (int i = 0; i < N; i++) {
      String unit = id(random);
      int cell = split.share(split.point(unit), 4000, 0) == Share.CANARY ? 1 : 0;
      cell |= layer.contains(unit) ? 2 : 0;
      cell |= other.contains(unit) ? 4 : 0;
      cell |= held.contains(unit) ? 8 : 0;
      bits[cell]++;
    }
    double chiSquare = 0;
    for (int cell = 0; cell < bits.length; cell++) {
      int yes = Integer.bitCount(cell);
      double expected = N * Math.pow(0.4, yes) * Math.pow(0.6, 4 - yes);
      chiSquare += (bits[cell] - expected) * (bits[cell] - expected) / expected;
    }
    // 15 degrees of freedom: above 44.3 once in ten thousand times.
    assertTrue(chiSquare < 44.3, "chi-square " + chiSquare);
  }

  @Test
  void insideABandTheSplitStaysMonotoneAndWhatItWas() {
    SplittableRandom random = new SplittableRandom(25);
    Split split = new Split("salt");
    for (int i = 0; i < 5_000; i++) {
      String unit = id(random);
      Share before = Share.CHAMPION;
      for (int bp = 0; bp <= 10_000; bp += 250) {
        Share now = split.share(split.point(unit), bp, 0);
        assertTrue(now == before || now == Share.CANARY, "a unit came back from the canary");
        before = now;
      }
      // A range that is widened takes units in and changes nobody's arm.
      assertTrue(
          !Band.ofLayer("l", 1000, 2000).contains(unit)
              || Band.ofLayer("l", 0, 3000).contains(unit));
    }
    assertNotEquals(
        Band.ofLayer("l", 0, 1).point("customer-1"), Band.ofHoldout("l", 1).point("customer-1"));
    assertEquals(
        Band.ofLayer("l", 0, 1).point("customer-1"), Band.ofLayer("l", 5, 9).point("customer-1"));
  }
}
