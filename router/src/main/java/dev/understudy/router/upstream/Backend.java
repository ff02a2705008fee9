package dev.understudy.router.upstream;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.EventLoops;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One address: a connection per event loop, calls in flight, and a breaker. Any thread. */
final class Backend {
  final String address;
  final String host;
  final AtomicInteger inFlight = new AtomicInteger();
  private final List<EventExecutor> loops = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final List<TryTimer> timers = new ArrayList<>();
  private final @Nullable CircuitBreaker breaker;

  Backend(
      String address,
      EventLoops eventLoops,
      ChannelOptions options,
      @Nullable BreakerSettings breaking) {
    this.address = address;
    HostPort target = HostPort.parse(address);
    this.host = target.host();
    // A channel connects when it is first used, so a channel per loop costs nothing by itself.
    for (EventExecutor loop : eventLoops.worker()) {
      loops.add(loop);
      timers.add(new TryTimer(loop));
      channels.add(
          Channels.open(
              target,
              options
                  .withDirectExecutor(true)
                  .withEventLoops(new EventLoops(eventLoops.boss(), (EventLoopGroup) loop))));
    }
    this.breaker = breaking == null ? null : breaker(address, breaking);
  }

  private static CircuitBreaker breaker(String address, BreakerSettings settings) {
    return CircuitBreaker.of(
        address,
        CircuitBreakerConfig.custom()
            .slidingWindow(
                settings.window(),
                settings.minimumCalls(),
                SlidingWindowType.COUNT_BASED,
                CircuitBreakerConfig.SlidingWindowSynchronizationStrategy.LOCK_FREE)
            .failureRateThreshold((float) (settings.failureRate() * 100))
            .slowCallDurationThreshold(Duration.ofDays(1))
            .waitDurationInOpenState(settings.openFor())
            .permittedNumberOfCallsInHalfOpenState(settings.probes())
            .writableStackTraceEnabled(false)
            .build());
  }

  /** Which connection belongs to the calling thread's event loop, else the first. */
  int lane() {
    for (int i = 0; i < loops.size(); i++) {
      if (loops.get(i).inEventLoop()) {
        return i;
      }
    }
    return 0;
  }

  /** The connection of {@link #lane()}. */
  ManagedChannel channel() {
    return channels.get(lane());
  }

  ManagedChannel channel(int lane) {
    return channels.get(lane);
  }

  /** Runs on the event loop of a lane, at once when this is its thread. */
  void onLoop(int lane, Runnable task) {
    EventExecutor loop = loops.get(lane);
    if (loop.inEventLoop()) {
      task.run();
    } else {
      loop.execute(task);
    }
  }

  boolean onLoop(int lane) {
    return loops.get(lane).inEventLoop();
  }

  /** For the event loop of the lane. */
  TryTimer timer(int lane) {
    return timers.get(lane);
  }

  boolean closed() {
    return breaker == null || breaker.getState() == CircuitBreaker.State.CLOSED;
  }

  /** False while there is no connection and the last try to make one failed. */
  boolean reachable() {
    boolean failed = false;
    for (int i = 0; i < channels.size(); i++) {
      ConnectivityState state = channels.get(i).getState(false);
      if (state == ConnectivityState.READY) {
        return true;
      }
      failed |= state == ConnectivityState.TRANSIENT_FAILURE;
    }
    return !failed;
  }

  /** Whether one call may go there; each permission is ended by {@link #ended}. */
  boolean permits() {
    return breaker == null || breaker.tryAcquirePermission();
  }

  void ended(boolean permitted, boolean transportFailure, boolean judged, long nanos) {
    inFlight.decrementAndGet();
    CircuitBreaker b = breaker;
    if (b == null || !permitted) {
      return;
    }
    if (!judged) {
      b.releasePermission();
    } else if (transportFailure) {
      b.onError(nanos, TimeUnit.NANOSECONDS, new Unreachable());
    } else {
      b.onSuccess(nanos, TimeUnit.NANOSECONDS);
    }
  }

  void shutdown() {
    channels.forEach(ManagedChannel::shutdown);
  }

  void close() {
    channels.forEach(ManagedChannel::shutdownNow);
  }

  /** The breaker wants a throwable; it is never thrown. */
  private static final class Unreachable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unreachable() {
      super("unreachable", null, false, false);
    }
  }
}
