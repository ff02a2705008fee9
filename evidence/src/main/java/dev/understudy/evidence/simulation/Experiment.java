package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import java.util.Arrays;

/**
 * A kind of rollout that can be repeated.
 *
 * @param group heading under which it stands in the table
 * @param name what happens in it, in words; unique
 * @param promise what is claimed of it
 * @param runs how often it is repeated where nobody says otherwise; dear ones less often
 * @param stream experiments of one stream see the same random numbers
 * @param rollout one repetition
 */
public record Experiment(
    String group, String name, Promise promise, int runs, String stream, Rollout rollout) {
  /** The rollout ended undecided. */
  public static final long NEVER = Long.MAX_VALUE;

  /** However dear, an experiment is repeated this often. */
  public static final int LEAST_RUNS = 20;

  /** One repetition. */
  @FunctionalInterface
  public interface Rollout {
    /** Observations until the decision that is asked for, or {@link #NEVER}. */
    long decidedAt(Draws draws);
  }

  Experiment(String group, String name, Promise promise, int runs, Rollout rollout) {
    this(group, name, promise, runs, name, rollout);
  }

  /**
   * Runs it; the same numbers give the same outcome on any machine.
   *
   * @param factor of the usual number of runs, greater than 0; at least {@value #LEAST_RUNS} are
   *     made
   */
  public Measured measure(double factor, long seed) {
    if (!(factor > 0 && factor <= 10_000)) {
      throw new IllegalArgumentException("factor: " + factor + " (expected: > 0, at most 10000)");
    }
    return repeat((int) StrictMath.max(LEAST_RUNS, StrictMath.round(runs * factor)), seed);
  }

  /** Runs it so many times. */
  Measured repeat(int times, long seed) {
    long[] decidedAt = new long[times];
    for (int run = 0; run < times; run++) {
      decidedAt[run] = rollout.decidedAt(new Draws(seed, stream.hashCode(), run));
    }
    Arrays.sort(decidedAt);
    int decided = (int) Arrays.stream(decidedAt).filter(at -> at != NEVER).count();
    return new Measured(this, seed, times, decided, decidedAt[times / 2]);
  }
}
