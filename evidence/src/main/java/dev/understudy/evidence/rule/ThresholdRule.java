package dev.understudy.evidence.rule;

import dev.understudy.evidence.process.Draws;
import java.util.List;

/**
 * The rule that scraped-metric rollouts use, for comparison: in each window of at least so many
 * requests the canary's error rate may be at most so many times the baseline's, and so many windows
 * may fail.
 *
 * @param factor allowed ratio of error rates, greater than 0
 * @param windowRequests requests of both arms after which a window is looked at, at least 1
 * @param failureLimit failed windows that are still forgiven, 0 or more; the next one stops the
 *     rollout
 */
public record ThresholdRule(double factor, long windowRequests, int failureLimit) {
  public ThresholdRule {
    if (!(factor > 0 && factor < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("factor: " + factor + " (expected: > 0 and finite)");
    }
    if (windowRequests < 1) {
      throw new IllegalArgumentException("windowRequests: " + windowRequests + " (expected: >= 1)");
    }
    if (failureLimit < 0) {
      throw new IllegalArgumentException("failureLimit: " + failureLimit + " (expected: >= 0)");
    }
  }

  /** The requests of one block of time. All counts 0 or more. */
  public record Block(
      long second, long canaryRequests, long canaryBad, long baselineRequests, long baselineBad) {
    public Block {
      if (canaryBad < 0 || canaryBad > canaryRequests) {
        throw new IllegalArgumentException(
            "canaryBad: " + canaryBad + " (expected: 0 to " + canaryRequests + ")");
      }
      if (baselineBad < 0 || baselineBad > baselineRequests) {
        throw new IllegalArgumentException(
            "baselineBad: " + baselineBad + " (expected: 0 to " + baselineRequests + ")");
      }
    }
  }

  /**
   * What the rule would have done.
   *
   * @param stopped whether it would have stopped the rollout
   * @param second of the block at which it would have, or of the last block; -1 without any
   * @param requests of both arms up to then
   * @param windows looked at up to then
   * @param failedWindows of these
   */
  public record Decision(
      boolean stopped, long second, long requests, int windows, int failedWindows) {}

  /**
   * Decides on blocks in order; an unfinished window at the end is not looked at, nor one in which
   * an arm is empty.
   */
  public Decision decide(Iterable<Block> blocks) {
    long requests = 0;
    long second = -1;
    int windows = 0;
    int failed = 0;
    long canary = 0;
    long canaryBad = 0;
    long baseline = 0;
    long baselineBad = 0;
    for (Block block : blocks) {
      second = block.second();
      canary += block.canaryRequests();
      canaryBad += block.canaryBad();
      baseline += block.baselineRequests();
      baselineBad += block.baselineBad();
      requests += block.canaryRequests() + block.baselineRequests();
      if (canary + baseline < windowRequests) {
        continue;
      }
      if (canary > 0 && baseline > 0) {
        windows++;
        failed += exceeds(canary, canaryBad, baseline, baselineBad) ? 1 : 0;
        if (failed > failureLimit) {
          return new Decision(true, second, requests, windows, failed);
        }
      }
      canary = 0;
      canaryBad = 0;
      baseline = 0;
      baselineBad = 0;
    }
    return new Decision(false, second, requests, windows, failed);
  }

  /**
   * The share of harmless rollouts, in which both arms have the same error rate, that this rule
   * stops.
   *
   * @param errorRate of both arms, 0 to 1
   * @param w share of the canary, 0 to 1
   * @param requests of both arms in a rollout, at least 1
   * @param runs simulated rollouts, at least 1
   * @param seed the same gives the same share
   */
  public double falseStops(double errorRate, double w, long requests, int runs, long seed) {
    if (requests < 1 || runs < 1) {
      throw new IllegalArgumentException(
          "requests, runs: " + requests + ", " + runs + " (expected: >= 1)");
    }
    Draws draws = new Draws(seed);
    int stops = 0;
    for (int run = 0; run < runs; run++) {
      int failed = 0;
      for (long left = requests;
          left >= windowRequests && failed <= failureLimit;
          left -= windowRequests) {
        long canary = draws.binomial(windowRequests, w);
        long baseline = windowRequests - canary;
        Block block =
            new Block(
                0,
                canary,
                draws.binomial(canary, errorRate),
                baseline,
                draws.binomial(baseline, errorRate));
        failed +=
            new ThresholdRule(factor, windowRequests, 0).decide(List.of(block)).failedWindows();
      }
      stops += failed > failureLimit ? 1 : 0;
    }
    return (double) stops / runs;
  }

  private boolean exceeds(long canary, long canaryBad, long baseline, long baselineBad) {
    return (double) canaryBad / canary > factor * ((double) baselineBad / baseline);
  }
}
