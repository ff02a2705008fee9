package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class OutlierMathTest {
  private static final UpstreamSettings.Outliers SETTINGS = UpstreamSettings.DEFAULT.outliers();

  private static BitSet outliers(long calls, long[] failures, double[] latencies) {
    long[] all = new long[failures.length];
    Arrays.fill(all, calls);
    return OutlierMath.outliers(all, failures, latencies, SETTINGS);
  }

  private static double[] alike(int n) {
    double[] latencies = new double[n];
    Arrays.fill(latencies, 1e6);
    return latencies;
  }

  @Test
  void whoFailsAmongFiveIsFound() {
    assertEquals("{3}", outliers(100, new long[] {0, 1, 0, 40, 1}, alike(5)).toString());
  }

  @Test
  void amongFourNobodyIs() {
    assertTrue(outliers(100, new long[] {0, 0, 0, 90}, alike(4)).isEmpty());
  }

  @Test
  void whoHadTooFewCallsIsNeitherJudgedNorAPeer() {
    long[] calls = {100, 100, 100, 100, 19};
    assertTrue(
        OutlierMath.outliers(calls, new long[] {0, 0, 0, 0, 19}, alike(5), SETTINGS).isEmpty());
  }

  @Test
  void whereAllFailAlikeNobodyStandsOut() {
    assertTrue(outliers(100, new long[] {50, 50, 50, 50, 50, 50}, alike(6)).isEmpty());
    assertTrue(outliers(100, new long[] {0, 0, 0, 0, 0, 0}, alike(6)).isEmpty());
  }

  @Test
  void whoIsManyTimesSlowerThanTheMedianIsFound() {
    double[] latencies = {1e6, 1.1e6, 0.9e6, 5.4e6, 1e6};
    assertEquals("{3}", outliers(100, new long[5], latencies).toString());
    latencies[3] = 4.9e6;
    assertTrue(outliers(100, new long[5], latencies).isEmpty());
  }

  @Test
  void whoeverNeverFailedIsNeverAnOutlierBySuccess() {
    Random random = new Random(11);
    for (int round = 0; round < 2_000; round++) {
      int n = random.nextInt(5, 12);
      long[] failures = new long[n];
      for (int i = 0; i < n; i++) {
        failures[i] = random.nextBoolean() ? 0 : random.nextLong(100);
      }
      BitSet found = outliers(100, failures, alike(n));
      assertTrue(found.cardinality() < n, "all of them");
      found.stream().forEach(i -> assertTrue(failures[i] > 0, "without a failure"));
    }
  }

  @Test
  void ejectionsGrowUpToABound() {
    UpstreamSettings.Outliers settings = SETTINGS;
    assertEquals(Duration.ofSeconds(5), Duration.ofNanos(OutlierMath.ejectionNanos(1, settings)));
    assertEquals(Duration.ofSeconds(15), Duration.ofNanos(OutlierMath.ejectionNanos(3, settings)));
    assertEquals(
        Duration.ofMinutes(5), Duration.ofNanos(OutlierMath.ejectionNanos(1_000_000, settings)));
  }

  @Test
  void someMayBeEjectedButNeverAll() {
    assertEquals(0, OutlierMath.mostEjected(1, 1));
    assertEquals(1, OutlierMath.mostEjected(2, 0.5));
    assertEquals(1, OutlierMath.mostEjected(3, 0.1));
    assertEquals(2, OutlierMath.mostEjected(3, 1));
    assertEquals(5, OutlierMath.mostEjected(10, 0.5));
    assertEquals(0, OutlierMath.mostEjected(10, 0));
  }
}
