package dev.understudy.router.overload;

import dev.understudy.chassis.config.Section;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a backend's concurrency is limited.
 *
 * @param minimum the lowest limit, and the number of calls at which the backend's time without load
 *     is measured, 1 or more
 * @param start the limit before anything is known
 * @param maximum the highest limit
 * @param tolerance how many times its time without load a backend may take before its limit falls,
 *     more than 1
 * @param window how long answers are collected before the limit moves
 * @param remeasure how old the time without load may become while calls are refused
 */
public record GradientSettings(
    int minimum, int start, int maximum, double tolerance, Duration window, Duration remeasure) {
  /** The highest limit there can be. */
  public static final int MOST = 1_000_000;

  /** The default. */
  public static final GradientSettings DEFAULT =
      new GradientSettings(4, 64, 4096, 2, Duration.ofMillis(100), Duration.ofSeconds(30));

  /** Checks all. */
  public GradientSettings {
    if (minimum < 1 || start < minimum || maximum < start || maximum > MOST) {
      throw new IllegalArgumentException(
          "minimum, start, maximum: "
              + minimum
              + ", "
              + start
              + ", "
              + maximum
              + " (expected: ascending, 1 to "
              + MOST
              + ")");
    }
    if (!(tolerance > 1 && tolerance <= 100)) {
      throw new IllegalArgumentException("tolerance: " + tolerance + " (expected: above 1 to 100)");
    }
    if (window.compareTo(Duration.ofMillis(1)) < 0) {
      throw new IllegalArgumentException("window: " + window + " (expected: 1 ms or more)");
    }
    if (remeasure.compareTo(window) < 0) {
      throw new IllegalArgumentException("remeasure: " + remeasure + " (expected: >= window)");
    }
  }

  /** Reads {@code limits.adaptive}; null unless it is enabled. */
  public static @Nullable GradientSettings read(Section section) {
    boolean enabled = section.flag("enabled", false);
    int minimum = section.integer("minimum", DEFAULT.minimum, 1, MOST);
    int start = section.integer("start", Math.max(minimum, DEFAULT.start), 1, MOST);
    int maximum = section.integer("maximum", Math.max(start, DEFAULT.maximum), 1, MOST);
    double tolerance = section.real("tolerance", DEFAULT.tolerance, 1.01, 100);
    Duration window = section.duration("window", DEFAULT.window);
    Duration remeasure = section.duration("remeasure", DEFAULT.remeasure);
    try {
      GradientSettings read =
          new GradientSettings(minimum, start, maximum, tolerance, window, remeasure);
      return enabled ? read : null;
    } catch (IllegalArgumentException e) {
      section.problem("minimum", String.valueOf(e.getMessage()));
      return null;
    }
  }
}
