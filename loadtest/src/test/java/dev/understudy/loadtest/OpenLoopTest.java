package dev.understudy.loadtest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Against a server that answers, stalls once, refuses, or stays silent. */
class OpenLoopTest {

  private @Nullable Server server;
  private @Nullable ManagedChannel channel;

  private OpenLoop against(BiConsumer<Integer, StreamObserver<byte[]>> answer, int maxOutstanding)
      throws IOException {
    AtomicInteger calls = new AtomicInteger();
    Server started =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(
                ServerServiceDefinition.builder("inference.GRPCInferenceService")
                    .addMethod(
                        OpenLoop.MODEL_INFER,
                        ServerCalls.asyncUnaryCall(
                            (byte[] request, StreamObserver<byte[]> observer) ->
                                answer.accept(calls.getAndIncrement(), observer)))
                    .build())
            .build()
            .start();
    server = started;
    ManagedChannel opened =
        NettyChannelBuilder.forAddress("127.0.0.1", started.getPort()).usePlaintext().build();
    channel = opened;
    return new OpenLoop(
        opened, n -> new byte[] {1, 2, 3}, Duration.ofSeconds(2), maxOutstanding, new Metadata());
  }

  @AfterEach
  void stop() {
    if (channel != null) {
      channel.shutdownNow();
    }
    if (server != null) {
      server.shutdownNow();
    }
  }

  private static void ok(StreamObserver<byte[]> observer) {
    observer.onNext(new byte[] {9});
    observer.onCompleted();
  }

  private Tally run(OpenLoop loop, double rate, Duration length) throws InterruptedException {
    return loop.run(
        new Arrivals(Arrivals.Kind.CONSTANT, rate, 1), length, CallListener.NONE, nanos -> {});
  }

  @Test
  void everyScheduledCallIsCountedOnce() throws Exception {
    OpenLoop loop = against((n, observer) -> ok(observer), 1_000);
    Tally tally = run(loop, 200, Duration.ofSeconds(1));
    assertEquals(199, tally.calls());
    assertEquals(199, tally.ok().getTotalCount());
    assertEquals(0, tally.errors());
    assertEquals(199, loop.sent());
  }

  /**
   * One stall of 300 ms: a closed loop would record it once; here every call that was due meanwhile
   * carries its share.
   */
  @Test
  void aStallIsFeltByEveryCallThatWasDueMeanwhile() throws Exception {
    Object gate = new Object();
    long stallNanos = 300_000_000;
    OpenLoop loop =
        against(
            (n, observer) -> {
              synchronized (gate) {
                if (n == 60) {
                  long until = System.nanoTime() + stallNanos;
                  while (System.nanoTime() - until < 0) {
                    java.util.concurrent.locks.LockSupport.parkNanos(until - System.nanoTime());
                  }
                }
                ok(observer);
              }
            },
            1_000);
    Tally tally = run(loop, 200, Duration.ofSeconds(1));
    Histogram ok = tally.ok();
    // 60 calls were due in the stall; their delays spread evenly from 300 ms down to nothing.
    long slow = ok.getCountBetweenValues(100_000_000, 2_000_000_000);
    assertTrue(slow >= 30, "calls that waited over 100 ms: " + slow);
    assertTrue(ok.getMaxValue() >= 290_000_000, "longest: " + ok.getMaxValue());
  }

  @Test
  void refusalsAreCountedByStatusAndKeptOutOfTheLatencies() throws Exception {
    OpenLoop loop =
        against(
            (n, observer) -> {
              if (n % 2 == 0) {
                ok(observer);
              } else {
                observer.onError(Status.RESOURCE_EXHAUSTED.asRuntimeException());
              }
            },
            1_000);
    Tally tally = run(loop, 100, Duration.ofSeconds(1));
    assertEquals(tally.calls() / 2, tally.byStatus().get(Status.Code.RESOURCE_EXHAUSTED));
    assertEquals(tally.errors(), tally.failed().getTotalCount());
    assertEquals(tally.calls() - tally.errors(), tally.ok().getTotalCount());
  }

  @Test
  void callsBeyondTheBoundAreCountedAsNotSent() throws Exception {
    OpenLoop loop = against((n, observer) -> {}, 10);
    Tally tally = run(loop, 100, Duration.ofMillis(500));
    assertEquals(10, tally.calls());
    assertEquals(10, tally.byStatus().get(Status.Code.DEADLINE_EXCEEDED));
    assertEquals(39, tally.notSent());
    assertEquals(49, tally.errors());
  }
}
