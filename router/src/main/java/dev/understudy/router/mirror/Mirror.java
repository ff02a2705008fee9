package dev.understudy.router.mirror;

import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.hash.Sampler;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sends copies of champion-assigned calls to shadows. A copy starts once the original has been
 * sent; it is bounded in number and bytes, dropped and counted when a bound is reached, and has a
 * time limit of its own. Nothing that happens to a copy is told to the caller.
 *
 * <p>A copy that fails or runs out of time is a result and makes a pair; only a copy that was never
 * sent is a drop. Any thread.
 */
public final class Mirror {
  /** Sends one copy. */
  @FunctionalInterface
  public interface Sender {
    /** Calls {@code done} exactly once. */
    void send(InferCall call, ArmPlan arm, long timeoutNanos, Consumer<Answer> done);
  }

  /** What becomes of copies. */
  public interface Results {
    /** Both answers are there. */
    void pair(Pair pair);

    /** A copy was not sent. */
    void dropped(ModelPlan plan, ArmPlan arm);
  }

  /** Told how the original ended. */
  @FunctionalInterface
  public interface Ticket {
    /** No copies were made. */
    Ticket NONE = answer -> {};

    /** The first attempt of the original has ended. */
    void primary(Answer answer);
  }

  private final Sampler sampler = new Sampler("mirror");
  private final Budget copies;
  private final Budget bytes;
  private final long defaultTimeoutNanos;
  private final Sender sender;
  private final Results results;

  /**
   * Makes a mirror.
   *
   * @param copies copies in flight, those that wait for their original included
   * @param bytes bytes of requests that are held for copies
   */
  public Mirror(
      Budget copies, Budget bytes, long defaultTimeoutNanos, Sender sender, Results results) {
    this.copies = copies;
    this.bytes = bytes;
    this.defaultTimeoutNanos = defaultTimeoutNanos;
    this.sender = sender;
    this.results = results;
  }

  /** Copies a call whose original has just been sent to the champion, if it is in the sample. */
  public Ticket sent(InferCall call, ModelPlan plan) {
    if (!picks(call, plan)) {
      return Ticket.NONE;
    }
    long millis = plan.route().getMirror().getTimeoutMs();
    long timeout = millis == 0 ? defaultTimeoutNanos : Math.min(millis, 3_600_000) * 1_000_000;
    Ticket ticket = null;
    for (ArmPlan arm : plan.copies()) {
      Copy copy = start(call, plan, arm, timeout);
      if (copy != null) {
        Ticket others = ticket;
        ticket =
            others == null
                ? copy
                : answer -> {
                  others.primary(answer);
                  copy.primary(answer);
                };
      }
    }
    return ticket == null ? Ticket.NONE : ticket;
  }

  private boolean picks(InferCall call, ModelPlan plan) {
    return !plan.copies().isEmpty()
        && sampler.picks(call.predictionId(), plan.route().getMirror().getFractionBp());
  }

  /**
   * Says whether a call would be copied.
   *
   * @param may whether its assignment lets it be copied
   * @return whether it would, were there room
   */
  public boolean explain(InferCall call, ModelPlan plan, boolean may, Explanation into) {
    if (plan.copies().isEmpty()) {
      into.passes("mirror", "no: no arm gets copies");
      return false;
    }
    String names =
        String.join(", ", plan.copies().stream().map(arm -> arm.arm().getName()).toList());
    double percent = plan.route().getMirror().getFractionBp() / 100.0;
    boolean picked = picks(call, plan);
    String text;
    if (!may) {
      text = "no: only judged calls of the champion are copied, while shares are in force";
    } else if (!picked) {
      text = "no: its id is not in the sample of " + percent + " %";
    } else {
      text =
          "yes, to "
              + names
              + " (sample of "
              + percent
              + " %); "
              + copies.used()
              + " of "
              + copies.limit()
              + " copies are in flight";
    }
    into.passes("mirror", text).fact("mirrored", may && picked).fact("arms", names);
    return may && picked;
  }

  private @Nullable Copy start(InferCall call, ModelPlan plan, ArmPlan arm, long timeoutNanos) {
    if (!copies.take(1)) {
      results.dropped(plan, arm);
      return null;
    }
    if (!bytes.take(call.body().length)) {
      copies.giveBack(1);
      results.dropped(plan, arm);
      return null;
    }
    Copy copy = new Copy(call, plan, arm);
    sender.send(call, arm, timeoutNanos, copy::ended);
    return copy;
  }

  /** One copy: whichever answer comes second makes the pair. */
  private final class Copy implements Ticket {
    private final InferCall call;
    private final ModelPlan plan;
    private final ArmPlan arm;
    private final AtomicReference<@Nullable Answer> first = new AtomicReference<>();

    Copy(InferCall call, ModelPlan plan, ArmPlan arm) {
      this.call = call;
      this.plan = plan;
      this.arm = arm;
    }

    @Override
    public void primary(Answer answer) {
      Answer copy = first.compareAndExchange(null, answer);
      if (copy != null) {
        finish(answer, copy);
      }
    }

    void ended(Answer answer) {
      Answer original = first.compareAndExchange(null, answer);
      if (original != null) {
        finish(original, answer);
      }
    }

    private void finish(Answer champion, Answer copy) {
      bytes.giveBack(call.body().length);
      copies.giveBack(1);
      results.pair(new Pair(call, plan, arm, champion, copy));
    }
  }
}
