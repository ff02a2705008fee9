package dev.understudy.chassis.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Locale;

/**
 * A host name or address literal with a TCP port. IPv6 literals are kept without brackets.
 *
 * @param host a DNS name, an IPv4 or an IPv6 literal
 * @param port 0..65535; 0 asks for any free port
 */
public record HostPort(String host, int port) {
  /** Checks both parts. */
  public HostPort {
    if (host.isEmpty()
        || host.chars().anyMatch(c -> c <= ' ' || c == '/' || c == '[' || c == ']')) {
      throw new IllegalArgumentException("host: '" + host + "' (expected: a name or an address)");
    }
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("port: " + port + " (expected: 0..65535)");
    }
  }

  /**
   * Reads {@code host:port} or {@code [ipv6]:port}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon <= 0) {
      throw malformed(text);
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
      if (host.indexOf(':') < 0 || !isLiteral(host)) {
        throw malformed(text);
      }
    } else if (host.indexOf(':') >= 0) {
      throw malformed(text);
    }
    String digits = text.substring(colon + 1);
    if (digits.isEmpty()
        || digits.length() > 5
        || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw malformed(text);
    }
    return new HostPort(host, Integer.parseInt(digits));
  }

  /** A port of the IPv4 loopback address. */
  public static HostPort loopback(int port) {
    return new HostPort("127.0.0.1", port);
  }

  /**
   * Whether only this machine can reach the address. Names are not looked up: apart from {@code
   * localhost} they count as reachable from elsewhere.
   */
  public boolean isLoopback() {
    if (host.toLowerCase(Locale.ROOT).equals("localhost")) {
      return true;
    }
    try {
      return InetAddress.ofLiteral(host).isLoopbackAddress();
    } catch (IllegalArgumentException name) {
      return false;
    }
  }

  /** The same host with another port. */
  public HostPort withPort(int other) {
    return new HostPort(host, other);
  }

  /** The address for sockets; a name is looked up now. */
  public InetSocketAddress toSocketAddress() {
    return new InetSocketAddress(host, port);
  }

  @Override
  public String toString() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }

  private static boolean isLiteral(String host) {
    try {
      return InetAddress.ofLiteral(host) != null;
    } catch (IllegalArgumentException name) {
      return false;
    }
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "'" + text + "' (expected: host:port or [ipv6]:port, such as 127.0.0.1:8001)");
  }
}
