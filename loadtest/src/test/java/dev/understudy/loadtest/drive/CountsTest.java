package dev.understudy.loadtest.drive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class CountsTest {

  @Test
  void everyDurationIsKeptToTwoThousandths() {
    long last = -1;
    for (long value = 0; value < 1L << 36; value += Math.max(1, value / 700)) {
      int index = Counts.index(value);
      assertTrue(index >= last, "indexes rise with values");
      last = index;
      assertEquals((double) value, (double) Counts.middle(index), value * .002 + 1e-9);
    }
  }

  @Test
  void percentilesAreThoseOfTheSortedValues() {
    SplittableRandom random = new SplittableRandom(7);
    Counts counts = new Counts();
    long[] values = new long[20_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = (long) Math.exp(10 + 6 * random.nextDouble());
      counts.record(values[i]);
    }
    Arrays.sort(values);
    Durations taken = counts.take();
    for (double p : new double[] {.01, 25, 50, 90, 99, 99.9, 99.99, 100}) {
      long truth = values[(int) Math.ceil(p / 100 * values.length) - 1];
      assertEquals((double) truth, (double) taken.percentile(p), truth * .002, "p" + p);
    }
    assertEquals(values[values.length - 1], taken.max());
    assertEquals(Arrays.stream(values).average().orElseThrow(), taken.mean(), 1e-6);
    assertEquals(0, counts.take().count(), "taking empties");
  }

  @Test
  void whatIsOutOfRangeIsBounded() {
    Counts counts = new Counts();
    counts.record(-5);
    counts.record(Long.MAX_VALUE);
    Durations taken = counts.take();
    assertArrayEquals(new long[] {0, (1L << 36) - 1}, taken.values());
    Histogram histogram = new Histogram(1, 1L << 36, 3);
    taken.addTo(histogram);
    assertEquals(2, histogram.getTotalCount());
  }

  @Test
  void sumsMerge() {
    Durations a = new Durations(new long[] {1, 5}, new int[] {2, 1}, 7);
    Durations b = new Durations(new long[] {5, 9}, new int[] {4, 1}, 29);
    Durations sum = Durations.sum(List.of(a, b));
    assertArrayEquals(new long[] {1, 5, 9}, sum.values());
    assertArrayEquals(new int[] {2, 5, 1}, sum.times());
    assertEquals(36, sum.sum());
    assertEquals(0, Durations.NONE.percentile(50));
  }
}
