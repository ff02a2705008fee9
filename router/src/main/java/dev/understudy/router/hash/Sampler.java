package dev.understudy.router.hash;

/**
 * Picks a share of prediction ids by a hash that is independent of the split's and of other
 * samplers': the purpose is part of the seed. Immutable.
 */
public final class Sampler {
  private final long seed;

  /** A sampler for one purpose, {@code "mirror"} say. */
  public Sampler(String purpose) {
    this.seed = StableHash.seed("sample:" + purpose);
  }

  /** Whether an id is in the sample of {@code bp} in 1/10000. Samples grow with {@code bp}. */
  public boolean picks(String predictionId, int bp) {
    return bp >= 10_000 || (bp > 0 && StableHash.within(StableHash.of(seed, predictionId), bp));
  }
}
