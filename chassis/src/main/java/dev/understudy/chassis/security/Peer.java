package dev.understudy.chassis.security;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import org.jspecify.annotations.Nullable;

/**
 * The other end of a connection, as it was found when the connection began.
 *
 * @param network the IPv4 address, or the first 64 bits of the IPv6 address, which is what one
 *     customer of a provider has at least; 0 when there is no address
 * @param certificateName whom its certificate names, see {@link CertificateNames}; null if it
 *     showed none that was trusted, or one that names nobody
 * @param certificateExpiryMillis when that certificate runs out, in milliseconds since 1970
 */
public record Peer(long network, @Nullable String certificateName, long certificateExpiryMillis) {
  /** Somebody of whom nothing is known. */
  public static final Peer UNKNOWN = new Peer(0, null, 0);

  /**
   * Makes a peer.
   *
   * @param address where it calls from
   * @param certificate the first of its chain, which leads to a trusted one; or null
   */
  public static Peer of(@Nullable SocketAddress address, @Nullable X509Certificate certificate) {
    String name = certificate == null ? null : CertificateNames.nameOf(certificate);
    return new Peer(
        network(address),
        name,
        certificate == null ? 0 : certificate.getNotAfter().toInstant().toEpochMilli());
  }

  private static long network(@Nullable SocketAddress address) {
    InetAddress ip = address instanceof InetSocketAddress inet ? inet.getAddress() : null;
    if (ip == null) {
      return 0;
    }
    ByteBuffer bytes = ByteBuffer.wrap(ip.getAddress());
    return ip instanceof Inet6Address ? bytes.getLong() : bytes.getInt() & 0xffff_ffffL;
  }
}
