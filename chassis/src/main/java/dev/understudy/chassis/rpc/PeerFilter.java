package dev.understudy.chassis.rpc;

import dev.understudy.chassis.security.Peer;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.ServerTransportFilter;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** Finds out, once for each connection, who is at its other end; calls have it as attribute. */
public final class PeerFilter extends ServerTransportFilter {
  /** Who called, among the attributes of a call. */
  public static final Attributes.Key<Peer> PEER = Attributes.Key.create("understudy-peer");

  PeerFilter() {}

  /** Who called; {@link Peer#UNKNOWN} on a server that does not find out. */
  public static Peer of(Attributes attributes) {
    Peer peer = attributes.get(PEER);
    return peer == null ? Peer.UNKNOWN : peer;
  }

  @Override
  public Attributes transportReady(Attributes attributes) {
    Peer peer =
        Peer.of(
            attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR),
            certificate(attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION)));
    return attributes.toBuilder().set(PEER, peer).build();
  }

  private static @Nullable X509Certificate certificate(@Nullable SSLSession session) {
    if (session == null) {
      return null;
    }
    try {
      Certificate[] chain = session.getPeerCertificates();
      return chain.length > 0 && chain[0] instanceof X509Certificate first ? first : null;
    } catch (SSLPeerUnverifiedException none) {
      return null;
    }
  }
}
