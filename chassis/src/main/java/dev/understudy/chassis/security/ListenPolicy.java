package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import org.jspecify.annotations.Nullable;

/** Off loopback nothing starts without TLS or a token. */
public final class ListenPolicy {
  private ListenPolicy() {}

  /**
   * Refuses to listen where others can reach the port and nothing protects it.
   *
   * @throws ConfigException that says what to set
   */
  public static void check(HostPort address, @Nullable Tls tls, @Nullable String token) {
    if (!address.isLoopback() && tls == null && token == null) {
      throw new ConfigException(
          address
              + ": off loopback nothing starts without TLS or a token (expected: a loopback address"
              + " such as "
              + HostPort.loopback(address.port())
              + ", or tls.certificate and tls.key, or tokenFile)");
    }
  }
}
