package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;

/**
 * A law of divergences on the grid of 1/1024: 65,536 equally likely values whose mean is exactly
 * what it is said to be, up to 1e-8.
 */
final class Law {
  private static final int SIZE = 1 << 16;
  private static final int UNITS = 1024;

  private final char[] units;

  private Law(double[] values, double mean) {
    units = new char[SIZE];
    long sum = 0;
    for (int i = 0; i < SIZE; i++) {
      units[i] = (char) StrictMath.round(values[i] * UNITS);
      sum += units[i];
    }
    // Rounding has moved the mean: put it back, one unit at a time.
    long missing = StrictMath.round(mean * UNITS * SIZE) - sum;
    for (int i = 0; missing != 0; i = (i + 1) % SIZE) {
      int moved = units[i] + Long.signum(missing);
      if (units[i] > 0 && moved > 0 && moved <= UNITS) {
        units[i] = (char) moved;
        missing -= Long.signum(missing);
      }
    }
  }

  /** Beta(0.2, b) with this mean: many answers almost equal, some far off (Jöhnk's method). */
  static Law beta(double mean) {
    Draws draws = new Draws(20260101);
    double b = .2 / mean - .2;
    double[] values = new double[SIZE];
    for (int i = 0; i < SIZE; i++) {
      double x;
      double y;
      do {
        x = StrictMath.pow(draws.nextDouble(), 5);
        y = StrictMath.pow(draws.nextDouble(), 1 / b);
      } while (!(x + y <= 1 && x + y > 0));
      values[i] = x / (x + y);
    }
    return new Law(values, mean);
  }

  /** Equal but for a share of {@code 2 mean}, where anything happens. */
  static Law mostlyEqual(double mean) {
    Draws draws = new Draws(20260102);
    double[] values = new double[SIZE];
    int unequal = (int) StrictMath.round(2 * mean * SIZE);
    for (int i = 0; i < unequal; i++) {
      values[i] = draws.nextDouble();
    }
    return new Law(values, mean);
  }

  /** All or nothing. */
  static Law allOrNothing(double mean) {
    double[] values = new double[SIZE];
    int all = (int) StrictMath.round(mean * SIZE);
    java.util.Arrays.fill(values, 0, all, 1);
    return new Law(values, (double) all / SIZE);
  }

  int units(Draws draws) {
    return units[(int) (draws.nextLong() >>> 48)];
  }
}
