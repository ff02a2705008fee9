package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Section;
import org.jspecify.annotations.Nullable;

/** Off loopback nothing starts without TLS or something that knows its callers. */
public final class ListenPolicy {
  private static final String TLS_OR_TOKEN = "tls.certificate and tls.key, or tokenFile";

  private ListenPolicy() {}

  /**
   * Refuses to listen where others can reach the port and nothing protects it.
   *
   * @throws ConfigException that says what to set
   */
  public static void check(HostPort address, @Nullable Tls tls, @Nullable String token) {
    check(address, tls != null || token != null, TLS_OR_TOKEN);
  }

  /**
   * The same for a listener that is protected in other ways.
   *
   * @param isProtected whether it is
   * @param protection the keys that would protect it
   * @throws ConfigException that says what to set
   */
  public static void check(HostPort address, boolean isProtected, String protection) {
    String problem = problem(address, isProtected, protection);
    if (problem != null) {
      throw new ConfigException(address + ": " + problem);
    }
  }

  /** The same while a file is read: what is wrong becomes a problem of the address's key. */
  public static void check(
      Section section, String key, HostPort address, @Nullable Tls tls, @Nullable String token) {
    check(section, key, address, tls != null || token != null, TLS_OR_TOKEN);
  }

  /** The same for a listener that is protected in other ways. */
  public static void check(
      Section section, String key, HostPort address, boolean isProtected, String protection) {
    String problem = problem(address, isProtected, protection);
    if (problem != null) {
      section.problem(key, address + ": " + problem);
    }
  }

  private static @Nullable String problem(
      HostPort address, boolean isProtected, String protection) {
    return address.isLoopback() || isProtected
        ? null
        : "off loopback nothing starts without TLS or a token (expected: a loopback address such as"
            + " "
            + HostPort.loopback(address.port())
            + ", or "
            + protection
            + ")";
  }
}
