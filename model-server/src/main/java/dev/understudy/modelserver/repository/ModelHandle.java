package dev.understudy.modelserver.repository;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Keeps a version in memory until it is closed. Hold it for one call, not longer. Closing twice
 * counts once.
 */
public final class ModelHandle implements AutoCloseable {
  private final ServedVersion version;
  private final AtomicBoolean closed = new AtomicBoolean();

  ModelHandle(ServedVersion version) {
    this.version = version;
  }

  /** The version; not to be used after {@link #close()}. */
  public ServedVersion version() {
    return version;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      version.letGo();
    }
  }
}
