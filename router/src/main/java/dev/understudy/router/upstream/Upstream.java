package dev.understudy.router.upstream;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.Message;
import dev.understudy.router.overload.BackendLimits;
import dev.understudy.router.overload.ConcurrencyLimit;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.Target;
import io.grpc.Channel;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * All backends. An attempt is one call to one backend: no retry, no failover, no waiting; what
 * follows from its end is decided above.
 *
 * <p><b>Two halves.</b> Choosing a backend and sending to it is for any thread, mostly event loops,
 * and takes no lock: it reads what the other half has put in place. {@link #tick()} is for one
 * thread that runs it some ten times a second: it looks names up, asks backends whether they are
 * well, compares them, ends ejections and lets go of backends that nobody names any more. What it
 * changes it changes under this object's lock, as {@link #retain} does, and puts in place with one
 * write.
 *
 * <p><b>Arms.</b> Each arm has a {@link Pool}; two arms at one address share the connections, the
 * calls in flight and the breaker, because these are the machine's, and nothing else, because
 * latency and errors are the model's. A pool is found by the whole of what makes it, so a new
 * version begins without the memory of the old.
 */
public final class Upstream implements AutoCloseable {
  private static final Logger log = Logger.getLogger(Upstream.class.getName());

  /** A backend may have been chosen just before nobody named it any more. */
  private static final long LINGER_NANOS = 1_000_000_000L;

  /** The most backends that are reported, so that no page of metrics grows without bound. */
  private static final int MOST_REPORTED = 512;

  /** Backends that are named when a call is explained. */
  private static final int MOST_TOLD = 16;

  private final EventLoops loops;
  private final Map<String, Profile> profiles;
  private final @Nullable TlsContexts tls;
  private final @Nullable BreakerSettings breaking;
  private final @Nullable BackendLimits limits;
  private final UpstreamSettings settings;
  private final Resolver resolver;
  private final RandomGenerator random;
  private final TimeSource time;
  private final ConcurrentHashMap<String, Pool> pools = new ConcurrentHashMap<>();
  private final AtomicInteger openBreakers = new AtomicInteger();
  private final AtomicLong ejections = new AtomicLong();
  private final AtomicLong failedChecks = new AtomicLong();
  private final AtomicLong failedLookUps = new AtomicLong();
  private final AtomicLong addressesLeftOut = new AtomicLong();
  private final long seed;

  // Guarded by this.
  private final Map<String, Backend> backends = new HashMap<>();
  private final Map<HostPort, Name> names = new HashMap<>();
  private final List<Backend> ending = new ArrayList<>();
  private long comparedNanos;
  private boolean closed;

  /**
   * Makes an upstream without connections.
   *
   * @param profiles by name, the default one under the empty name
   * @param tls takes changed TLS files up; null to read them once
   * @param breaking null: backends are never left alone (copies are bounded otherwise)
   * @param limits null: backends get as many calls as there are
   * @param random draws backends; any thread
   */
  public Upstream(
      EventLoops loops,
      Map<String, Profile> profiles,
      @Nullable TlsContexts tls,
      @Nullable BreakerSettings breaking,
      @Nullable BackendLimits limits,
      UpstreamSettings settings,
      Resolver resolver,
      RandomGenerator random,
      TimeSource time) {
    this.loops = loops;
    this.profiles = profiles;
    this.tls = tls;
    this.breaking = breaking;
    this.limits = limits;
    this.settings = settings;
    this.resolver = resolver;
    this.random = random;
    this.time = time;
    this.seed = random.nextLong();
    this.comparedNanos = time.nanoTime();
  }

  /**
   * A backend that has been chosen for one attempt, which must be made, or given back with {@link
   * Upstream#release}.
   */
  public static final class Slot {
    final Backend backend;
    private final Pool pool;
    private final Member member;
    private final boolean permitted;

    Slot(Pool pool, Member member, boolean permitted) {
      this.pool = pool;
      this.member = member;
      this.backend = member.backend;
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
    return pool(arm).available();
  }

  /**
   * Whether calls may reach some backend of the arm, as far as is known: of a backend that was
   * never called, or whose connection has just been lost, nothing is.
   */
  public boolean reachable(ArmPlan arm) {
    return pool(arm).reachable();
  }

  /** Whether an arm could take calls besides its own: its calls in flight are near the usual. */
  public boolean hasRoom(ArmPlan arm) {
    Pool pool = pool(arm);
    return pool.headroom.has(pool.inFlight());
  }

  /**
   * Chooses a backend: one that is to be tried again first, then the better of two.
   *
   * @param lastResort choose even when every breaker is open, as for a champion
   * @param except a slot whose backend is not wanted again
   * @return null when there is none
   */
  public @Nullable Slot slot(
      ArmPlan arm, Criticality criticality, boolean lastResort, @Nullable Slot except) {
    Pool pool = pool(arm);
    boolean several = pool.members.length > 1;
    return pool.choose(
        several ? random.nextLong() : 0,
        several ? time.nanoTime() : 0,
        criticality,
        openBreakers.get() > 0,
        lastResort,
        except == null ? null : except.backend);
  }

  /**
   * The one backend that a key belongs to, well or not; the same at every router that knows the
   * same backends.
   *
   * @return null when the arm has no backend
   */
  public @Nullable Slot sticky(ArmPlan arm, Criticality criticality, long keyHash) {
    return pool(arm).sticky(keyHash, criticality);
  }

  /** Gives a slot back whose attempt will not be made. */
  public void release(Slot slot) {
    slot.backend.leave(ConcurrencyLimit.NO_TIME, false);
    slot.backend.ended(slot.permitted, false, false, 0);
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
    return Attempt.make(this, slot, attempt, time, message.withTail(arm.tail()), sent, done);
  }

  /** The attempt of a slot has ended. */
  void ended(Slot slot, Answer answer, long nowNanos) {
    boolean waitedFor = waitedFor(answer.outcome());
    slot.backend.leave(
        answer.isOk() || waitedFor ? answer.latencyNanos() : ConcurrencyLimit.NO_TIME,
        hadNoRoom(answer.outcome()) || waitedFor);
    slot.backend.ended(
        slot.permitted,
        answer.transport(),
        answer.outcome() != Outcome.CANCELLED_BY_CLIENT,
        answer.latencyNanos());
    int failures = slot.member.ended(answer, nowNanos);
    int most = settings.outliers().failures();
    if (failures > 0 && most > 0 && failures >= most && breaking != null) {
      eject(slot.pool, slot.member, nowNanos);
    }
  }

  private static boolean waitedFor(Outcome outcome) {
    return switch (outcome) {
      case CANCELLED_BY_CLIENT, BAD_TRY_TIMEOUT, BAD_DEADLINE_EXCEEDED -> true;
      default -> false;
    };
  }

  private static boolean hadNoRoom(Outcome outcome) {
    return outcome == Outcome.BAD_UNAVAILABLE || outcome == Outcome.BAD_RESOURCE_EXHAUSTED;
  }

  private void eject(Pool pool, Member member, long nowNanos) {
    if (pool.eject(member, nowNanos, settings.outliers())) {
      ejections.incrementAndGet();
    }
  }

  /** A channel to one of the arm's backends, for rare questions; null when there is none. */
  @Nullable Channel channel(ArmPlan arm) {
    Backend lightest = pool(arm).lightest(time.nanoTime());
    return lightest == null ? null : lightest.channel();
  }

  /** Makes the pools of these arms, and lets go of all others; calls in flight end normally. */
  public void retain(Collection<ArmPlan> arms) {
    synchronized (this) {
      Set<String> keys = new HashSet<>();
      for (ArmPlan arm : arms) {
        keys.add(arm.backends());
        if (!pools.containsKey(arm.backends())) {
          pools.put(arm.backends(), make(arm));
        }
      }
      pools.keySet().retainAll(keys);
      Set<HostPort> wanted = new HashSet<>();
      for (Pool pool : pools.values()) {
        for (Target target : pool.targets) {
          if (target.dns()) {
            wanted.add(target.address());
          }
        }
      }
      names.keySet().retainAll(wanted);
      letGo();
    }
    lookUp();
  }

  /** Says in which state the backends of an arm are; asks and connects none. */
  public void explain(ArmPlan arm, Explanation into) {
    Member[] members = pool(arm).members;
    int usable = 0;
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < members.length; i++) {
      Member member = members[i];
      usable += member.usable(false) ? 1 : 0;
      if (i < MOST_TOLD) {
        text.append(i == 0 ? "" : ", ")
            .append(member.backend.address)
            .append(states(member, " "))
            .append(" (")
            .append(member.backend.inFlight.get())
            .append(" in flight)");
      }
    }
    Explanation.Step step =
        into.passes(
                "upstream",
                members.length == 0
                    ? "no backend is known"
                    : (members.length == 1 ? "" : "the better of two of ")
                        + text
                        + (members.length > MOST_TOLD
                            ? " and " + (members.length - MOST_TOLD) + " more"
                            : ""))
            .fact("backends", members.length)
            .fact("usable", usable);
    for (int i = 0; i < Math.min(members.length, MOST_TOLD); i++) {
      String states = states(members[i], ",").replace(" ", "_");
      step.fact(
          "backend_" + members[i].backend.address,
          states.isEmpty() ? "in_use" : states.substring(1));
    }
  }

  private static String states(Member member, String before) {
    return (member.backend.closed() ? "" : before + "left alone by its breaker")
        + (member.ejected ? before + "ejected" : "")
        + (member.unhealthy ? before + "failing its checks" : "")
        + (member.backend.reachable() ? "" : before + "not reachable at the last try");
  }

  @Override
  public synchronized void close() {
    closed = true;
    backends.values().forEach(Backend::close);
    ending.forEach(Backend::close);
  }

  private Pool pool(ArmPlan arm) {
    Pool pool = pools.get(arm.backends());
    return pool != null ? pool : added(arm);
  }

  /** A call may still hold an arm that the table in force no longer names. */
  private synchronized Pool added(ArmPlan arm) {
    Pool pool = pools.get(arm.backends());
    if (pool == null) {
      pool = make(arm);
      pools.put(arm.backends(), pool);
    }
    return pool;
  }

  private Pool make(ArmPlan arm) {
    List<Target> targets = arm.endpoints().stream().map(Target::parse).toList();
    for (Target target : targets) {
      if (target.dns()) {
        names.computeIfAbsent(target.address(), Name::new);
      }
    }
    Pool pool =
        new Pool(arm, targets, new Headroom(settings.headroomFactor(), settings.headroomCalls()));
    fill(pool);
    return pool;
  }

  /** Gives a pool the members that its targets stand for now. */
  private void fill(Pool pool) {
    Map<Backend, Member> before = new HashMap<>();
    for (Member member : pool.members) {
      before.put(member.backend, member);
    }
    // By backend, because two targets may stand for one.
    Map<Backend, Member> next = new LinkedHashMap<>();
    long now = time.nanoTime();
    for (Target target : pool.targets) {
      Name name = target.dns() ? names.get(target.address()) : null;
      List<String> addresses =
          name == null
              ? target.dns() ? List.of() : List.of(target.address().toString())
              : name.addresses();
      for (String address : addresses) {
        Backend backend = backend(pool.arm, target, address);
        Member known = before.get(backend);
        next.put(
            backend, known == null ? new Member(backend, settings.decay().toNanos(), now) : known);
      }
    }
    pool.replace(List.copyOf(next.values()));
  }

  private Backend backend(ArmPlan arm, Target target, String address) {
    Profile profile = profiles.get(arm.profile());
    if (profile == null) {
      throw new IllegalStateException(
          "profile: " + arm.profile() + " (expected: one of " + profiles.keySet() + ")");
    }
    // An address that was found by a name is called by the name.
    String authority =
        profile.authority() == null && target.dns()
            ? target.address().toString()
            : profile.authority();
    Backend backend =
        backends.computeIfAbsent(
            arm.profile() + '|' + authority + '|' + address,
            key ->
                new Backend(
                    address,
                    loops,
                    profile.options().withTlsContexts(tls).withAuthority(authority),
                    breaking,
                    limits == null ? null : limits.of(address),
                    openBreakers));
    backend.wanted = true;
    return backend;
  }

  /** Marks the backends that no pool has any more. */
  private void letGo() {
    Set<Backend> wanted = new HashSet<>();
    for (Pool pool : pools.values()) {
      for (Member member : pool.members) {
        wanted.add(member.backend);
      }
    }
    long now = time.nanoTime();
    for (Backend backend : backends.values()) {
      boolean stays = wanted.contains(backend);
      if (!stays && backend.wanted) {
        backend.leavingSinceNanos = now;
      }
      backend.wanted = stays;
    }
  }

  /** Looks after the backends. One thread, some ten times a second. */
  public void tick() {
    lookUp();
    long now = time.nanoTime();
    end(now);
    boolean compare = now - comparedNanos >= settings.outliers().interval().toNanos();
    if (compare) {
      comparedNanos = now;
    }
    for (Pool pool : pools.values()) {
      pool.headroom.sample(pool.inFlight(), now);
      for (Member member : pool.members) {
        if (member.ejected) {
          pool.readmit(member, now);
        }
        if (breaking != null && settings.health().check() != UpstreamSettings.Check.NONE) {
          check(pool, member, now);
        }
      }
      if (compare && breaking != null) {
        compare(pool, now);
      }
      pool.judgePanic(settings.health().panic());
    }
  }

  private synchronized void end(long nowNanos) {
    Set<String> left = new HashSet<>();
    backends
        .values()
        .removeIf(backend -> {
          boolean over = !backend.wanted && nowNanos - backend.leavingSinceNanos >= LINGER_NANOS;
          if (over) {
            backend.shutdown();
            ending.add(backend);
            left.add(backend.address);
          }
          return over;
        });
    if (limits != null && !left.isEmpty()) {
      // Another profile's backend at the address has the same limit.
      backends.values().forEach(backend -> left.remove(backend.address));
      left.forEach(limits::forget);
    }
    ending.removeIf(Backend::terminated);
  }

  private void compare(Pool pool, long nowNanos) {
    Member[] all = pool.members;
    long[] calls = new long[all.length];
    long[] failures = new long[all.length];
    double[] latencies = new double[all.length];
    for (int i = 0; i < all.length; i++) {
      long tally = all[i].takeTally();
      calls[i] = Member.calls(tally);
      failures[i] = Member.failures(tally);
      latencies[i] = all[i].latency.costNanos(nowNanos);
    }
    BitSet outliers = OutlierMath.outliers(calls, failures, latencies, settings.outliers());
    outliers.stream().forEach(i -> eject(pool, all[i], nowNanos));
  }

  private void check(Pool pool, Member member, long nowNanos) {
    UpstreamSettings.Health health = settings.health();
    // The first checks of many backends are spread over the interval, later ones stay so.
    long first = (long) (health.interval().toNanos() * random.nextDouble());
    if (!member.checks.begin(nowNanos, first)) {
      return;
    }
    HealthChecks.ask(
        member.backend.channel(),
        pool.arm,
        health,
        well -> {
          long next = (long) (health.interval().toNanos() * (0.8 + 0.4 * random.nextDouble()));
          int inARow = member.checks.ended(well, time.nanoTime() + next);
          if (!well) {
            failedChecks.incrementAndGet();
          }
          if (well ? inARow >= health.healthy() : inARow >= health.unhealthy()) {
            member.unhealthy = !well;
          }
        });
  }

  private void lookUp() {
    List<Name> due = new ArrayList<>();
    synchronized (this) {
      long now = time.nanoTime();
      for (Name name : names.values()) {
        if (!closed && name.begin(now)) {
          due.add(name);
        }
      }
    }
    for (Name name : due) {
      var _ =
          resolver
              .resolve(name.target.host())
              .whenComplete((found, failure) -> found(name, failure == null ? found : List.of()));
    }
  }

  private synchronized void found(Name name, List<InetAddress> found) {
    long next = time.nanoTime() + settings.dnsRefresh().toNanos();
    List<String> before = name.addresses();
    int leftOut = name.answered(found, settings.mostAddresses(), seed, next);
    if (leftOut < 0) {
      failedLookUps.incrementAndGet();
      return;
    }
    addressesLeftOut.addAndGet(leftOut);
    List<String> after = name.addresses();
    if (closed || after.equals(before) || names.get(name.target) != name) {
      return;
    }
    log.log(Level.INFO, () -> "Backends at " + name.target + ": " + after);
    for (Pool pool : pools.values()) {
      if (pool.targets.stream().anyMatch(t -> t.dns() && t.address().equals(name.target))) {
        fill(pool);
      }
    }
    letGo();
  }

  /** The backends of all arms, at most 512. */
  public List<BackendReport> report() {
    List<BackendReport> reports = new ArrayList<>();
    long now = time.nanoTime();
    for (Pool pool : pools.values()) {
      for (Member member : pool.members) {
        if (reports.size() == MOST_REPORTED) {
          return reports;
        }
        reports.add(
            new BackendReport(
                pool.arm.routed(),
                pool.arm.arm().getName(),
                member.backend.address,
                member.backend.inFlight.get(),
                (long) member.latency.costNanos(now),
                !member.backend.closed() ? 3 : member.ejected ? 2 : member.unhealthy ? 1 : 0,
                member.ejections));
      }
    }
    return reports;
  }

  /** Ejections so far. */
  public long ejections() {
    return ejections.get();
  }

  /** Active checks that failed. */
  public long failedChecks() {
    return failedChecks.get();
  }

  /** Look-ups without an address. */
  public long failedLookUps() {
    return failedLookUps.get();
  }

  /** Addresses that were left out because a name had too many, at each look-up anew. */
  public long addressesLeftOut() {
    return addressesLeftOut.get();
  }
}
