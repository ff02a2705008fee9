package dev.understudy.router.table;

import dev.understudy.chassis.config.HostPort;

/**
 * Where an arm's backends are: {@code host:port}, one backend, or {@code dns:///name:port}, one
 * backend for every address of the name, which is looked up again and again.
 *
 * @param dns whether each address is a backend of its own
 * @param address the name or address with its port, 1 to 65535
 */
public record Target(boolean dns, HostPort address) {
  private static final String DNS = "dns:///";

  /**
   * Reads an endpoint of a routing table.
   *
   * @throws IllegalArgumentException naming the text and what was expected
   */
  public static Target parse(String text) {
    boolean dns = text.startsWith(DNS);
    if (!dns && text.contains("://")) {
      throw new IllegalArgumentException(
          "'" + text + "' (expected: host:port or dns:///name:port)");
    }
    HostPort address = HostPort.parse(dns ? text.substring(DNS.length()) : text);
    if (address.port() == 0) {
      throw new IllegalArgumentException("'" + text + "' (expected: a port from 1 to 65535)");
    }
    return new Target(dns, address);
  }

  @Override
  public String toString() {
    return dns ? DNS + address : address.toString();
  }
}
