package dev.understudy.collector.rollouts;

import org.jspecify.annotations.Nullable;

/**
 * Whether a service that the page asks is there.
 *
 * @param address null if none is configured
 * @param reachable whether the last question was answered
 * @param problem what went wrong last, empty if nothing did
 */
public record Source(@Nullable String address, boolean reachable, String problem) {
  /** No address is configured. */
  public static final Source NONE = new Source(null, false, "");
}
