package dev.understudy.chassis.rpc;

import dev.understudy.chassis.security.Tls;
import dev.understudy.chassis.security.TlsContexts;
import org.jspecify.annotations.Nullable;

/**
 * How a channel to a peer is to be set up; the withers return a changed copy.
 *
 * @param tls null for plaintext
 * @param tlsContexts makes the context, which then follows the files; null to read them once
 * @param token the bearer token to present, or null
 * @param maxMessageBytes the largest message that is accepted
 * @param directExecutor whether callbacks run on the event loop, where they must not block
 * @param eventLoops shared threads, or null for gRPC's own
 * @param authority what the peer is told it is called, and must prove by its certificate; null for
 *     its address
 */
public record ChannelOptions(
    @Nullable Tls tls,
    @Nullable TlsContexts tlsContexts,
    @Nullable String token,
    int maxMessageBytes,
    boolean directExecutor,
    @Nullable EventLoops eventLoops,
    @Nullable String authority) {

  /** Plaintext without a token. */
  public static ChannelOptions plaintext() {
    return new ChannelOptions(null, null, null, ServerOptions.MAX_MESSAGE_BYTES, false, null, null);
  }

  /** With TLS; null for plaintext. */
  public ChannelOptions withTls(@Nullable Tls value) {
    return new ChannelOptions(
        value, tlsContexts, token, maxMessageBytes, directExecutor, eventLoops, authority);
  }

  /** With TLS files that are taken up anew when they change; null to read them once. */
  public ChannelOptions withTlsContexts(@Nullable TlsContexts value) {
    return new ChannelOptions(
        tls, value, token, maxMessageBytes, directExecutor, eventLoops, authority);
  }

  /** With a bearer token; null for none. */
  public ChannelOptions withToken(@Nullable String value) {
    return new ChannelOptions(
        tls, tlsContexts, value, maxMessageBytes, directExecutor, eventLoops, authority);
  }

  /** With another bound for inbound messages. */
  public ChannelOptions withMaxMessageBytes(int value) {
    return new ChannelOptions(
        tls, tlsContexts, token, value, directExecutor, eventLoops, authority);
  }

  /** With callbacks on the event loop, or off it. */
  public ChannelOptions withDirectExecutor(boolean value) {
    return new ChannelOptions(
        tls, tlsContexts, token, maxMessageBytes, value, eventLoops, authority);
  }

  /** With shared threads; null for gRPC's own. */
  public ChannelOptions withEventLoops(@Nullable EventLoops value) {
    return new ChannelOptions(
        tls, tlsContexts, token, maxMessageBytes, directExecutor, value, authority);
  }

  /** With a name for the peer; null for its address. */
  public ChannelOptions withAuthority(@Nullable String value) {
    return new ChannelOptions(
        tls, tlsContexts, token, maxMessageBytes, directExecutor, eventLoops, value);
  }

  @Override
  public String toString() {
    // Without the token.
    return "ChannelOptions[tls=" + (tls != null) + ", token=" + (token != null) + "]";
  }
}
