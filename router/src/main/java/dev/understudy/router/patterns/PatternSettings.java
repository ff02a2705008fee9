package dev.understudy.router.patterns;

import dev.understudy.chassis.config.Section;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What is looked for.
 *
 * @param principals callers that are remembered, 1 or more
 * @param every one call in so many is looked at closely, 1 or more
 * @param band answers within this distance of the decision's cutoff are near the boundary, above 0
 * @param volumeFactor so many times a caller's usual volume is not yet suspicious, 1 or more
 * @param hold how long a caller stays suspicious after the last sign
 * @param throttlePerSecond most calls per second of a suspicious caller; 0 for no bound
 */
public record PatternSettings(
    int principals,
    int every,
    double band,
    double volumeFactor,
    Duration hold,
    double throttlePerSecond) {
  /** The defaults. */
  public static final PatternSettings DEFAULT =
      new PatternSettings(10_000, 4, 0.02, 5, Duration.ofHours(1), 0);

  /** Reads {@code patterns:}; null unless {@code watch: true}. */
  public static @Nullable PatternSettings read(Section section) {
    boolean watch = section.flag("watch", false);
    PatternSettings read =
        new PatternSettings(
            section.integer("principals", DEFAULT.principals, 16, 1_000_000),
            section.integer("every", DEFAULT.every, 1, 1000),
            section.real("band", DEFAULT.band, 1e-9, 1e9),
            section.real("volumeFactor", DEFAULT.volumeFactor, 1, 1e6),
            section.duration("hold", DEFAULT.hold),
            section.real("throttlePerSecond", DEFAULT.throttlePerSecond, 0, 1e9));
    return watch ? read : null;
  }
}
