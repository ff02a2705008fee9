package dev.understudy.router.frontend;

import dev.understudy.router.call.Headers;
import io.grpc.Metadata;
import org.jspecify.annotations.Nullable;

/** Metadata as {@link Headers}. */
final class GrpcHeaders implements Headers {
  private final Metadata metadata;
  private final HeaderKeys keys;

  GrpcHeaders(Metadata metadata, HeaderKeys keys) {
    this.metadata = metadata;
    this.keys = keys;
  }

  @Override
  public @Nullable String get(String name) {
    Metadata.Key<String> key = keys.of(name);
    return key == null ? null : metadata.get(key);
  }
}
