package dev.understudy.evidence.process;

/**
 * A stream of random numbers that is the same on every machine: SplitMix64 (Steele, Lea and Flood,
 * OOPSLA 2014) seeded by a hash of numbers, with exact binomial draws. Not thread-safe, not for
 * secrets.
 */
public final class Draws {
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
   * @param trials 0 or more
   * @param probability 0 to 1
   */
  public long binomial(long trials, double probability) {
    LogMath.count("trials", trials);
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

  private static double logMass(long trials, long k, double probability) {
    double n = (double) trials;
    double successes = (double) k;
    double failures = (double) (trials - k);
    return -StrictMath.log1p(n)
        - StrictGamma.logBeta(successes + 1, failures + 1)
        + successes * StrictMath.log(probability)
        + failures * StrictMath.log1p(-probability);
  }

  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    long b = (a ^ (a >>> 27)) * 0x94d049bb133111ebL;
    return b ^ (b >>> 31);
  }
}
