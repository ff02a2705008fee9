package dev.understudy.router.upstream;

import java.time.Duration;

/**
 * When a backend is left alone. Only transport failures count: it could not be reached, or did not
 * answer in time; what it answers is the evidence's business.
 *
 * @param window latest calls that count
 * @param minimumCalls before this many nothing happens
 * @param failureRate share of the window at which the breaker opens, in (0, 1]
 * @param openFor how long before a few calls try again
 * @param probes how many calls try
 */
public record BreakerSettings(
    int window, int minimumCalls, double failureRate, Duration openFor, int probes) {
  /**
   * The default. The window is long enough that evidence sees some 25 failures of a canary that
   * died before its share falls to nothing.
   */
  public static final BreakerSettings DEFAULT =
      new BreakerSettings(50, 20, 0.5, Duration.ofSeconds(2), 3);
}
