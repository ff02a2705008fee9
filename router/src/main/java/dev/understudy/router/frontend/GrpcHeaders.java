package dev.understudy.router.frontend;

import dev.understudy.chassis.rpc.PeerFilter;
import dev.understudy.chassis.security.Peer;
import dev.understudy.router.call.Headers;
import io.grpc.Attributes;
import io.grpc.Metadata;
import org.jspecify.annotations.Nullable;

/** Metadata as {@link Headers}. */
final class GrpcHeaders implements Headers {
  private final Metadata metadata;
  private final Attributes attributes;

  GrpcHeaders(Metadata metadata, Attributes attributes) {
    this.metadata = metadata;
    this.attributes = attributes;
  }

  @Override
  public Peer peer() {
    return PeerFilter.of(attributes);
  }

  @Override
  public @Nullable String get(String name) {
    // A name that a table made up need not be one that gRPC accepts.
    if (name.isEmpty() || name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      return null;
    }
    try {
      return metadata.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
