package dev.understudy.router.frontend;

import io.grpc.Metadata;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * gRPC's keys by name. Making one checks and copies its name, which costs more than to look the
 * header up; names come from code and tables, so they are few. Any thread.
 */
final class HeaderKeys {
  private static final int MOST = 1024;

  private final ConcurrentHashMap<String, Metadata.Key<String>> keys = new ConcurrentHashMap<>();

  /** The key of a text header; null for a name that gRPC does not accept. */
  Metadata.@Nullable Key<String> of(String name) {
    Metadata.Key<String> key = keys.get(name);
    return key != null ? key : made(name);
  }

  private Metadata.@Nullable Key<String> made(String name) {
    // A name that a table made up need not be one that gRPC accepts.
    if (name.isEmpty() || name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      return null;
    }
    try {
      Metadata.Key<String> key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
      if (keys.size() < MOST) {
        keys.put(name, key);
      }
      return key;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
