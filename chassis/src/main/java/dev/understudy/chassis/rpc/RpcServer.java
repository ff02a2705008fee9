package dev.understudy.chassis.rpc;

import io.grpc.Server;
import io.grpc.protobuf.services.HealthStatusManager;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A gRPC server that listens. Safe for use by any thread. */
public final class RpcServer implements AutoCloseable {
  private static final Duration CANCEL_GRACE = Duration.ofSeconds(2);

  private final Server server;
  private final HealthStatusManager health;
  private final Duration lameDuck;
  private final @Nullable ExecutorService ownedExecutor;
  private final AtomicBoolean saidNotServing = new AtomicBoolean();

  RpcServer(
      Server server,
      HealthStatusManager health,
      Duration lameDuck,
      @Nullable ExecutorService ownedExecutor) {
    this.server = server;
    this.health = health;
    this.lameDuck = lameDuck;
    this.ownedExecutor = ownedExecutor;
  }

  /** The port it really listens on. */
  public int port() {
    return server.getPort();
  }

  /** What {@code grpc.health.v1} answers. The empty name, the whole server, starts as SERVING. */
  public HealthStatusManager health() {
    return health;
  }

  /**
   * Says NOT_SERVING for good, keeps serving for the lame-duck time, takes no more calls, waits for
   * those under way, and cancels what is left when the grace is over; their clients see CANCELLED.
   *
   * @param grace for the whole of it
   * @return whether every call could finish
   */
  public boolean drain(Duration grace) throws InterruptedException {
    long deadline = System.nanoTime() + grace.toNanos();
    sayNotServing();
    try {
      long lameDuckNanos = Math.min(lameDuck.toNanos(), grace.toNanos() / 2);
      if (lameDuckNanos > 0 && server.awaitTermination(lameDuckNanos, TimeUnit.NANOSECONDS)) {
        return true;
      }
      server.shutdown();
      return server.awaitTermination(
          Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
    } finally {
      close();
    }
  }

  /** Cancels the calls under way and stops listening. May be called repeatedly. */
  @Override
  public void close() {
    sayNotServing();
    server.shutdownNow();
    try {
      server.awaitTermination(CANCEL_GRACE.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (ownedExecutor != null) {
      ownedExecutor.shutdown();
    }
  }

  /** Once, because the health service complains aloud about a second time. */
  private void sayNotServing() {
    if (saidNotServing.compareAndSet(false, true)) {
      health.enterTerminalState();
    }
  }
}
