package dev.understudy.router.split;

import dev.understudy.router.hash.StableHash;

/**
 * Divides the unit interval: the canary takes the bottom, the control the top, the champion the
 * middle. A call's point depends only on the salt and its unit (prediction id or key), so that
 *
 * <ul>
 *   <li>the same key falls on the same point in every router, for as long as the salt stays;
 *   <li>when the canary's weight grows, points move from the champion to the canary and in no other
 *       way; the same holds for the control, from the other end.
 * </ul>
 *
 * <p>Immutable.
 */
public final class Split {
  private final long seed;
  private final long keySeed;

  /** A split under a salt, which stays constant through a rollout. */
  public Split(String salt) {
    this.seed = StableHash.seed("split:" + salt);
    this.keySeed = StableHash.seed("key:" + salt);
  }

  /** The point of a unit, as a hash. */
  public long point(String unit) {
    return StableHash.of(seed, unit);
  }

  /** The hash by which a key is known outside; it tells neither the key nor its point. */
  public long keyHash(String key) {
    return StableHash.of(keySeed, key);
  }

  /**
   * The share in which a point lies.
   *
   * @param canaryBp 0 to 10000
   * @param controlBp 0 to 10000 less {@code canaryBp}
   */
  public Share share(long point, int canaryBp, int controlBp) {
    double u = StableHash.unit(point);
    if (u < canaryBp / 10_000.0) {
      return Share.CANARY;
    }
    if (u >= 1 - controlBp / 10_000.0) {
      return Share.CONTROL;
    }
    return Share.CHAMPION;
  }
}
