package dev.understudy.chassis.security;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.netty.handler.ssl.SslContext;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;

/**
 * A context that begins each connection with the newest files. The whole context is exchanged, not
 * the managers within it, so that sessions of the old one, tickets included, are worth nothing
 * afterwards: whoever the new trust file no longer knows cannot resume.
 */
final class ReloadableSslContext extends SslContext {
  private final Reloading<TlsMaterial> material;

  ReloadableSslContext(Reloading<TlsMaterial> material) {
    this.material = material;
  }

  private SslContext current() {
    return material.get().context();
  }

  @Override
  public boolean isClient() {
    return current().isClient();
  }

  @Override
  public List<String> cipherSuites() {
    return current().cipherSuites();
  }

  @Override
  @SuppressWarnings("deprecation") // Netty's own signature
  public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
    return current().applicationProtocolNegotiator();
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator) {
    return current().newEngine(allocator);
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator, String host, int port) {
    return current().newEngine(allocator, host, port);
  }

  @Override
  public SSLSessionContext sessionContext() {
    return current().sessionContext();
  }
}
