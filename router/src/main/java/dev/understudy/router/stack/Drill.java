package dev.understudy.router.stack;

import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.hash.Sampler;
import dev.understudy.router.table.ArmPlan;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Spoils answers of an arm on which a drill is held, after the backend has given them: what follows
 * (evidence, breaker apart, rescue by the champion) is what would follow were the arm itself at
 * fault. Breakers see the truth, because the backend is well.
 *
 * <p>Which calls are spoiled follows from hashes of the prediction id that are independent of the
 * split's and of each other. Only good answers are spoiled. A held answer waits on the clock, in no
 * thread, and no longer than the attempt may take: one that would be later becomes a try timeout,
 * as it would with a slow backend. Any thread.
 */
final class Drill {
  private final Sampler errorSampler = new Sampler("fault");
  private final Sampler delaySampler = new Sampler("fault delay");
  private final Scheduler scheduler;
  private final TimeSource time;
  private final AtomicLong errors = new AtomicLong();
  private final AtomicLong delays = new AtomicLong();

  Drill(Scheduler scheduler, TimeSource time) {
    this.scheduler = scheduler;
    this.time = time;
  }

  /** The answer as the drill wants it told, before any delay. */
  Answer spoiled(ArmPlan arm, InferCall call, Answer answer) {
    InjectedFault fault = arm.arm().getFault();
    if (!answer.isOk() || !errorSampler.picks(call.predictionId(), fault.getErrorsBp())) {
      return answer;
    }
    errors.incrementAndGet();
    return Answer.failed(
        Outcome.BAD_UNAVAILABLE, Refusals.injected(call.clientId()), answer.latencyNanos(), false);
  }

  /**
   * What holds the answer back, not yet started; null when it is to be told at once.
   *
   * @param real what the backend answered
   * @param told what is told instead, perhaps the same
   * @param limitNanos the longest time of the attempt
   * @param done gets the end of the attempt, exactly once
   */
  @Nullable Held held(
      ArmPlan arm,
      InferCall call,
      Answer real,
      Answer told,
      long limitNanos,
      Consumer<Answer> done) {
    InjectedFault fault = arm.arm().getFault();
    if (!real.isOk()
        || fault.getDelayMs() <= 0
        || !delaySampler.picks(call.predictionId(), fault.getDelayBp())) {
      return null;
    }
    delays.incrementAndGet();
    long wanted = fault.getDelayMs() * 1_000_000;
    long left = Math.max(0, limitNanos - real.latencyNanos());
    Answer end =
        wanted < left
            ? told
            : Answer.failed(
                Outcome.BAD_TRY_TIMEOUT, Refusals.injected(call.clientId()), limitNanos, false);
    return new Held(end, Math.min(wanted, left), real.latencyNanos(), done);
  }

  /** Answers replaced by an error. */
  long errors() {
    return errors.get();
  }

  /** Answers held back. */
  long delays() {
    return delays.get();
  }

  /** One answer that waits; ends when its time is over or the client cancels. */
  final class Held implements Cancel {
    private final Answer end;
    private final long waitNanos;
    private final long latencyNanos;
    private final Consumer<Answer> done;
    private final long sinceNanos = time.nanoTime();
    private final AtomicBoolean over = new AtomicBoolean();
    private volatile @Nullable Cancellable timer;

    private Held(Answer end, long waitNanos, long latencyNanos, Consumer<Answer> done) {
      this.end = end;
      this.waitNanos = waitNanos;
      this.latencyNanos = latencyNanos;
      this.done = done;
    }

    /** Begins the wait. */
    void start() {
      timer =
          scheduler.after(
              Duration.ofNanos(waitNanos),
              "drill",
              () -> {
                if (over.compareAndSet(false, true)) {
                  done.accept(end.after(latency()));
                }
              });
      if (over.get()) {
        stopTimer();
      }
    }

    @Override
    public void cancel() {
      if (over.compareAndSet(false, true)) {
        stopTimer();
        done.accept(
            Answer.failed(Outcome.CANCELLED_BY_CLIENT, Refusals.cancelled(), latency(), false));
      }
    }

    private void stopTimer() {
      Cancellable waiting = timer;
      if (waiting != null) {
        waiting.cancel();
      }
    }

    private long latency() {
      return latencyNanos + Math.max(0, time.nanoTime() - sinceNanos);
    }
  }
}
