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
  private final HeaderKeys keys;

  GrpcHeaders(Metadata metadata, Attributes attributes, HeaderKeys keys) {
    this.metadata = metadata;
    this.attributes = attributes;
    this.keys = keys;
  }

  @Override
  public Peer peer() {
    return PeerFilter.of(attributes);
  }

  @Override
  public @Nullable String get(String name) {
    Metadata.Key<String> key = keys.of(name);
    return key == null ? null : metadata.get(key);
  }
}
