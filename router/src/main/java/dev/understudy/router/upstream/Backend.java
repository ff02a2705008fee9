package dev.understudy.router.upstream;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.overload.ConcurrencyLimit;
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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One address by one profile: a connection per event loop, calls in flight, and a breaker. Any
 * thread.
 */
final class Backend {
  final String address;
  final String host;
  final AtomicInteger inFlight = new AtomicInteger();

  /** Since when no arm names it, while it may still be asked; guarded by the upstream's lock. */
  long leavingSinceNanos;

  /** Whether an arm names it; guarded by the upstream's lock. */
  boolean wanted = true;

  private final List<EventExecutor> loops = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final List<TryTimer> timers = new ArrayList<>();
  private final @Nullable CircuitBreaker breaker;

  /** How many calls it has at once; null for no limit. */
  final @Nullable ConcurrencyLimit limit;

  /** Breakers of all backends that were seen not closed; what is known of this one is beside it. */
  private final AtomicInteger openBreakers;

  private final AtomicBoolean seenOpen = new AtomicBoolean();
  private volatile boolean gone;

  Backend(
      String address,
      EventLoops eventLoops,
      ChannelOptions options,
      @Nullable BreakerSettings breaking,
      @Nullable ConcurrencyLimit limit,
      AtomicInteger openBreakers) {
    this.address = address;
    this.limit = limit;
    this.openBreakers = openBreakers;
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

  /** Takes a permission and a place for one call of a class. */
  boolean enters(Criticality criticality) {
    if (!permits()) {
      return false;
    }
    if (hasRoom(criticality)) {
      return true;
    }
    if (breaker != null) {
      breaker.releasePermission();
    }
    return false;
  }

  /** Takes a place for one call; each success is ended by {@link #leave}. */
  boolean hasRoom(Criticality criticality) {
    return limit == null || limit.tryAcquire(criticality);
  }

  /** A call for which there was room has ended. */
  void leave(long rttNanos, boolean dropped) {
    if (limit != null) {
      limit.released(rttNanos, dropped);
    }
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
      look(b);
    } else {
      b.onSuccess(nanos, TimeUnit.NANOSECONDS);
      if (seenOpen.get()) {
        look(b);
      }
    }
  }

  private void look(CircuitBreaker b) {
    if (gone) {
      return;
    }
    boolean open;
    // Two threads may look at once: the last one to write has to have seen the last state.
    do {
      open = b.getState() != CircuitBreaker.State.CLOSED;
      if (seenOpen.compareAndSet(!open, open)) {
        openBreakers.addAndGet(open ? 1 : -1);
      }
    } while (!closed() != seenOpen.get());
  }

  /** Takes no new calls; those in flight end normally. */
  void shutdown() {
    gone = true;
    channels.forEach(ManagedChannel::shutdown);
    if (seenOpen.compareAndSet(true, false)) {
      openBreakers.decrementAndGet();
    }
  }

  boolean terminated() {
    return channels.stream().allMatch(ManagedChannel::isTerminated);
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
