package dev.understudy.router.upstream;

import dev.understudy.router.call.Criticality;
import dev.understudy.router.hash.StableHash;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.Target;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The backends of one arm, and the choice among them.
 *
 * <p><b>Choice.</b> Two usable ones are drawn at random and the one with the lower load (peak-EWMA
 * of its latency × calls in flight + 1) is taken; of equals the first that was drawn. A backend
 * whose breaker wants to try again comes before all others.
 *
 * <p><b>What avoidance may do.</b> Failed checks and ejections only steer among peers. They never
 * empty an arm: where nothing else is left, or where too few are well ({@code panic}), they are
 * ignored. So a canary whose every backend is bad goes on being asked, and its failures go on being
 * counted, until a breaker says that it cannot be asked at all, which is told to the judge.
 *
 * <p>The members are replaced whole under the upstream's lock and read without one.
 */
final class Pool {
  private static final Member[] NOBODY = {};
  private static final int DRAWS = 3;

  final ArmPlan arm;
  final List<Target> targets;
  final Headroom headroom;

  volatile Member[] members = NOBODY;

  /** Set while too few members are well; by the thread that looks after backends. */
  volatile boolean panic;

  private final AtomicInteger ejected = new AtomicInteger();

  Pool(ArmPlan arm, List<Target> targets, Headroom headroom) {
    this.arm = arm;
    this.targets = targets;
    this.headroom = headroom;
  }

  /** Whether some backend's breaker is closed. */
  boolean available() {
    for (Member member : members) {
      if (member.backend.closed()) {
        return true;
      }
    }
    return false;
  }

  boolean reachable() {
    for (Member member : members) {
      if (member.backend.reachable()) {
        return true;
      }
    }
    return false;
  }

  int inFlight() {
    int sum = 0;
    for (Member member : members) {
      sum += member.backend.inFlight.get();
    }
    return sum;
  }

  /**
   * Chooses.
   *
   * @param draw 64 random bits
   * @param criticality of the call: a full backend has room for some only
   * @param someOpen whether any breaker of any backend may not be closed
   * @param except a backend that is not wanted again, or null
   * @return null when there is none
   */
  Upstream.@Nullable Slot choose(
      long draw,
      long nowNanos,
      Criticality criticality,
      boolean someOpen,
      boolean lastResort,
      @Nullable Backend except) {
    Member[] all = members;
    if (someOpen && except == null) {
      for (Member member : all) {
        if (!member.backend.closed() && member.backend.enters(criticality)) {
          return new Upstream.Slot(this, member, true);
        }
      }
    }
    Member best = all.length == 1 ? alone(all[0], except) : better(all, draw, nowNanos, except);
    if (best == null) {
      best = lightest(all, nowNanos, true, except);
    }
    if (best != null && best.backend.enters(criticality)) {
      return new Upstream.Slot(this, best, true);
    }
    if (best != null) {
      return withRoom(all, criticality, best, except);
    }
    Member any = lastResort ? lightest(all, nowNanos, false, except) : null;
    return any == null || !any.backend.hasRoom(criticality)
        ? null
        : new Upstream.Slot(this, any, false);
  }

  /** The first other one in use that has room: the better ones are full. */
  private Upstream.@Nullable Slot withRoom(
      Member[] all, Criticality criticality, Member full, @Nullable Backend except) {
    boolean ignoring = panic;
    for (Member member : all) {
      if (member != full
          && member.backend != except
          && member.usable(ignoring)
          && member.backend.enters(criticality)) {
        return new Upstream.Slot(this, member, true);
      }
    }
    return null;
  }

  private static @Nullable Member alone(Member only, @Nullable Backend except) {
    return only.backend.closed() && only.backend != except ? only : null;
  }

  /** Of two at random the better; null when no usable one was found. */
  private @Nullable Member better(
      Member[] all, long draw, long nowNanos, @Nullable Backend except) {
    int n = all.length;
    boolean ignoring = panic;
    long bits = draw;
    for (int i = 0; n > 1 && i < DRAWS; i++) {
      int a = (int) (((bits >>> 32) * n) >>> 32);
      int b = (int) (((bits & 0xffffffffL) * (n - 1)) >>> 32);
      Member first = all[a];
      Member second = all[b < a ? b : b + 1];
      boolean firstUsable = first.usable(ignoring) && first.backend != except;
      boolean secondUsable = second.usable(ignoring) && second.backend != except;
      if (firstUsable && secondUsable) {
        return first.load(nowNanos) <= second.load(nowNanos) ? first : second;
      }
      if (firstUsable || secondUsable) {
        return firstUsable ? first : second;
      }
      bits = bits * 0x5851f42d4c957f2dL + 0x14057b7ef767814fL;
    }
    return lightestUsable(all, nowNanos, except);
  }

  private @Nullable Member lightestUsable(Member[] all, long nowNanos, @Nullable Backend except) {
    boolean ignoring = panic;
    Member best = null;
    for (Member member : all) {
      if (member.usable(ignoring)
          && member.backend != except
          && (best == null || member.load(nowNanos) < best.load(nowNanos))) {
        best = member;
      }
    }
    return best;
  }

  /** The backend with the lowest load, of those that are well if any is; takes no place there. */
  @Nullable Backend lightest(long nowNanos) {
    Member[] all = members;
    Member best = lightestUsable(all, nowNanos, null);
    if (best == null) {
      best = lightest(all, nowNanos, true, null);
    }
    if (best == null) {
      best = lightest(all, nowNanos, false, null);
    }
    return best == null ? null : best.backend;
  }

  private static @Nullable Member lightest(
      Member[] all, long nowNanos, boolean closedOnly, @Nullable Backend except) {
    Member best = null;
    for (Member member : all) {
      if (member.backend != except
          && (!closedOnly || member.backend.closed())
          && (best == null || member.load(nowNanos) < best.load(nowNanos))) {
        best = member;
      }
    }
    return best;
  }

  /**
   * The one backend that a key belongs to, as every router finds it: the one whose address and the
   * key have the highest hash together (D. Thaler and C. Ravishankar, rendezvous hashing, 1998).
   * While backends come and go only the keys of those that went change their place. Well or not:
   * nobody else has what the key stands for.
   */
  Upstream.@Nullable Slot sticky(long keyHash, Criticality criticality) {
    Member best = null;
    long highest = 0;
    for (Member member : members) {
      long hash = StableHash.of(keyHash, member.backend.address);
      if (best == null || hash > highest) {
        best = member;
        highest = hash;
      }
    }
    return best == null || !best.backend.hasRoom(criticality)
        ? null
        : new Upstream.Slot(this, best, best.backend.permits());
  }

  /**
   * Ejects a member, if that many may be. One that has been removed is not: its calls may still
   * end, and nobody would readmit it.
   *
   * @return whether it is
   */
  boolean eject(Member member, long nowNanos, UpstreamSettings.Outliers settings) {
    int most = OutlierMath.mostEjected(members.length, settings.share());
    synchronized (member) {
      if (member.ejected || !holds(member) || !take(most)) {
        return false;
      }
      member.ejections++;
      member.ejectedUntilNanos = nowNanos + OutlierMath.ejectionNanos(member.ejections, settings);
      member.ejected = true;
      return true;
    }
  }

  private boolean holds(Member member) {
    for (Member each : members) {
      if (each == member) {
        return true;
      }
    }
    return false;
  }

  private boolean take(int most) {
    return ejected.getAndUpdate(now -> now < most ? now + 1 : now) < most;
  }

  /** Ends an ejection whose time is over. */
  void readmit(Member member, long nowNanos) {
    synchronized (member) {
      if (member.ejected && nowNanos - member.ejectedUntilNanos >= 0) {
        member.ejected = false;
        member.forgetFailures();
        ejected.decrementAndGet();
      }
    }
  }

  /** Puts other members in; what is known of those that stay is kept. */
  void replace(List<Member> next) {
    Member[] before = members;
    // First, so that whoever ejects one of those who go either is seen below or sees that it went.
    members = next.toArray(NOBODY);
    for (Member member : before) {
      if (!next.contains(member)) {
        synchronized (member) {
          if (member.ejected) {
            member.ejected = false;
            ejected.decrementAndGet();
          }
        }
      }
    }
  }

  /** Looks whether so few members are well that it is better not to look. */
  void judgePanic(double share) {
    Member[] all = members;
    int well = 0;
    for (Member member : all) {
      if (member.usable(false)) {
        well++;
      }
    }
    panic = well < share * all.length;
  }
}
