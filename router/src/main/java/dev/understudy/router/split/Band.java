package dev.understudy.router.split;

import dev.understudy.router.hash.StableHash;

/**
 * A fixed part of all units (keys or prediction ids): those whose point on a scale of its own lies
 * in [from, to). The scale is seeded by its purpose alone, so that two bands of one layer that do
 * not overlap never share a unit whatever model they belong to, and a band says nothing about the
 * split of the units in it. Immutable.
 */
public final class Band {
  private static final double WHOLE = 10_000;

  private final long seed;
  private final double from;
  private final double to;

  private Band(String purpose, int fromBp, int toBp) {
    this.seed = StableHash.seed(purpose);
    this.from = fromBp / WHOLE;
    this.to = toBp / WHOLE;
  }

  /**
   * A range of a layer, in 1/10000.
   *
   * @param fromBp 0 or more, below {@code toBp}
   * @param toBp at most 10000
   */
  public static Band ofLayer(String layer, int fromBp, int toBp) {
    return new Band("layer:" + layer, fromBp, toBp);
  }

  /** The first units of a hold-out's scale; a larger share holds the same units and more. */
  public static Band ofHoldout(String salt, int shareBp) {
    return new Band("holdout:" + salt, 0, shareBp);
  }

  /** Whether a unit lies in it. */
  public boolean contains(String unit) {
    double point = point(unit);
    return point >= from && point < to;
  }

  /** The unit's point on the scale, in [0, 1). */
  public double point(String unit) {
    return StableHash.unit(StableHash.of(seed, unit));
  }
}
