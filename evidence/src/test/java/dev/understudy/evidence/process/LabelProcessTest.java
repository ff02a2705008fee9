package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class LabelProcessTest {
  private static final int RUNS = 1000;

  private static Simulation run(
      String name, Traffic traffic, LabelProcess.Parameters parameters, double level) {
    return Simulation.of(
        "A1 " + name,
        RUNS,
        random -> {
          LabelProcess process = new LabelProcess(parameters);
          return traffic.decidedAt(
              random,
              (w, onCanary, bad) -> {
                if (bad) {
                  process.bad(w, onCanary);
                }
                return bad && process.reaches(level);
              });
        });
  }

  private static final LabelProcess.Parameters ABORT = LabelProcess.Parameters.abort(1);

  @Test
  void equalArmsAreRarelyStopped() {
    for (double w : new double[] {.05, .1, .5}) {
      run("A/A w=" + w, Traffic.aa(Traffic.constant(w), i -> .02), ABORT, .05).assertLevel(.05);
    }
    run("A/A w=.1 alpha .01", Traffic.of(.1, .02, .02), ABORT, .01).assertLevel(.01);
    run("A/A steps", Traffic.aa(Traffic::steps, i -> .02), ABORT, .05).assertLevel(.05);
  }

  @Test
  void aSharedIncidentStopsNobody() {
    run("A/A incident w=.1", Traffic.aa(Traffic.constant(.1), Traffic.incident(.02)), ABORT, .05)
        .assertLevel(.05);
    run("A/A incident steps", Traffic.aa(Traffic::steps, Traffic.incident(.02)), ABORT, .05)
        .assertLevel(.05);
  }

  @Test
  void theLevelHoldsOnTheBoundaryInBothDirections() {
    Traffic boundary = Traffic.of(.1, .024, .02);
    run("ratio 1.2 = rho, abort", boundary, LabelProcess.Parameters.abort(1.2), .05)
        .assertLevel(.05);
    run("ratio 1.2 = rho, promote", boundary, LabelProcess.Parameters.promote(1.2), .05)
        .assertLevel(.05);
  }

  @Test
  void regressionsAreFoundInKnownTime() {
    run("x3 alpha .05", Traffic.of(.1, .06, .02), ABORT, .05).assertMedian(1398);
    run("x5 alpha .01", Traffic.of(.1, .1, .02), ABORT, .01).assertMedian(704);
    run("x10 alpha .01", Traffic.of(.1, .2, .02), ABORT, .01).assertMedian(224);
    run("x2 alpha .05 w=.5", Traffic.of(.5, .04, .02), ABORT, .05).assertMedian(1934);
  }

  @Test
  void countedEqualsOneByOneInAnyOrder() {
    SplittableRandom random = new SplittableRandom(7);
    double[] shares = {.05, .25, .5};
    long[][] counts = new long[3][2];
    LabelProcess single = new LabelProcess(ABORT);
    for (int i = 0; i < 3000; i++) {
      int step = random.nextInt(3);
      boolean onCanary = random.nextDouble() < 1.5 * shares[step];
      counts[step][onCanary ? 0 : 1]++;
      single.bad(shares[step], onCanary);
    }
    LabelProcess counted = new LabelProcess(ABORT);
    LabelProcess reversed = new LabelProcess(ABORT);
    for (int i = 0; i < 3; i++) {
      counted.bad(shares[i], counts[i][0], counts[i][1]);
      reversed.bad(shares[2 - i], counts[2 - i][0], counts[2 - i][1]);
    }
    assertEquals(single.logE(), counted.logE(), 1e-8);
    assertEquals(counted.logE(), reversed.logE(), 1e-9);
    assertEquals(3000, counted.events());
  }

  @Test
  void aMillionEventsOneByOneKeepTheirSum() {
    LabelProcess single = new LabelProcess(ABORT);
    for (int i = 0; i < 1_000_000; i++) {
      single.bad(.1, i % 10 == 0);
    }
    LabelProcess counted = new LabelProcess(ABORT);
    counted.bad(.1, 100_000, 900_000);
    assertEquals(counted.logE(), single.logE(), 1e-6);
  }

  @Test
  void nothingIsLearntWhereTrafficHasNoChoice() {
    LabelProcess process = new LabelProcess(ABORT);
    process.bad(0, true);
    process.bad(1, 1000, 1000);
    assertEquals(0, process.events());
    assertEquals(0, process.logE(), 1e-15);
  }

  @Test
  void hugeCountsStayFinite() {
    LabelProcess process = new LabelProcess(ABORT);
    process.bad(1e-12, 1L << 61, 1L << 61);
    assertTrue(Double.isFinite(process.logE()) && process.logE() > 1e18);
    process.bad(.5, 0, 0);
    assertThrows(ArithmeticException.class, () -> process.bad(.5, 1L << 62, 1L << 62));
  }

  @Test
  void theFirstFailuresAloneDoNotDecide() {
    LabelProcess process = new LabelProcess(ABORT);
    process.bad(.05, 4, 0);
    assertTrue(process.logE() > Math.log(100));
    assertFalse(process.reaches(.01));
    assertTrue(process.logEvidence() <= 0);
    process.bad(.05, 1, 0);
    assertTrue(process.reaches(.01));
  }

  @Test
  void badInputIsRefusedWithItsValue() {
    LabelProcess process = new LabelProcess(ABORT);
    for (double w : new double[] {Double.NaN, -.1, 1.1, Double.POSITIVE_INFINITY}) {
      IllegalArgumentException refusal =
          assertThrows(IllegalArgumentException.class, () -> process.bad(w, true));
      assertTrue(String.valueOf(refusal.getMessage()).contains(Double.toString(w)));
    }
    assertThrows(IllegalArgumentException.class, () -> process.bad(.5, -1, 0));
    assertThrows(IllegalArgumentException.class, () -> LabelProcess.Parameters.abort(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> LabelProcess.Parameters.abort(0));
  }

  @Test
  void theIntervalCoversTheTrueRatioAndFindsIt() {
    Simulation.of(
            "ratio interval, true 2, misses ever",
            200,
            random -> {
              RatioInterval interval = new RatioInterval(.05);
              for (int block = 0; block < 40; block++) {
                int onCanary = 0;
                for (int i = 0; i < 50; i++) {
                  onCanary += random.nextDouble() < 2 * .1 / (2 * .1 + .9) ? 1 : 0;
                }
                interval.bad(.1, onCanary, 50 - onCanary);
                if (interval.lower() > 2 || interval.upper() < 2) {
                  return block;
                }
              }
              assertTrue(interval.lower() > 1.1 && interval.upper() < 4);
              return Simulation.NEVER;
            })
        .assertLevel(.05);
    RatioInterval empty = new RatioInterval(.05);
    assertEquals(0, empty.lower());
    assertEquals(Double.POSITIVE_INFINITY, empty.upper());
  }
}
