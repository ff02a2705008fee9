package dev.understudy.loadtest.wire;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.security.Tls;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where calls go, and as whom.
 *
 * @param tls null for plaintext
 * @param connections how many are kept open, 1 or more; calls take turns
 * @param timeout sent as {@code grpc-timeout} and kept here: a call without an answer after it ends
 *     with DEADLINE_EXCEEDED
 * @param tokens bearer tokens of the principals, in order; an empty text sends no header
 */
public record Target(
    HostPort address, @Nullable Tls tls, int connections, Duration timeout, List<String> tokens) {

  /** Checks ranges. */
  public Target {
    if (connections < 1 || connections > 10_000) {
      throw new IllegalArgumentException(
          "connections: " + connections + " (expected: 1 to 10,000)");
    }
    if (timeout.isNegative() || timeout.isZero() || timeout.toHours() > 24) {
      throw new IllegalArgumentException("timeout: " + timeout + " (expected: above 0, to 24h)");
    }
    if (tokens.isEmpty()) {
      throw new IllegalArgumentException(
          "tokens: none (expected: one or more, empty texts allowed)");
    }
    tokens = List.copyOf(tokens);
  }

  @Override
  public String toString() {
    // Without the tokens.
    return address.toString();
  }
}
