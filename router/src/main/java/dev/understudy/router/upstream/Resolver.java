package dev.understudy.router.upstream;

import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Looks names up. Any thread; returns at once. */
@FunctionalInterface
public interface Resolver {
  /**
   * All addresses of a name, IPv4 and IPv6.
   *
   * @return fails when the name cannot be looked up
   */
  CompletableFuture<List<InetAddress>> resolve(String name);
}
