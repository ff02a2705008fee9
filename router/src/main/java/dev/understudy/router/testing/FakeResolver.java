package dev.understudy.router.testing;

import dev.understudy.router.upstream.Resolver;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A resolver that says what a test told it, at once. Any thread. */
public final class FakeResolver implements Resolver {
  private final Map<String, List<InetAddress>> names = new ConcurrentHashMap<>();
  private final AtomicInteger asked = new AtomicInteger();

  /** A resolver that knows no name. */
  public FakeResolver() {}

  /** From now on a name has these addresses; without any it is known and has none. */
  public void say(String name, String... addresses) {
    names.put(name, Stream.of(addresses).map(InetAddress::ofLiteral).toList());
  }

  /** From now on looking the name up fails. */
  public void forget(String name) {
    names.remove(name);
  }

  /** Look-ups so far. */
  public int asked() {
    return asked.get();
  }

  @Override
  public CompletableFuture<List<InetAddress>> resolve(String name) {
    asked.incrementAndGet();
    List<InetAddress> known = names.get(name);
    return known == null
        ? CompletableFuture.failedFuture(new UnknownHostException(name))
        : CompletableFuture.completedFuture(known);
  }
}
