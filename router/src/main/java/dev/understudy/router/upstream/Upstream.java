package dev.understudy.router.upstream;

import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.Message;
import dev.understudy.router.overload.BackendLimits;
import dev.understudy.router.overload.ConcurrencyLimit;
import dev.understudy.router.table.ArmPlan;
import io.grpc.Channel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All backends. An attempt is one call to one backend: no retry, no failover, no waiting; what
 * follows from its end is decided above. Any thread.
 */
public final class Upstream implements AutoCloseable {
  private final EventLoops loops;
  private final ChannelOptions options;
  private final @Nullable BreakerSettings breaking;
  private final @Nullable BackendLimits limits;
  private final TimeSource time;
  private final ConcurrentHashMap<String, Backend> backends = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, List<Backend>> pools = new ConcurrentHashMap<>();

  /**
   * Makes an upstream without connections.
   *
   * @param breaking null: backends are never left alone (copies are bounded otherwise)
   * @param limits null: backends get as many calls as there are
   */
  public Upstream(
      EventLoops loops,
      ChannelOptions options,
      @Nullable BreakerSettings breaking,
      @Nullable BackendLimits limits,
      TimeSource time) {
    this.loops = loops;
    this.options = options;
    this.breaking = breaking;
    this.limits = limits;
    this.time = time;
  }

  /** A backend that has been chosen for one attempt, which must be made. */
  public static final class Slot {
    final Backend backend;
    final boolean permitted;

    Slot(Backend backend, boolean permitted) {
      this.backend = backend;
      this.permitted = permitted;
      backend.inFlight.incrementAndGet();
    }

    /** The host of the backend's address. */
    public String host() {
      return backend.host;
    }
  }

  /** Whether some backend of the arm is in use; otherwise the arm's share in force is 0. */
  public boolean available(ArmPlan arm) {
    List<Backend> pool = pool(arm);
    for (int i = 0; i < pool.size(); i++) {
      if (pool.get(i).closed()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether calls may reach some backend of the arm, as far as is known: of a backend that was
   * never called, or whose connection has just been lost, nothing is.
   */
  public boolean reachable(ArmPlan arm) {
    List<Backend> pool = pool(arm);
    for (int i = 0; i < pool.size(); i++) {
      if (pool.get(i).reachable()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Chooses a backend: one that is to be tried again first, then the least loaded one that has room
   * for a call of this class.
   *
   * @param lastResort choose even when every breaker is open, as for a champion
   * @param except a slot whose backend is not wanted again
   * @return null when there is none
   */
  public @Nullable Slot slot(
      ArmPlan arm, Criticality criticality, boolean lastResort, @Nullable Slot except) {
    List<Backend> pool = pool(arm);
    Backend best = null;
    Backend any = null;
    for (int i = 0; i < pool.size(); i++) {
      Backend backend = pool.get(i);
      if (except != null && except.backend == backend) {
        continue;
      }
      if (!backend.closed()) {
        if (except == null && backend.enters(criticality)) {
          return new Slot(backend, true);
        }
        any = lighter(any, backend);
      } else {
        best = lighter(best, backend);
      }
    }
    if (best == null) {
      return lastResort && any != null && any.hasRoom(criticality) ? new Slot(any, false) : null;
    }
    if (best.enters(criticality)) {
      return new Slot(best, true);
    }
    for (int i = 0; i < pool.size(); i++) {
      Backend backend = pool.get(i);
      if (backend != best
          && (except == null || except.backend != backend)
          && backend.closed()
          && backend.enters(criticality)) {
        return new Slot(backend, true);
      }
    }
    return null;
  }

  private static Backend lighter(@Nullable Backend a, Backend b) {
    return a == null || b.inFlight.get() < a.inFlight.get() ? b : a;
  }

  /**
   * Makes one attempt.
   *
   * @param sent runs when the message is on its way
   * @param done gets the end of the attempt, exactly once, perhaps before this returns
   */
  public Cancel send(
      Slot slot,
      ArmPlan arm,
      Message message,
      AttemptOptions attempt,
      Runnable sent,
      Consumer<Answer> done) {
    return Attempt.make(slot, attempt, time, message.withTail(arm.tail()), sent, done);
  }

  /** A channel to the arm's least loaded backend, for rare questions. */
  public Channel channel(ArmPlan arm) {
    Slot slot = slot(arm, Criticality.CRITICAL, true, null);
    Backend backend = slot == null ? pool(arm).getFirst() : slot.backend;
    if (slot != null) {
      backend.leave(ConcurrencyLimit.NO_TIME, false);
      backend.ended(slot.permitted, false, false, 0);
    }
    return backend.channel();
  }

  /** Lets go of backends that no arm names any more; their calls in flight end normally. */
  public void retain(Collection<ArmPlan> arms) {
    Set<String> wanted = new HashSet<>();
    Set<String> keys = new HashSet<>();
    for (ArmPlan arm : arms) {
      wanted.addAll(arm.endpoints());
      keys.add(arm.backends());
    }
    pools.keySet().retainAll(keys);
    for (String address : List.copyOf(backends.keySet())) {
      if (!wanted.contains(address)) {
        Backend gone = backends.remove(address);
        if (gone != null) {
          gone.shutdown();
          if (limits != null) {
            limits.forget(address);
          }
        }
      }
    }
  }

  /** Says in which state the backends of an arm are; asks and connects none. */
  public void explain(ArmPlan arm, Explanation into) {
    List<Backend> pool = pool(arm);
    int usable = 0;
    StringBuilder text = new StringBuilder();
    for (Backend backend : pool) {
      boolean closed = backend.closed();
      usable += closed ? 1 : 0;
      text.append(text.isEmpty() ? "" : ", ")
          .append(backend.address)
          .append(closed ? "" : " left alone by its breaker")
          .append(backend.reachable() ? "" : " not reachable at the last try")
          .append(" (")
          .append(backend.inFlight.get())
          .append(" in flight)");
    }
    Explanation.Step step =
        into.passes("upstream", "the lightest of " + text)
            .fact("backends", pool.size())
            .fact("usable", usable);
    for (Backend backend : pool) {
      step.fact(
          "backend_" + backend.address,
          (backend.closed() ? "in_use" : "left_alone")
              + (backend.reachable() ? "" : ",unreachable"));
    }
  }

  @Override
  public void close() {
    backends.values().forEach(Backend::close);
  }

  private List<Backend> pool(ArmPlan arm) {
    List<Backend> pool = pools.get(arm.backends());
    return pool != null ? pool : pools.computeIfAbsent(arm.backends(), key -> connect(arm));
  }

  private List<Backend> connect(ArmPlan arm) {
    List<Backend> pool = new ArrayList<>();
    for (String address : arm.endpoints()) {
      pool.add(backends.computeIfAbsent(address, this::backend));
    }
    return List.copyOf(pool);
  }

  private Backend backend(String address) {
    return new Backend(
        address, loops, options, breaking, limits == null ? null : limits.of(address));
  }
}
