package dev.understudy.router.stack;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.upstream.FailoverAllowance;
import dev.understudy.router.upstream.RetryBudget;
import dev.understudy.router.upstream.UpstreamSettings;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What may be sent a second time, per model: rescues of a failing arm by the champion, retries of a
 * champion that was not there, and hedges of a champion that is slow. All of it is for the client
 * only, none of it is evidence, and each has a budget of its own that is a share of the calls, so
 * that a bad hour costs a bounded amount more, and no multiple. Any thread.
 */
final class SecondAttempts {
  private static final int HEDGE_BP = 500;
  private static final int HEDGE_BURST = 100;

  private final UpstreamSettings.Retries retries;
  private final int failoverBurst;
  private final Scheduler scheduler;
  private final TimeSource time;
  private final ConcurrentHashMap<String, Budgets> models = new ConcurrentHashMap<>();
  private final AtomicLong retried = new AtomicLong();
  private final AtomicLong hedged = new AtomicLong();
  private final AtomicLong hedgesWon = new AtomicLong();
  private final AtomicLong withoutRoom = new AtomicLong();

  // What models that were let go of had counted.
  private final AtomicLong refusedRescues = new AtomicLong();
  private final AtomicLong refusedRetries = new AtomicLong();
  private final AtomicLong refusedHedges = new AtomicLong();

  SecondAttempts(
      UpstreamSettings.Retries retries, int failoverBurst, Scheduler scheduler, TimeSource time) {
    this.retries = retries;
    this.failoverBurst = failoverBurst;
    this.scheduler = scheduler;
    this.time = time;
  }

  /** One model's. */
  final class Budgets {
    final FailoverAllowance rescues;
    final RetryBudget retry;
    final RecentQuantile latency;
    private final int hedgeBp;
    private final RetryBudget hedges;

    private Budgets(
        FailoverAllowance rescues, RetryBudget retry, RecentQuantile latency, int hedgeBp) {
      this.rescues = rescues;
      this.retry = retry;
      this.latency = latency;
      this.hedgeBp = hedgeBp;
      this.hedges = new RetryBudget(hedgeBp, HEDGE_BURST, 0, time.nanoTime());
    }

    /** The same, but for what may be hedged. */
    private Budgets with(int otherHedgeBp) {
      return new Budgets(rescues, retry, latency, otherHedgeBp);
    }

    /** Takes the permission to hedge one call. */
    boolean takeHedge() {
      return hedges.take(time.nanoTime());
    }

    /** The call for which a permission was taken is not hedged. */
    void giveBackHedge() {
      hedges.giveBack();
    }

    void earnHedge() {
      hedges.earn();
    }
  }

  /** What a model has. */
  Budgets of(ModelPlan plan) {
    Budgets budgets = models.get(plan.model());
    int hedgeBp = hedgeBp(plan.route());
    if (budgets != null && budgets.hedgeBp == hedgeBp) {
      return budgets;
    }
    return models.compute(
        plan.model(),
        (model, known) -> {
          if (known != null && known.hedgeBp == hedgeBp) {
            return known;
          }
          if (known == null) {
            return fresh(hedgeBp);
          }
          refusedHedges.addAndGet(known.hedges.refused());
          return known.with(hedgeBp);
        });
  }

  private Budgets fresh(int hedgeBp) {
    return new Budgets(
        new FailoverAllowance(failoverBurst),
        new RetryBudget(retries.shareBp(), retries.burst(), retries.perSecond(), time.nanoTime()),
        new RecentQuantile(),
        hedgeBp);
  }

  private static int hedgeBp(ModelRoute route) {
    int bp = route.hasHedging() ? route.getHedging().getBudgetBp() : 0;
    return bp == 0 ? HEDGE_BP : bp;
  }

  /** Forgets the models that are not among these. */
  void retain(Set<String> names) {
    for (String model : Set.copyOf(models.keySet())) {
      Budgets gone = names.contains(model) ? null : models.remove(model);
      if (gone != null) {
        letGo(gone);
      }
    }
  }

  private void letGo(Budgets budgets) {
    refusedRescues.addAndGet(budgets.rescues.refused());
    refusedRetries.addAndGet(budgets.retry.refused());
    refusedHedges.addAndGet(budgets.hedges.refused());
  }

  /** Looks at recent latencies; by one thread, about once a second. */
  void look() {
    models.values().forEach(budgets -> budgets.latency.look());
  }

  /**
   * Begins the wait for the moment of a hedge.
   *
   * @return null when the route has no hedging, or too little is known of how long answers take
   */
  @Nullable Cancellable hedgeLater(ModelRoute route, Budgets budgets, Runnable hedge) {
    long millis = route.getHedging().getDelayMs();
    long nanos = millis > 0 ? millis * 1_000_000 : budgets.latency.nanos();
    return nanos == Long.MAX_VALUE
        ? null
        : scheduler.after(Duration.ofNanos(nanos), "hedge", hedge);
  }

  void countRetry() {
    retried.incrementAndGet();
  }

  void countHedge() {
    hedged.incrementAndGet();
  }

  void countHedgeWon() {
    hedgesWon.incrementAndGet();
  }

  void countWithoutRoom() {
    withoutRoom.incrementAndGet();
  }

  long retries() {
    return retried.get();
  }

  long hedges() {
    return hedged.get();
  }

  long hedgesWon() {
    return hedgesWon.get();
  }

  long withoutRoom() {
    return withoutRoom.get();
  }

  long refusedRescues() {
    return refusedRescues.get() + sum(budgets -> budgets.rescues.refused());
  }

  long refusedRetries() {
    return refusedRetries.get() + sum(budgets -> budgets.retry.refused());
  }

  long refusedHedges() {
    return refusedHedges.get() + sum(budgets -> budgets.hedges.refused());
  }

  private long sum(ToLongFunction<Budgets> count) {
    return models.values().stream().mapToLong(count).sum();
  }
}
