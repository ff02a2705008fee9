package dev.understudy.router.stack;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.upstream.AttemptOptions;
import dev.understudy.router.upstream.Upstream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Asks benchmark models beside the arms that answer. A benchmark that is slow, dead, or one too
 * many costs the caller no more than the wait that the contract grants; its answer is then not
 * there, and that is counted. Any thread.
 */
final class Benchmarks {
  private final Upstream upstream;
  private final Scheduler scheduler;
  private final Budget inFlight;
  private final AtomicLong skipped = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong late = new AtomicLong();

  /** With that many questions in flight at most. */
  Benchmarks(Upstream upstream, Scheduler scheduler, Budget inFlight) {
    this.upstream = upstream;
    this.scheduler = scheduler;
    this.inFlight = inFlight;
  }

  /** Asks; null when nothing can be asked. */
  @Nullable Asked ask(InferCall call, ModelPlan plan) {
    ArmPlan arm = plan.benchmark();
    if (arm == null || !plan.guard().asksBenchmark()) {
      return null;
    }
    if (!inFlight.take(1)) {
      skipped.incrementAndGet();
      return null;
    }
    Upstream.Slot slot = upstream.slot(arm, Criticality.SHEDDABLE, false, null);
    if (slot == null) {
      inFlight.giveBack(1);
      skipped.incrementAndGet();
      return null;
    }
    Asked asked = new Asked(arm);
    AttemptOptions options =
        new AttemptOptions(
            call.predictionId(), "", call.headers(), plan.guard().timeoutNanos(), false, false);
    asked.attempt =
        upstream.send(slot, arm, Message.of(call.body()), options, () -> {}, asked::ended);
    return asked;
  }

  /** Questions that were not asked: too many in flight, or no backend in use. */
  long skipped() {
    return skipped.get();
  }

  /** Questions that ended without an answer. */
  long failed() {
    return failed.get();
  }

  /** Answers that were not there when they were needed. */
  long late() {
    return late.get();
  }

  /** One question. */
  final class Asked {
    private static final Object GONE = new Object();

    private final ArmPlan arm;

    /** Null, then the answer that is there, or the one who waits for it; GONE at the end. */
    private final AtomicReference<@Nullable Object> meeting = new AtomicReference<>();

    private volatile @Nullable Cancel attempt;
    private volatile @Nullable Cancellable timer;

    Asked(ArmPlan arm) {
      this.arm = arm;
    }

    ArmPlan arm() {
      return arm;
    }

    private void ended(Answer answer) {
      inFlight.giveBack(1);
      if (!answer.isOk() && !GONE.equals(meeting.get())) {
        failed.incrementAndGet();
      }
      Object other = meeting.compareAndExchange(null, answer);
      if (other instanceof Waiter waiter && meeting.compareAndSet(other, GONE)) {
        Cancellable waiting = timer;
        if (waiting != null) {
          waiting.cancel();
        }
        waiter.then().accept(answer.isOk() ? answer : null);
      }
    }

    /** Hands over the answer, or null when it is not there in time; once, perhaps at once. */
    void await(long waitNanos, Consumer<@Nullable Answer> then) {
      Waiter waiter = new Waiter(then);
      if (meeting.compareAndExchange(null, waiter) instanceof Answer answer) {
        then.accept(answer.isOk() ? answer : null);
        return;
      }
      Cancellable wait =
          scheduler.after(
              Duration.ofNanos(waitNanos),
              "benchmark",
              () -> {
                if (meeting.compareAndSet(waiter, GONE)) {
                  late.incrementAndGet();
                  stop();
                  then.accept(null);
                }
              });
      timer = wait;
      // The answer may have come before the timer could be seen.
      if (GONE.equals(meeting.get())) {
        wait.cancel();
      }
    }

    /** Nobody wants the answer any more. */
    void drop() {
      if (!(meeting.getAndSet(GONE) instanceof Answer)) {
        stop();
      }
    }

    private void stop() {
      Cancel running = attempt;
      if (running != null) {
        running.cancel();
      }
    }
  }

  private record Waiter(Consumer<@Nullable Answer> then) {}
}
