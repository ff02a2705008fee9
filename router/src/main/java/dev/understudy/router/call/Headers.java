package dev.understudy.router.call;

import org.jspecify.annotations.Nullable;

/** A call's metadata, whatever engine received it. For the call's own thread. */
@FunctionalInterface
public interface Headers {
  /**
   * The last value of a text header.
   *
   * @param name in lower case
   */
  @Nullable String get(String name);
}
