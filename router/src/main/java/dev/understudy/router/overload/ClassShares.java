package dev.understudy.router.overload;

import dev.understudy.router.call.Criticality;

/**
 * Which share of a limit each class of calls may fill; critical calls may fill all of it. What a
 * class may not fill is kept for those above it. Immutable.
 *
 * @param sheddable in (0, 1]
 * @param standard in [sheddable, 1]
 */
public record ClassShares(double sheddable, double standard) {
  /** All classes alike. */
  public static final ClassShares ALIKE = new ClassShares(1, 1);

  /** Checks both. */
  public ClassShares {
    if (!(sheddable > 0 && sheddable <= standard && standard <= 1)) {
      throw new IllegalArgumentException(
          "shares: " + sheddable + ", " + standard + " (expected: ascending, above 0 to 1)");
    }
  }

  /** How much of a limit a class may fill, at least 1. */
  public long ceiling(Criticality criticality, long limit) {
    double share =
        switch (criticality) {
          case SHEDDABLE -> sheddable;
          case DEFAULT -> standard;
          case CRITICAL -> 1;
        };
    return share == 1 ? limit : Math.max(1, (long) (limit * share));
  }
}
