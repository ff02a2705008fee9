package dev.understudy.evidence.process;

/**
 * A stream of random numbers that is the same on every machine: SplitMix64 (Steele, Lea and Flood,
 * OOPSLA 2014) seeded by a hash of numbers, with exact binomial draws. Not thread-safe, not for
 * secrets.
 */
public final class Draws {
  /** Most trials of one binomial draw: 2^44. */
  public static final long MAX_TRIALS = 1L << 44;

  private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

  private long state;

  /** A stream that depends on all of the given numbers and their order. */
  public Draws(long... seeds) {
    long hash = 0;
    for (long seed : seeds) {
      hash = mix(hash + GOLDEN_GAMMA + mix(seed + GOLDEN_GAMMA));
    }
    this.state = hash;
  }

  /** 64 uniform bits. */
  public long nextLong() {
    state += GOLDEN_GAMMA;
    return mix(state);
  }

  /** Uniform on the multiples of 2^-53 in [0, 1). */
  public double nextDouble() {
    return (nextLong() >>> 11) * 0x1.0p-53;
  }

  /**
   * The number of successes in {@code trials} independent trials: inversion of the distribution
   * function, summed outward from the mode, in a time that grows as its standard deviation.
   *
   * @param trials 0 to {@link #MAX_TRIALS}, which takes some hundredths of a second
   * @param probability 0 to 1
   */
  public long binomial(long trials, double probability) {
    if (trials < 0 || trials > MAX_TRIALS) {
      throw new IllegalArgumentException("trials: " + trials + " (expected: 0 to 2^44)");
    }
    LogMath.probability("probability", probability);
    if (trials == 0 || probability == 0) {
      return 0;
    }
    if (probability == 1) {
      return trials;
    }
    double odds = probability / (1 - probability);
    long mode =
        StrictMath.clamp((long) StrictMath.floor(((double) trials + 1) * probability), 0, trials);
    double atMode = StrictMath.exp(logMass(trials, mode, probability));
    double left = nextDouble() - atMode;
    long low = mode;
    long high = mode;
    double lowMass = atMode;
    double highMass = atMode;
    while (left >= 0 && (lowMass > 0 || highMass > 0)) {
      highMass = high < trials ? highMass * ((double) (trials - high) / (high + 1)) * odds : 0;
      high++;
      left -= highMass;
      if (left < 0) {
        return high;
      }
      lowMass = low > 0 ? lowMass * ((double) low / (trials - low + 1)) / odds : 0;
      low--;
      left -= lowMass;
      if (left < 0) {
        return low;
      }
    }
    // Also where rounding left a mass just short of 1: the likeliest value, with a chance below
    // 1e-9.
    return mode;
  }

  /**
   * Logarithm of the probability of k, for k near the mean; Loader's saddle-point form where counts
   * are large enough for it.
   */
  private static double logMass(long trials, long k, double probability) {
    double n = (double) trials;
    double successes = (double) k;
    double failures = (double) (trials - k);
    if (successes < StrictGamma.SERIES_FROM || failures < StrictGamma.SERIES_FROM) {
      return -StrictMath.log1p(n)
          - StrictGamma.logBeta(successes + 1, failures + 1)
          + successes * StrictMath.log(probability)
          + failures * StrictMath.log1p(-probability);
    }
    return StrictGamma.stirlingError(n)
        - StrictGamma.stirlingError(successes)
        - StrictGamma.stirlingError(failures)
        - deviance(successes, n * probability)
        - deviance(failures, n * (1 - probability))
        + 0.5 * (StrictMath.log(n) - StrictMath.log(successes) - StrictMath.log(failures))
        - StrictGamma.HALF_LOG_TWO_PI;
  }

  /** {@code x ln(x/mean) + mean - x}, without cancellation where x is near the mean. */
  private static double deviance(double x, double mean) {
    double d = (x - mean) / mean;
    return mean * ((1 + d) * StrictMath.log1p(d) - d);
  }

  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    long b = (a ^ (a >>> 27)) * 0x94d049bb133111ebL;
    return b ^ (b >>> 31);
  }
}
