package dev.understudy.router.call;

import dev.understudy.chassis.security.Peer;
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

  /** Who is at the other end of the connection; the engine found out when it began. */
  default Peer peer() {
    return Peer.UNKNOWN;
  }
}
