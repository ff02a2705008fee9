package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.tensor.InferRequests;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.call.Reply;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.record.ArmCell;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.upstream.AttemptOptions;
import dev.understudy.router.upstream.FailoverAllowance;
import dev.understudy.router.upstream.Upstream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One request from its assignment to its record.
 *
 * <p><b>Evidence before rescue.</b> The first attempt is made in the arm that the request was
 * assigned to, and its end is counted for that arm at once. What follows is for the client only: a
 * failed canary or control may be rescued by the champion, within the model's allowance; a champion
 * that could not be reached may be asked once more at another of its backends. Neither changes what
 * has been counted.
 *
 * <p><b>Time.</b> A rescue needs time, so an attempt that can be rescued gets at most half of what
 * is left until the deadline. An arm must not look worse for that: while shares are in force, a
 * champion's answer that took longer than its rival would have been given counts as a try timeout
 * too, although the client gets it. So does a champion's attempt that the client cancels after that
 * moment: the rival's would have been bad by then, whatever the client did later.
 *
 * <p><b>Cancellation.</b> A client whose deadline passes cancels, and its word often arrives a
 * little before our own clock says so, because ours started when the request arrived. A
 * cancellation in the last tenth of the time, or in the last 50 ms (but not in the first half),
 * therefore counts as a passed deadline, which is bad, and an earlier one as the client's choice,
 * which is censored.
 *
 * <p><b>Threads.</b> Events of one request come one after the other, except that {@link #cancel()}
 * may come at any time and that an attempt may end before it is known to have been sent.
 */
final class Flight implements Cancel {
  private static final long LATE_NANOS = 50_000_000;
  private static final byte[] NO_TAIL = new byte[0];

  private final CallLife life;
  private final InferCall call;
  private final Reply reply;

  // What was in force when the request came, or, if it had to wait, when its wait was over.
  private ModelPlan plan;
  private Snapshot snapshot;

  /**
   * The mirror's ticket and the first answer meet here; the second to come brings them together.
   */
  private final AtomicReference<@Nullable Object> meeting = new AtomicReference<>();

  /** Set once by whichever comes first: the start or the client's cancellation. */
  private final AtomicBoolean begun = new AtomicBoolean();

  private volatile boolean clientGone;
  private volatile @Nullable Cancel running;
  private boolean hasPlace;
  private @Nullable ArmCell cell;
  private @Nullable String key;
  private Upstream.@Nullable Slot slot;
  private @Nullable Answer firstAnswer;
  private Benchmarks.@Nullable Asked benchmark;
  private long tryNanos;
  private long sentNanos;
  private long answeredNanos;

  Flight(CallLife life, InferCall call, ModelPlan plan, Snapshot snapshot, Reply reply) {
    this.life = life;
    this.call = call;
    this.plan = plan;
    this.snapshot = snapshot;
    this.reply = reply;
  }

  @Override
  public void cancel() {
    clientGone = true;
    if (begun.compareAndSet(false, true)) {
      // Still waiting for room in the lineage: what it holds is free at once.
      refuse(Refusals.cancelled());
      return;
    }
    Cancel attempt = running;
    if (attempt != null) {
      attempt.cancel();
    }
  }

  /** Step 5: assigns the request; from here on it is in the trial. */
  void start(boolean placeReserved) {
    start(placeReserved, false);
  }

  /**
   * Step 5 after a wait for a place in the lineage. What was in force when the request came may
   * have ended since, and an arm that was stopped meanwhile must get no request.
   */
  void startAfterWait() {
    start(true, true);
  }

  private void start(boolean placeReserved, boolean waited) {
    if (!begun.compareAndSet(false, true)) {
      if (placeReserved) {
        life.lineage.release();
      }
      return;
    }
    hasPlace = placeReserved;
    try {
      long now = life.time.nanoTime();
      if (call.remainingNanos(now) <= 0) {
        throw Refusals.tooLate();
      }
      if (waited) {
        snapshot = life.keeper.current();
        plan = CallLife.plan(call, snapshot);
      }
      Assignment assigned =
          Assignment.of(
              call,
              plan,
              snapshot.sharesHold(plan, now),
              life.upstream::available,
              arm -> (slot = life.upstream.slot(arm, false, null)) != null);
      count(assigned);
      first(assigned, now);
    } catch (Fault refusal) {
      refuse(refusal);
    }
  }

  private void refuse(Fault refusal) {
    life.admission.giveBack(call.body().length);
    if (hasPlace) {
      life.lineage.release();
    }
    reply.fail(call.predictionId(), refusal, call.notes());
  }

  private void count(Assignment assigned) {
    ArmCell counts = life.recording.cell(plan, assigned);
    cell = counts;
    if (counts == null) {
      return;
    }
    if (!assigned.judged()) {
      counts.leftOut();
      return;
    }
    counts.assigned();
    // While nothing is split no key is entered: a returning customer is first seen by the split.
    if (plan.byKey() && assigned.canaryBp() + assigned.controlBp() > 0) {
      key = call.header(plan.route().getKeyMetadata());
      if (key != null) {
        life.recording.keySeen(plan, key, counts);
      }
    }
  }

  /** Step 6: the one attempt that is evidence. */
  private void first(Assignment assigned, long now) {
    long whole = wholeTryNanos();
    long remaining = call.remainingNanos(now);
    tryNanos = remaining == Long.MAX_VALUE ? whole : Math.min(whole, Math.max(1, remaining / 2));
    ArmPlan arm = assigned.arm();
    Upstream.Slot chosen = slot;
    if (chosen == null) {
      chosen = life.upstream.slot(arm, !assigned.rescuable(), null);
      slot = chosen;
    }
    if (assigned.rescuable()) {
      allowance().earn(failoverBp());
    }
    if (chosen == null) {
      Fault none = Refusals.noBackend(call.clientId(), arm.arm().getName());
      firstEnded(assigned, Answer.failed(Outcome.BAD_UNAVAILABLE, none, 0, true));
      return;
    }
    long limit = assigned.rescuable() ? tryNanos : Math.min(whole, remaining);
    boolean drilled = assigned.judged() && arm.arm().hasFault();
    if (plan.benchmark() != null) {
      benchmark = life.benchmarks.ask(call, plan);
    }
    send(
        chosen,
        arm,
        limit,
        !assigned.rescuable() && remaining <= whole,
        () -> sent(assigned),
        answer -> {
          if (drilled) {
            spoil(assigned, answer, limit);
          } else {
            firstEnded(assigned, answer);
          }
        });
  }

  /** A drill is held on the arm: the answer is told as the drill wants it. */
  private void spoil(Assignment assigned, Answer real, long limitNanos) {
    Answer told = life.drill.spoiled(assigned.arm(), call, real);
    Drill.Held held =
        life.drill.held(
            assigned.arm(), call, real, told, limitNanos, end -> firstEnded(assigned, end));
    if (held == null) {
      firstEnded(assigned, told);
      return;
    }
    running = held;
    held.start();
    if (clientGone) {
      held.cancel();
    }
  }

  /** Step 11 begins here, and not earlier: the original is on its way. */
  private void sent(Assignment assigned) {
    if (!assigned.copied()) {
      return;
    }
    Mirror.Ticket ticket = life.mirror.sent(call, plan);
    if (meeting.compareAndExchange(null, ticket) instanceof Answer ended) {
      ticket.primary(ended);
    }
  }

  private void send(
      Upstream.Slot to,
      ArmPlan arm,
      long limitNanos,
      boolean limitIsDeadline,
      Runnable sent,
      Consumer<Answer> done) {
    AttemptOptions options =
        new AttemptOptions(
            call.predictionId(),
            call.clientId(),
            call.headers(),
            limitNanos,
            limitIsDeadline,
            false);
    Cancel attempt = life.upstream.send(to, arm, Message.of(call.body()), options, sent, done);
    running = attempt;
    if (clientGone) {
      attempt.cancel();
    }
  }

  private void firstEnded(Assignment assigned, Answer raw) {
    answeredNanos = life.time.nanoTime();
    sentNanos = answeredNanos - raw.latencyNanos();
    Answer answer = guarded(deadlineOrCancel(raw));
    firstAnswer = answer;
    ArmCell counts = cell;
    if (counts != null && assigned.judged()) {
      Outcome outcome = answer.outcome();
      boolean rivals = assigned.canaryBp() + assigned.controlBp() > 0;
      boolean within = answer.isOk() || outcome == Outcome.CANCELLED_BY_CLIENT;
      if (within && rivals && answer.latencyNanos() > tryNanos) {
        outcome = Outcome.BAD_TRY_TIMEOUT;
      }
      boolean bad = outcome.getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE;
      counts.ended(outcome, answer.latencyNanos(), bad ? life.time.wallMillis() : 0);
      Upstream.Slot asked = slot;
      life.recording.measured(
          call, plan, counts, outcome, answer, asked == null ? "" : asked.host());
      String unit = key;
      if (unit != null && outcome.getNumber() >= Outcome.BAD_UNAVAILABLE_VALUE) {
        life.recording.keyBad(plan, unit, counts);
      }
    }
    if (!answer.isBad() || clientGone || !again(assigned, answer)) {
      conclude(assigned, answer, assigned.arm());
    }
  }

  /** A second attempt, for the client's sake only. */
  private boolean again(Assignment assigned, Answer failed) {
    long now = life.time.nanoTime();
    long remaining = call.remainingNanos(now);
    if (remaining <= 0) {
      return false;
    }
    ArmPlan champion = plan.champion();
    Upstream.Slot next;
    if (assigned.rescuable()) {
      if (!allowance().take()) {
        return false;
      }
      next = life.upstream.slot(champion, true, null);
    } else if (assigned.arm().role() == Role.CHAMPION
        && failed.outcome() == Outcome.BAD_UNAVAILABLE) {
      next = life.upstream.slot(champion, false, slot);
    } else {
      return false;
    }
    if (next == null) {
      return false;
    }
    long whole = wholeTryNanos();
    send(
        next,
        champion,
        Math.min(whole, remaining),
        remaining <= whole,
        () -> {},
        answer -> {
          answeredNanos = life.time.nanoTime();
          Answer second = guarded(deadlineOrCancel(answer));
          ArmCell counts = cell;
          if (second.isOk() && assigned.rescuable() && counts != null) {
            counts.rescued();
          }
          conclude(assigned, second, champion);
        });
    return true;
  }

  /** A good answer may still be doubtful; evidence has been taken. */
  private void conclude(Assignment assigned, Answer answer, ArmPlan by) {
    byte[] response = answer.response();
    if (response != null && !clientGone && plan.guard().doubts()) {
      new SecondLook(call, plan.guard(), benchmark, new Hands(assigned)).look(answer, response, by);
      return;
    }
    Benchmarks.Asked asked = benchmark;
    if (asked != null) {
      asked.drop();
    }
    finish(assigned, answer, by);
  }

  private final class Hands implements SecondLook.Hands {
    private final Assignment assigned;

    Hands(Assignment assigned) {
      this.assigned = assigned;
    }

    @Override
    public void give(Answer answer, ArmPlan by) {
      finish(assigned, answer, by);
    }

    @Override
    public boolean askChampion(Answer otherwise, ArmPlan by) {
      long whole = wholeTryNanos();
      long remaining = call.remainingNanos(life.time.nanoTime());
      if (clientGone || remaining <= 0 || !allowance().take()) {
        return false;
      }
      ArmPlan champion = plan.champion();
      Upstream.Slot next = life.upstream.slot(champion, true, null);
      if (next == null) {
        return false;
      }
      send(
          next,
          champion,
          Math.min(whole, remaining),
          remaining <= whole,
          () -> {},
          answer -> {
            answeredNanos = life.time.nanoTime();
            Answer second = guarded(deadlineOrCancel(answer));
            if (second.isOk()) {
              call.notes().flag("guard.fallback");
              finish(assigned, second, champion);
            } else {
              call.notes().review("guard.no-fallback");
              finish(assigned, otherwise, by);
            }
          });
      return true;
    }
  }

  private long wholeTryNanos() {
    long millis = plan.route().getTryTimeoutMs();
    return millis <= 0
        ? life.settings.tryTimeout().toNanos()
        : Math.min(millis, 3_600_000) * 1_000_000;
  }

  private FailoverAllowance allowance() {
    return life.allowance(call.model());
  }

  private int failoverBp() {
    int bp = plan.route().getFailoverBp();
    return bp == 0 ? life.settings.failoverBp() : bp;
  }

  private Answer deadlineOrCancel(Answer answer) {
    if (answer.outcome() != Outcome.CANCELLED_BY_CLIENT || call.deadlineNanos() == Long.MAX_VALUE) {
      return answer;
    }
    long left = call.remainingNanos(life.time.nanoTime());
    long all = call.deadlineNanos() - call.arrivalNanos();
    return left <= Math.max(all / 10, Math.min(LATE_NANOS, all / 2))
        ? Answer.failed(
            Outcome.BAD_DEADLINE_EXCEEDED,
            Refusals.deadline(call.clientId()),
            answer.latencyNanos(),
            false)
        : answer;
  }

  /** Step 10. */
  private Answer guarded(Answer answer) {
    byte[] response = answer.response();
    if (response == null) {
      return answer;
    }
    try {
      InferResponseView view = InferResponseView.parse(ByteBuffer.wrap(response));
      Fault refusal = plan.guard().refusal(call.clientId(), response, view);
      return refusal == null
          ? answer
          : Answer.failed(Outcome.BAD_OUTPUT_GUARD, refusal, answer.latencyNanos(), false);
    } catch (MalformedMessageException e) {
      return Answer.failed(
          Outcome.BAD_INTERNAL,
          Refusals.malformedAnswer(call.clientId(), String.valueOf(e.getMessage())),
          answer.latencyNanos(),
          false);
    }
  }

  /** The client first, then step 12. */
  private void finish(Assignment assigned, Answer answer, ArmPlan answered) {
    long from = answeredNanos;
    life.admission.giveBack(call.body().length);
    byte[] response = answer.response();
    if (response != null) {
      boolean wantsId = call.wantsId();
      reply.ok(
          wantsId ? "" : call.predictionId(),
          new Message(given(response), tail(answered, wantsId)),
          answer.timing(),
          call.notes());
    } else {
      Fault fault = answer.fault();
      reply.fail(call.predictionId(), fault == null ? Refusals.cancelled() : fault, call.notes());
    }
    long now = life.time.nanoTime();
    life.recording.finished(
        call,
        plan,
        snapshot.table(),
        assigned,
        answered,
        answer,
        firstAnswer,
        new Recording.Spent(now - call.arrivalNanos(), sentNanos - call.arrivalNanos(), now - from),
        hasPlace);
    Answer first = firstAnswer;
    if (first != null && meeting.compareAndExchange(null, first) instanceof Mirror.Ticket ticket) {
      ticket.primary(first);
    }
  }

  /** The answer as this caller may have it; records have the true one. */
  private byte[] given(byte[] response) {
    return plan.guard().coarsens(call.principal().name())
        ? plan.guard().coarsened(response, InferResponseView.parse(ByteBuffer.wrap(response)))
        : response;
  }

  /**
   * What goes behind the answer. In a response the fields for name and parameters have the numbers
   * that they have in a request.
   */
  private byte[] tail(ArmPlan answered, boolean wantsId) {
    if (!wantsId) {
      return answered.renamed() ? InferRequests.overrides(call.model(), null, Map.of()) : NO_TAIL;
    }
    return answered.renamed()
        ? InferRequests.overrides(
            call.model(),
            null,
            Map.of(InferCall.ID_PARAMETER, new ParameterValue.Text(call.predictionId())))
        : IdTail.of(call.predictionId());
  }
}
