package dev.understudy.router.mirror;

import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Explanation;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.hash.Sampler;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Sends copies of champion-assigned calls to shadows. A copy starts once the original has been
 * sent; it is bounded in number and bytes, dropped and counted when a bound is reached, and has a
 * time limit of its own. Nothing that happens to a copy is told to the caller.
 *
 * <p>A copy that fails or runs out of time is a result and makes a pair; only a copy that was never
 * sent is a drop. A call that a model's rate cap leaves alone was never to be copied: it is counted
 * apart and is no drop. The cap takes or leaves a call for all its shadows, so that a shadow and
 * its mirrored control see the same calls.
 *
 * <p><b>Memory.</b> While a shadow is silent its copy holds the request and, once it is there, the
 * original's answer. Both are taken from one budget of bytes: a request that does not fit is not
 * copied, and an answer that does not fit is let go, so that the pair is counted and not compared.
 * What a shadow answers is bounded by its connections.
 *
 * <p><b>Threads.</b> Any thread. What becomes of a pair (reading the shadow's answer, which may be
 * large or no answer at all) is done by the copies' own threads, never by the original's.
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
  private final Executor ends;
  private final LongSupplier nanoTime;
  private final ConcurrentHashMap<String, RateCap> caps = new ConcurrentHashMap<>();
  private final LongAdder capped = new LongAdder();
  private final LongAdder uncompared = new LongAdder();

  /**
   * Makes a mirror.
   *
   * @param copies copies in flight, those that wait for their original included
   * @param bytes bytes of requests and answers that are held for copies
   * @param ends where pairs are looked at, in at most as many tasks as there are copies
   * @param nanoTime the monotonic clock
   */
  public Mirror(
      Budget copies,
      Budget bytes,
      long defaultTimeoutNanos,
      Sender sender,
      Results results,
      Executor ends,
      LongSupplier nanoTime) {
    this.copies = copies;
    this.bytes = bytes;
    this.defaultTimeoutNanos = defaultTimeoutNanos;
    this.sender = sender;
    this.results = results;
    this.ends = ends;
    this.nanoTime = nanoTime;
  }

  /** Copies in flight, and how many found no place. */
  public Budget copies() {
    return copies;
  }

  /** Bytes held for copies, and how many copies found no room for theirs. */
  public Budget bytes() {
    return bytes;
  }

  /** Calls in the sample that a rate cap left alone. */
  public long capped() {
    return capped.sum();
  }

  /** Answers of originals that were let go while their copies were under way. */
  public long uncompared() {
    return uncompared.sum();
  }

  /** Copies a call whose original has just been sent to the champion, if it is in the sample. */
  public Ticket sent(InferCall call, ModelPlan plan) {
    if (!picks(call, plan)) {
      return Ticket.NONE;
    }
    double mostPerSecond = plan.route().getMirror().getMostPerSecond();
    if (mostPerSecond > 0 && !cap(plan.model()).take(mostPerSecond, nanoTime.getAsLong())) {
      capped.increment();
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

  private RateCap cap(String model) {
    RateCap cap = caps.get(model);
    // Models come from routing tables, so their number is bounded.
    return cap != null ? cap : caps.computeIfAbsent(model, name -> new RateCap());
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

    // Written before the original's answer is left, read by whoever takes it.
    private int answerBytes;

    Copy(InferCall call, ModelPlan plan, ArmPlan arm) {
      this.call = call;
      this.plan = plan;
      this.arm = arm;
    }

    @Override
    public void primary(Answer answer) {
      Answer copy = first.get();
      if (copy == null) {
        Answer kept = held(answer);
        copy = first.compareAndExchange(null, kept);
        if (copy == null) {
          return;
        }
      }
      Answer ended = copy;
      try {
        ends.execute(() -> finish(answer, ended));
      } catch (RejectedExecutionException stopping) {
        giveBack();
      }
    }

    /** The original's answer, without its content when there is no room for it. */
    private Answer held(Answer answer) {
      byte[] response = answer.response();
      if (response == null) {
        return answer;
      }
      if (bytes.take(response.length)) {
        answerBytes = response.length;
        return answer;
      }
      uncompared.increment();
      return new Answer(answer.outcome(), null, null, null, answer.latencyNanos(), false);
    }

    void ended(Answer answer) {
      Answer original = first.compareAndExchange(null, answer);
      if (original != null) {
        finish(original, answer);
      }
    }

    private void finish(Answer champion, Answer copy) {
      try {
        results.pair(new Pair(call, plan, arm, champion, copy));
      } finally {
        giveBack();
      }
    }

    private void giveBack() {
      bytes.giveBack((long) call.body().length + answerBytes);
      copies.giveBack(1);
    }
  }
}
