package dev.understudy.loadtest.omission;

import dev.understudy.loadtest.OpenLoop;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Answers at once, except that it stalls at regular times: what arrives in a stall is answered when
 * the stall ends. It keeps when each stall really began and ended, so that what every call must
 * have met can be computed. On the loopback interface, on a free port.
 */
final class StallingServer implements AutoCloseable {
  private static final byte[] ANSWER = {};

  /** By {@link System#nanoTime}. */
  record Stall(long beginNanos, long endNanos) {}

  private final long everyNanos;
  private final long stallNanos;
  private final Server server;
  private final Thread clock;
  private final List<StreamObserver<byte[]>> held = new ArrayList<>();
  private final List<Stall> stalls = new ArrayList<>();
  private boolean stalled;
  private volatile boolean closed;

  /** Stalls once in each {@code every}, for {@code stall}; the first one after half of the rest. */
  StallingServer(Duration every, Duration stall) throws IOException {
    this.everyNanos = every.toNanos();
    this.stallNanos = stall.toNanos();
    this.server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .directExecutor()
            .addService(
                ServerServiceDefinition.builder("inference.GRPCInferenceService")
                    .addMethod(
                        OpenLoop.MODEL_INFER,
                        ServerCalls.asyncUnaryCall(
                            (byte[] request, StreamObserver<byte[]> observer) -> take(observer)))
                    .build())
            .build()
            .start();
    this.clock = new Thread(this::stall, "stalls");
    clock.setDaemon(true);
  }

  /** Lets time begin. */
  void start() {
    clock.start();
  }

  int port() {
    return server.getPort();
  }

  private void take(StreamObserver<byte[]> observer) {
    synchronized (held) {
      if (stalled) {
        held.add(observer);
        return;
      }
    }
    answer(observer);
  }

  private static void answer(StreamObserver<byte[]> observer) {
    observer.onNext(ANSWER);
    observer.onCompleted();
  }

  private void stall() {
    long next = System.nanoTime() + (everyNanos - stallNanos) / 2;
    while (!closed) {
      waitUntil(next);
      long begin = System.nanoTime();
      synchronized (held) {
        stalled = true;
      }
      waitUntil(next + stallNanos);
      List<StreamObserver<byte[]>> due;
      synchronized (held) {
        stalled = false;
        stalls.add(new Stall(begin, System.nanoTime()));
        due = new ArrayList<>(held);
        held.clear();
      }
      due.forEach(StallingServer::answer);
      next += everyNanos;
    }
  }

  private void waitUntil(long nanoTime) {
    while (!closed && nanoTime - System.nanoTime() > 0) {
      LockSupport.parkNanos(Math.min(nanoTime - System.nanoTime(), 50_000_000));
    }
  }

  /** The stalls that are over. */
  List<Stall> stalls() {
    synchronized (held) {
      return List.copyOf(stalls);
    }
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(clock);
    server.shutdownNow();
  }
}
