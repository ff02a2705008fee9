package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

final class MeanProcessesTest {
  private static final int RUNS = 400;

  private static Simulation betting(
      String name,
      Direction direction,
      double limit,
      double level,
      int length,
      ToDoubleFunction<SplittableRandom> value) {
    return Simulation.of(
        "C1 " + name,
        RUNS,
        random -> {
          BettingMean process = new BettingMean(new BettingMean.Parameters(direction, limit));
          for (int i = 1; i <= length; i++) {
            process.add(value.applyAsDouble(random));
            if (process.reaches(level)) {
              return i;
            }
          }
          return Simulation.NEVER;
        });
  }

  /** Beta(0.2, b) of the given mean, after Jöhnk: skewed, as divergences are. */
  private static ToDoubleFunction<SplittableRandom> beta(double mean) {
    double b = .2 / mean - .2;
    return random -> {
      while (true) {
        double x = Math.pow(random.nextDouble(), 5);
        double y = Math.pow(random.nextDouble(), 1 / b);
        if (x + y <= 1 && x + y > 0) {
          return x / (x + y);
        }
      }
    };
  }

  private static ToDoubleFunction<SplittableRandom> bernoulli(double mean) {
    return random -> random.nextDouble() < mean ? 1 : 0;
  }

  @Test
  void theLevelHoldsOnTheLimitInBothDirections() {
    for (Direction direction : Direction.values()) {
      betting("Bernoulli .02 on the limit, " + direction, direction, .02, .05, 4000, bernoulli(.02))
          .assertLevel(.05);
      betting("Beta .02 on the limit, " + direction, direction, .02, .05, 4000, beta(.02))
          .assertLevel(.05);
      betting(
              "zeros and uniform on the limit, " + direction,
              direction,
              .02,
              .05,
              4000,
              random -> random.nextDouble() < .04 ? random.nextDouble() : 0)
          .assertLevel(.05);
    }
  }

  @Test
  void changesAreFoundInKnownTime() {
    double[][] abort = {{.03, 181}, {.04, 58}, {.1, 10}};
    for (double[] cell : abort) {
      betting("abort, Beta mean " + cell[0], Direction.ABORT, .02, .05, 4000, beta(cell[0]))
          .assertMedian(cell[1]);
    }
    double[][] promote = {{.005, 431}, {.01, 656}, {.015, 1381}};
    for (double[] cell : promote) {
      betting("promote, Beta mean " + cell[0], Direction.PROMOTE, .02, .05, 4000, beta(cell[0]))
          .assertMedian(cell[1]);
    }
  }

  @Test
  void decisionsThatChangeTooOftenAreStopped() {
    betting(
            "share .15 against band .05, alpha .01",
            Direction.ABORT,
            .05,
            .01,
            4000,
            bernoulli(.15))
        .assertShareAbove(.99);
    betting(
            "share .01 within band .05, beta .05",
            Direction.PROMOTE,
            .05,
            .05,
            4000,
            bernoulli(.01))
        .assertShareAbove(.99);
  }

  @Test
  void pairedDifferencesKeepTheirLevelOnTheMargin() {
    for (Direction direction : Direction.values()) {
      Simulation.of(
              "C3 3 % noise on both sides, margin 0, " + direction,
              RUNS,
              random -> {
                DifferenceMean process =
                    new DifferenceMean(new DifferenceMean.Parameters(direction, 0));
                for (int i = 0; i < 4000; i++) {
                  int candidate = random.nextDouble() < .03 ? 1 : 0;
                  int noise = random.nextDouble() < .03 ? 1 : 0;
                  process.add(candidate - noise);
                  if (process.reaches(.05)) {
                    return i;
                  }
                }
                return Simulation.NEVER;
              })
          .assertLevel(.05);
    }
  }

  @Test
  void pairedRegressionsAreFoundInKnownTime() {
    Simulation.of(
            "C3 3 % noise, +3 points, alpha .05",
            RUNS,
            random -> {
              DifferenceMean process =
                  new DifferenceMean(new DifferenceMean.Parameters(Direction.ABORT, 0));
              for (int i = 1; i <= 10_000; i++) {
                int candidate = random.nextDouble() < .06 ? 1 : 0;
                process.add(candidate - (random.nextDouble() < .03 ? 1 : 0));
                if (process.reaches(.05)) {
                  return i;
                }
              }
              return Simulation.NEVER;
            })
        .assertMedian(732);
    Simulation.of(
            "A3 3 % noise, +3 points, alpha .05",
            RUNS,
            random -> {
              PairedProcess process =
                  new PairedProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0));
              for (int i = 1; i <= 10_000; i++) {
                process.pair(random.nextDouble() < .03, random.nextDouble() < .06);
                if (process.reaches(.05)) {
                  return i;
                }
              }
              return Simulation.NEVER;
            })
        .assertMedian(604, .2);
  }

  @Test
  void discordantPairsKeepTheirLevel() {
    Simulation.of(
            "A3 A/A 3 % noise, alpha .05",
            RUNS,
            random -> {
              PairedProcess process =
                  new PairedProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0));
              for (int i = 1; i <= 10_000; i++) {
                process.pair(random.nextDouble() < .03, random.nextDouble() < .03);
                if (process.reaches(.05)) {
                  return i;
                }
              }
              return Simulation.NEVER;
            })
        .assertLevel(.05);
  }

  @Test
  void countedUnitsEqualOneByOneInAnyOrder() {
    BettingMean single = new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02));
    DifferenceMean singleDifference =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, .002));
    SplittableRandom random = new SplittableRandom(5);
    long[] counts = new long[1025];
    long[] differences = new long[2049];
    for (int i = 0; i < 50_000; i++) {
      int units = random.nextInt(random.nextInt(1, 1026));
      counts[units]++;
      single.addUnits(units, 1);
      int difference = random.nextInt(-1024, 1025);
      differences[difference + 1024]++;
      singleDifference.addUnits(difference, 1);
    }
    BettingMean counted = new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02));
    for (int units = 0; units <= 1024; units++) {
      counted.addUnits(units, counts[units]);
    }
    DifferenceMean countedDifference =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, .002));
    for (int units = 1024; units >= -1024; units--) {
      countedDifference.addUnits(units, differences[units + 1024]);
    }
    assertEquals(1, counted.logE() / single.logE(), 1e-9);
    assertEquals(1, countedDifference.logE() / singleDifference.logE(), 1e-9);
    assertEquals(50_000, countedDifference.events());
  }

  @Test
  void badInputIsRefused() {
    BettingMean mean = new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02));
    assertThrows(IllegalArgumentException.class, () -> mean.add(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> mean.add(1.0001));
    assertThrows(IllegalArgumentException.class, () -> mean.addUnits(1025, 1));
    assertThrows(
        IllegalArgumentException.class, () -> new BettingMean.Parameters(Direction.ABORT, 0));
    DifferenceMean difference =
        new DifferenceMean(new DifferenceMean.Parameters(Direction.ABORT, 0));
    assertThrows(IllegalArgumentException.class, () -> difference.add(-1.1));
    assertThrows(IllegalArgumentException.class, () -> difference.add(Double.NaN));
  }
}
