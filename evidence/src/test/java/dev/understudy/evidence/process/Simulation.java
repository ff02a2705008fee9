package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToLongFunction;

/** Repeats a random experiment from fixed seeds. */
final class Simulation {
  static final long NEVER = Long.MAX_VALUE;

  /** When each run decided; {@link #NEVER} where it did not. */
  private final long[] decidedAt;

  private Simulation(long[] decidedAt) {
    this.decidedAt = decidedAt;
  }

  static Simulation of(String name, int runs, ToLongFunction<SplittableRandom> run) {
    long[] decidedAt = new long[runs];
    SplittableRandom seeds = new SplittableRandom(20260101);
    for (int i = 0; i < runs; i++) {
      decidedAt[i] = run.applyAsLong(seeds.split());
    }
    Arrays.sort(decidedAt);
    Simulation simulation = new Simulation(decidedAt);
    System.out.printf(
        "%-62s decided %.4f of %d, median %d%n",
        name, simulation.share(), runs, simulation.median());
    return simulation;
  }

  double share() {
    return (double) Arrays.stream(decidedAt).filter(at -> at != NEVER).count() / decidedAt.length;
  }

  long median() {
    return decidedAt[decidedAt.length / 2];
  }

  /** The share decided may exceed the level by three standard errors. */
  void assertLevel(double level) {
    double bound = level + 3 * Math.sqrt(level * (1 - level) / decidedAt.length);
    assertTrue(share() <= bound, () -> "share " + share() + " (expected: <= " + bound + ")");
  }

  void assertMedian(double expected) {
    assertMedian(expected, 0.15);
  }

  void assertMedian(double expected, double tolerance) {
    assertTrue(
        Math.abs(median() - expected) <= tolerance * expected,
        () -> "median " + median() + " (expected: within 15 % of " + expected + ")");
  }

  void assertShareAbove(double least) {
    assertTrue(share() > least, () -> "share " + share() + " (expected: > " + least + ")");
  }
}
