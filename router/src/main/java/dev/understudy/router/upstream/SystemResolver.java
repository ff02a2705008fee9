package dev.understudy.router.upstream;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.Security;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Looks names up as the machine does ({@code /etc/hosts}, {@code resolv.conf} with its search
 * list), on a few threads of its own, because the system's call waits. At most {@value #THREADS}
 * look-ups run at a time, and {@value #WAITING} wait.
 */
public final class SystemResolver implements Resolver, AutoCloseable {
  private static final int THREADS = 4;
  private static final int WAITING = 1024;

  private final ThreadPoolExecutor threads;

  /** A resolver without threads yet. */
  public SystemResolver() {
    threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(WAITING),
            Thread.ofPlatform().daemon().name("router-dns-", 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /**
   * Lets the JDK remember names for a second only, unless the process was started with another
   * choice: by default it would repeat an answer for 30 s, whatever the interval of look-ups. Has
   * to come before the process's first look-up.
   */
  public static void rememberBriefly() {
    for (String key : List.of("networkaddress.cache.ttl", "networkaddress.cache.negative.ttl")) {
      String said = Security.getProperty(key);
      // The file of the JDK itself says 10 for names that were not found.
      if (said == null || key.endsWith("negative.ttl")) {
        Security.setProperty(key, "1");
      }
    }
  }

  @Override
  public CompletableFuture<List<InetAddress>> resolve(String name) {
    try {
      return CompletableFuture.supplyAsync(() -> lookUp(name), threads);
    } catch (java.util.concurrent.RejectedExecutionException full) {
      return CompletableFuture.failedFuture(full);
    }
  }

  private static List<InetAddress> lookUp(String name) {
    try {
      return List.of(InetAddress.getAllByName(name));
    } catch (UnknownHostException e) {
      throw new CompletionException(e);
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
