package dev.understudy.evidence.forecast;

import dev.understudy.evidence.process.Combination;
import dev.understudy.evidence.process.DifferenceMean;
import dev.understudy.evidence.process.Direction;
import dev.understudy.evidence.process.Draws;
import dev.understudy.evidence.process.LabelProcess;
import dev.understudy.evidence.process.MarginProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;

/**
 * How much traffic a decision will need if the challenger is as good as the champion: the median of
 * simulated rollouts through the processes that decide, from a fixed seed. Looks are spaced by 4 %,
 * so an answer is rounded up by as much.
 *
 * <p>An answer is empty where half of the rollouts are not decided by the limit. Each answer starts
 * from no evidence; in a rollout evidence is carried from step to step. Pure and safe for threads.
 */
public final class Forecast {
  private static final int RUNS = 41;
  private static final int THINNINGS = 4;
  private static final double SPACING = 1.04;
  private static final long NEVER = Long.MAX_VALUE;

  private final long seed;

  /** A forecaster; equal seeds give equal answers. */
  public Forecast(long seed) {
    this.seed = seed;
  }

  /**
   * Requests of both arms until failures are proved to be at most {@code margin} more.
   *
   * @param w share of the canary, in (0, 1)
   * @param margin allowed difference of failure shares, in (0, 1)
   * @param beta level of promotion, in (0, 1)
   * @param errorRate of both arms, 0 to 1; at 0 the answer is exact
   * @param limit most requests looked at
   */
  public OptionalLong requestsToProveFailures(
      double w, double margin, double beta, double errorRate, long limit) {
    if (errorRate == 0) {
      return exactWithoutErrors(w, margin, beta, limit);
    }
    return median(draws -> {
      MarginProcess process =
          new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
      long seen = 0;
      while (seen < limit) {
        long more = StrictMath.min(limit, next(seen)) - seen;
        long canary = draws.binomial(more, w);
        long canaryBad = draws.binomial(canary, errorRate);
        long baselineBad = draws.binomial(more - canary, errorRate);
        process.add(w, canary - canaryBad, canaryBad, more - canary - baselineBad, baselineBad);
        seen += more;
        if (process.reaches(beta)) {
          return seen;
        }
      }
      return NEVER;
    });
  }

  /**
   * Labelled pairs until the challenger's 0-1 loss is proved to be at most {@code margin} higher.
   *
   * @param margin allowed difference of mean losses, greater than -1 and less than 1
   * @param beta level of promotion, in (0, 1)
   * @param challengerOnlyBad share of pairs on which only the challenger errs
   * @param championOnlyBad share of pairs on which only the champion errs; both shares at most 1
   *     together
   * @param limit most pairs looked at
   */
  public OptionalLong pairsToProveQuality(
      double margin, double beta, double challengerOnlyBad, double championOnlyBad, long limit) {
    if (!(challengerOnlyBad >= 0
        && championOnlyBad >= 0
        && challengerOnlyBad + championOnlyBad <= 1)) {
      throw new IllegalArgumentException(
          "shares: "
              + challengerOnlyBad
              + " and "
              + championOnlyBad
              + " (expected: >= 0, together <= 1)");
    }
    return median(draws -> {
      DifferenceMean process =
          new DifferenceMean(new DifferenceMean.Parameters(Direction.PROMOTE, margin));
      long seen = 0;
      while (seen < limit) {
        long more = StrictMath.min(limit, next(seen)) - seen;
        long worse = draws.binomial(more, challengerOnlyBad);
        long better =
            challengerOnlyBad == 1
                ? 0
                : draws.binomial(
                    more - worse, StrictMath.min(1, championOnlyBad / (1 - challengerOnlyBad)));
        process.add(1, worse);
        process.add(-1, better);
        process.add(0, more - worse - better);
        seen += more;
        if (process.reaches(beta)) {
          return seen;
        }
      }
      return NEVER;
    });
  }

  /**
   * Blocks until latency is proved to be within the tolerance, for lognormal latencies without
   * stalls.
   *
   * @param requestsPerBlock of both arms, at least 1
   * @param canaryShare probability of the canary, in (0, 1)
   * @param referenceShare probability of the control or baseline, in (0, 1)
   * @param quantile judged, in (0, 1)
   * @param tolerance 0.25 allows 25 % more
   * @param sigma standard deviation of the logarithm of latency, greater than 0
   * @param beta level of promotion, in (0, 1)
   * @param limit most blocks looked at
   */
  public OptionalLong blocksToProveLatency(
      long requestsPerBlock,
      double canaryShare,
      double referenceShare,
      double quantile,
      double tolerance,
      double sigma,
      double beta,
      long limit) {
    double above = 1 - quantile;
    double aboveTolerance =
        Normal.above(Normal.quantile(quantile) + StrictMath.log1p(tolerance) / sigma);
    double keepCanary = StrictMath.min(1, referenceShare / canaryShare);
    double keepReference = StrictMath.min(1, canaryShare / referenceShare);
    return median(draws -> {
      LabelProcess[] signs = new LabelProcess[THINNINGS];
      Arrays.setAll(signs, j -> new LabelProcess(LabelProcess.Parameters.promote(1)));
      for (long block = 1; block <= limit; block++) {
        long canary = draws.binomial(requestsPerBlock, canaryShare);
        long canaryAbove = draws.binomial(canary, aboveTolerance);
        long reference = draws.binomial(requestsPerBlock, referenceShare);
        long referenceAbove = draws.binomial(reference, above);
        for (LabelProcess thinning : signs) {
          double canaryPart = thinnedShare(draws, canary, canaryAbove, keepCanary);
          double referencePart = thinnedShare(draws, reference, referenceAbove, keepReference);
          if (canaryPart != referencePart
              && !Double.isNaN(canaryPart)
              && !Double.isNaN(referencePart)) {
            thinning.bad(0.5, canaryPart > referencePart);
          }
        }
        if (reached(signs, beta)) {
          return block;
        }
      }
      return NEVER;
    });
  }

  /** The share above after thinning; NaN when nothing is left. */
  private static double thinnedShare(Draws draws, long total, long above, double keep) {
    double keptAbove = (double) draws.binomial(above, keep);
    double keptBelow = (double) draws.binomial(total - above, keep);
    return keptAbove / (keptAbove + keptBelow);
  }

  private static boolean reached(LabelProcess[] thinnings, double beta) {
    List<Combination.Part> parts = new ArrayList<>();
    for (LabelProcess thinning : thinnings) {
      parts.add(new Combination.Part(1.0 / THINNINGS, thinning.logE()));
    }
    return Combination.logWeightedMean(parts) >= -StrictMath.log(beta);
  }

  private static OptionalLong exactWithoutErrors(double w, double margin, double beta, long limit) {
    if (!proved(w, margin, beta, limit)) {
      return OptionalLong.empty();
    }
    long no = 0;
    long yes = limit;
    while (yes - no > 1) {
      long middle = no + (yes - no) / 2;
      if (proved(w, margin, beta, middle)) {
        yes = middle;
      } else {
        no = middle;
      }
    }
    return OptionalLong.of(yes);
  }

  private static boolean proved(double w, double margin, double beta, long requests) {
    MarginProcess process =
        new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, margin));
    process.add(w, requests, 0, 0, 0); // A success counts the same in either arm.
    return process.reaches(beta);
  }

  private OptionalLong median(ToLongFunction<Draws> rollout) {
    long[] answers = new long[RUNS];
    for (int run = 0; run < RUNS; run++) {
      answers[run] = rollout.applyAsLong(new Draws(seed, run));
    }
    Arrays.sort(answers);
    long median = answers[RUNS / 2];
    return median == NEVER ? OptionalLong.empty() : OptionalLong.of(median);
  }

  private static long next(long seen) {
    return StrictMath.max(seen + 10, (long) ((double) seen * SPACING));
  }
}
