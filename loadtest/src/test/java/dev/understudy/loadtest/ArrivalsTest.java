package dev.understudy.loadtest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArrivalsTest {

  @Test
  void constantArrivalsAreEquallySpaced() {
    Arrivals arrivals = new Arrivals(Arrivals.Kind.CONSTANT, 1_000, 1);
    assertEquals(1_000_000, arrivals.next());
    assertEquals(2_000_000, arrivals.next());
    assertEquals(3_000_000, arrivals.next());
  }

  @ParameterizedTest
  @EnumSource
  void theMeanRateIsKept(Arrivals.Kind kind) {
    Arrivals arrivals = new Arrivals(kind, 500, 42);
    long last = 0;
    for (int i = 0; i < 100_000; i++) {
      long next = arrivals.next();
      assertTrue(next >= last);
      last = next;
    }
    assertEquals(200e9, (double) last, 200e9 * .02);
  }

  @Test
  void poissonIntervalsVaryAsAnExponentialDoes() {
    Arrivals arrivals = new Arrivals(Arrivals.Kind.POISSON, 1_000, 3);
    double sum = 0;
    double squares = 0;
    long last = 0;
    int n = 50_000;
    for (int i = 0; i < n; i++) {
      long next = arrivals.next();
      double interval = (double) (next - last) / 1e6;
      sum += interval;
      squares += interval * interval;
      last = next;
    }
    double mean = sum / n;
    assertEquals(1, (squares / n - mean * mean) / (mean * mean), .05);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
  void anImpossibleRateIsRefused(double rate) {
    assertThrows(
        IllegalArgumentException.class, () -> new Arrivals(Arrivals.Kind.POISSON, rate, 1));
  }
}
