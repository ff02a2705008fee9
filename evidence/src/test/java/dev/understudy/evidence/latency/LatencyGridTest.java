package dev.understudy.evidence.latency;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class LatencyGridTest {
  @Test
  void bucketsTileAllLatencies() {
    for (int i = 0; i < LatencyGrid.SIZE; i++) {
      long lower = LatencyGrid.lowerNanos(i);
      long upper = LatencyGrid.upperNanos(i);
      assertTrue(upper > lower);
      assertEquals(i, LatencyGrid.index(lower));
      assertEquals(i, LatencyGrid.index(upper - 1));
      assertEquals(i, LatencyGrid.firstAtOrAbove(lower));
      if (i + 1 < LatencyGrid.SIZE) {
        assertEquals(i + 1, LatencyGrid.index(upper));
        assertEquals(i + 1, LatencyGrid.firstAtOrAbove(lower + 1));
      }
      if (lower >= 1_000 && lower <= 60_000_000_000L) {
        assertTrue(upper - lower <= .01 * lower, () -> lower + " to " + upper);
      }
    }
    assertEquals(LatencyGrid.SIZE - 1, LatencyGrid.index(Long.MAX_VALUE));
    assertTrue(LatencyGrid.index(60_000_000_000L) < LatencyGrid.SIZE - 1);
    assertTrue(LatencyGrid.index(1_000) > 0);
  }

  @Test
  void theEdgesNeverMove() {
    // Two releases must agree on these, or routers and judges of different age miscount.
    assertEquals(3458, LatencyGrid.SIZE);
    assertEquals(123, LatencyGrid.index(1_000));
    assertEquals(1397, LatencyGrid.index(1_000_000));
    assertEquals(3350, LatencyGrid.index(40_000_000_000L));
  }

  @Test
  void offTheGridIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> LatencyGrid.index(-1));
    assertThrows(IllegalArgumentException.class, () -> LatencyGrid.lowerNanos(-1));
    assertThrows(IllegalArgumentException.class, () -> LatencyGrid.upperNanos(LatencyGrid.SIZE));
  }

  @Test
  void histogramsAgreeWithSortedValues() {
    SplittableRandom random = new SplittableRandom(3);
    for (int run = 0; run < 50; run++) {
      long[] values = new long[1 + random.nextInt(500)];
      SparseHistogram a = new SparseHistogram();
      SparseHistogram b = new SparseHistogram();
      for (int i = 0; i < values.length; i++) {
        values[i] = (long) Math.exp(random.nextDouble() * 25);
        (random.nextBoolean() ? a : b).record(values[i]);
      }
      a.merge(b);
      Arrays.sort(values);
      assertEquals(values.length, a.total());
      for (double p : new double[] {0, .01, .5, .95, 1}) {
        int rank = Math.max(1, (int) Math.ceil(p * values.length));
        assertEquals(LatencyGrid.index(values[rank - 1]), a.quantileIndex(p));
        assertTrue(a.quantileNanos(p) > values[rank - 1]);
      }
      long edge = LatencyGrid.lowerNanos(random.nextInt(LatencyGrid.SIZE));
      assertEquals(Arrays.stream(values).filter(v -> v >= edge).count(), a.countAtOrAbove(edge));
      assertArrayEquals(a.packed(), SparseHistogram.ofPacked(a.packed()).packed());
    }
  }

  @Test
  void brokenPackedFormsAreRefused() {
    long[][] broken = {
      {1},
      {5, 1, 5, 1},
      {6, 1, 5, 1},
      {-1, 1},
      {LatencyGrid.SIZE, 1},
      {1L << 32, 1},
      {3, 0},
      {3, -4},
      {3, Long.MAX_VALUE, 4, 1}
    };
    for (long[] packed : broken) {
      assertThrows(
          IllegalArgumentException.class,
          () -> SparseHistogram.ofPacked(packed),
          Arrays.toString(packed));
    }
    SparseHistogram empty = SparseHistogram.ofPacked(new long[0]);
    assertEquals(0, empty.total());
    assertEquals(0, empty.countFrom(0));
    assertThrows(IllegalStateException.class, () -> empty.quantileIndex(.5));
    assertThrows(IllegalArgumentException.class, () -> empty.quantileIndex(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> empty.add(1, -1));
  }

  @Test
  void bucketsThatAscendAndBucketsOneByOneGiveTheSame() {
    SplittableRandom random = new SplittableRandom(5);
    SparseHistogram one = new SparseHistogram();
    SparseHistogram ascending = new SparseHistogram();
    SparseHistogram merged = new SparseHistogram();
    for (int round = 0; round < 50; round++) {
      SparseHistogram part = new SparseHistogram();
      ascending.reserve(random.nextInt(40));
      int at = 0;
      for (int index = random.nextInt(90); index < 900; index += random.nextInt(1, 60)) {
        long count = random.nextInt(3);
        one.add(index, count);
        part.add(index, count);
        at = ascending.addFrom(at, index, count);
      }
      merged.merge(part);
    }
    assertArrayEquals(one.packed(), ascending.packed());
    assertArrayEquals(one.packed(), merged.packed());
    assertEquals(one.total(), merged.total());
  }

  @Test
  void bucketsThatDoNotAscendAreStillCountedRight() {
    SparseHistogram histogram = new SparseHistogram();
    int at = histogram.addFrom(0, 50, 1);
    at = histogram.addFrom(at, 20, 2);
    at = histogram.addFrom(at, 50, 4);
    histogram.addFrom(at, 50, 8);
    assertArrayEquals(new long[] {20, 2, 50, 13}, histogram.packed());
    assertThrows(IllegalArgumentException.class, () -> histogram.addFrom(0, 1, -1));
  }
}
