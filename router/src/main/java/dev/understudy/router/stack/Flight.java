package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.tensor.InferRequests;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.ParameterValue;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.call.Reply;
import dev.understudy.router.hash.StableHash;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.record.ArmCell;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.trace.CallSpans;
import dev.understudy.router.trace.TracedHeaders;
import dev.understudy.router.upstream.AttemptOptions;
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
 * failed canary or control may be rescued by the champion, within the model's allowance and while
 * the champion has room; a champion that could not be reached may be asked once more at another of
 * its backends, within a budget, because inference may be repeated; a champion that is slow may be
 * asked beside ({@link Hedge}). None of it changes what has been counted. A call of a sequence goes
 * to the one backend that has the sequence's state, and is never repeated.
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
final class Flight implements Cancel, Runnable {
  private static final long LATE_NANOS = 50_000_000;
  private static final byte[] NO_TAIL = new byte[0];

  private final CallLife life;
  private final Reply reply;
  private final Patterns.@Nullable Verdict verdict;

  // What was in force when the request came, or, if it had to wait, when its wait was over; and the
  // call as that contract has put it right.
  private InferCall call;
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
  private SecondAttempts.@Nullable Budgets budgets;
  private volatile @Nullable Hedge hedge;
  private long tryNanos;
  private long sentNanos;
  private long answeredNanos;

  Flight(
      CallLife life,
      InferCall call,
      ModelPlan plan,
      Snapshot snapshot,
      Reply reply,
      Patterns.@Nullable Verdict verdict) {
    this.life = life;
    this.call = call;
    this.plan = plan;
    this.snapshot = snapshot;
    this.reply = reply;
    this.verdict = verdict;
  }

  @Override
  public void cancel() {
    clientGone = true;
    if (begun.compareAndSet(false, true)) {
      // Still waiting for room in the lineage: what it holds is free at once.
      life.lineage.giveUp(this);
      refuse(Refusals.cancelled());
      return;
    }
    Cancel attempt = running;
    if (attempt != null) {
      attempt.cancel();
    }
    Hedge beside = hedge;
    if (beside != null) {
      beside.cancel();
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
  @Override
  public void run() {
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
        renew();
      }
      Assignment assigned =
          Assignment.of(
              call,
              plan,
              snapshot.sharesHold(plan, now),
              life.upstream::available,
              arm -> (slot = life.upstream.slot(arm, call.criticality(), false, null)) != null);
      LiveTrace trace = call.notes().trace();
      if (trace != null) {
        trace.stage("split", now, life.time.nanoTime());
      }
      count(assigned);
      first(assigned, now);
    } catch (Fault refusal) {
      refuse(refusal);
    }
  }

  private void renew() {
    DataContract before = plan.route().getContract();
    snapshot = life.keeper.current();
    plan = CallLife.plan(call, snapshot);
    ContractCheck contract = plan.contract();
    if (contract != null && !plan.route().getContract().equals(before)) {
      InferCall checked = life.contracts.check(call, contract);
      int grown = checked.body().length - call.body().length;
      if (grown != 0) {
        life.admission.giveBack(-grown);
      }
      call = checked;
    }
  }

  private void refuse(Fault refusal) {
    life.admission.giveBack(call.body().length);
    if (hasPlace) {
      life.lineage.release();
    }
    reply.fail(call.predictionId(), refusal, call.notes());
    life.onlookers.refused(call, null, refusal);
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
      String sequence = call.sequenceId();
      chosen =
          sequence == null
              ? life.upstream.slot(arm, call.criticality(), !assigned.rescuable(), null)
              : life.upstream.sticky(
                  arm, call.criticality(), StableHash.of(StableHash.seed(call.model()), sequence));
      slot = chosen;
    }
    SecondAttempts.Budgets seconds = life.seconds.of(plan);
    budgets = seconds;
    if (assigned.rescuable()) {
      seconds.rescues.earn(failoverBp());
    } else {
      seconds.retry.earn();
    }
    if (chosen == null) {
      Fault none =
          life.upstream.available(arm)
              ? life.admission.backendsBusy(
                  call.criticality(), call.clientId(), arm.arm().getName())
              : Refusals.noBackend(call.clientId(), arm.arm().getName());
      firstEnded(assigned, Answer.failed(Outcome.BAD_UNAVAILABLE, none, 0, true));
      return;
    }
    long usable = usableNanos(remaining);
    long limit = assigned.rescuable() ? tryNanos : Math.min(whole, usable);
    Hedge beside =
        plan.route().hasHedging() && arm.role() == Role.CHAMPION && !call.inSequence()
            ? new Hedge(life.seconds, new Beside(assigned, seconds), isEvidence(assigned))
            : null;
    if (beside != null) {
      hedge = beside;
    }
    boolean drilled = assigned.judged() && arm.arm().hasFault();
    if (plan.benchmark() != null) {
      benchmark = life.benchmarks.ask(call, plan);
    }
    send(
        chosen,
        arm,
        limit,
        !assigned.rescuable() && usable <= whole,
        () -> sent(assigned),
        answer -> {
          if (drilled) {
            spoil(assigned, answer, limit);
          } else {
            firstEnded(assigned, answer);
          }
        });
    if (beside != null) {
      seconds.earnHedge();
      beside.started(life.seconds.hedgeLater(plan.route(), seconds, beside::fire));
    }
  }

  /** Whether anything is counted of the first attempt's end: for a rollout, or for a pair. */
  private boolean isEvidence(Assignment assigned) {
    return (assigned.copied() && !plan.copies().isEmpty()) || (assigned.judged() && cell != null);
  }

  /** The second attempt beside this call's first. */
  private final class Beside implements Hedge.Side {
    private final Assignment assigned;
    private final SecondAttempts.Budgets seconds;
    private final long sinceNanos = life.time.nanoTime();

    Beside(Assignment assigned, SecondAttempts.Budgets seconds) {
      this.assigned = assigned;
      this.seconds = seconds;
    }

    @Override
    public @Nullable Cancel send(Race race, Consumer<Answer> done) {
      long now = life.time.nanoTime();
      long usable = usableNanos(call.remainingNanos(now));
      Upstream.Slot other =
          usable <= 0 ? null : life.upstream.slot(assigned.arm(), call.criticality(), false, slot);
      if (other == null) {
        return null;
      }
      if (!seconds.takeHedge()) {
        life.upstream.release(other);
        return null;
      }
      if (!race.secondBegins()) {
        seconds.giveBackHedge();
        life.upstream.release(other);
        return null;
      }
      life.seconds.countHedge();
      long whole = wholeTryNanos();
      long waited = now - sinceNanos;
      return attempt(
          other,
          assigned.arm(),
          Math.min(whole, usable),
          usable <= whole,
          () -> {},
          answer -> {
            answeredNanos = life.time.nanoTime();
            done.accept(guarded(deadlineOrCancel(answer.after(answer.latencyNanos() + waited))));
          });
    }

    @Override
    public boolean clientGone() {
      return clientGone;
    }

    @Override
    public void finish(Answer answer, boolean firstHasEnded) {
      if (!firstHasEnded) {
        sentNanos = sinceNanos;
      }
      conclude(assigned, answer, assigned.arm(), firstHasEnded ? firstAnswer : null);
    }

    @Override
    public void cancelFirst() {
      Cancel first = running;
      if (first != null) {
        first.cancel();
      }
    }
  }

  /** What an attempt may take of the time that is left: the router has to answer in the rest. */
  private long usableNanos(long remaining) {
    return remaining == Long.MAX_VALUE
        ? remaining
        : remaining - Math.min(life.settings.reserveNanos(), Math.max(0, remaining / 10));
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
    Cancel attempt = attempt(to, arm, limitNanos, limitIsDeadline, sent, done);
    running = attempt;
    if (clientGone) {
      attempt.cancel();
    }
  }

  private Cancel attempt(
      Upstream.Slot to,
      ArmPlan arm,
      long limitNanos,
      boolean limitIsDeadline,
      Runnable sent,
      Consumer<Answer> done) {
    LiveTrace trace = call.notes().trace();
    Headers headers = call.headers();
    Consumer<Answer> end = done;
    if (trace != null) {
      TraceContext as = trace.child();
      long from = life.time.nanoTime();
      headers = new TracedHeaders(headers, as);
      end =
          answer -> {
            CallSpans.attempt(trace, as, arm, to.host(), false, from, answer);
            done.accept(answer);
          };
    }
    AttemptOptions options =
        new AttemptOptions(
            call.predictionId(), call.clientId(), headers, limitNanos, limitIsDeadline, false);
    return life.upstream.send(to, arm, Message.of(call.body()), options, sent, end);
  }

  private void firstEnded(Assignment assigned, Answer raw) {
    answeredNanos = life.time.nanoTime();
    sentNanos = answeredNanos - raw.latencyNanos();
    Answer answer = guarded(deadlineOrCancel(raw));
    firstAnswer = answer;
    if (answer.isOk() && assigned.arm().role() == Role.CHAMPION && !plan.passesThrough()) {
      life.admission.answered(call.model(), raw.latencyNanos(), call.arrivalNanos());
    }
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
    SecondAttempts.Budgets seconds = budgets;
    Hedge beside = hedge;
    if (beside == null || seconds == null) {
      firstEndedAlone(assigned, answer);
      return;
    }
    if (answer.isOk() || (raw.outcome() == Outcome.CANCELLED_BY_CLIENT && !clientGone)) {
      // A loser that was called off would have taken longer still; left out, the slow ones would
      // be missing, and each hedge would make the next one earlier.
      seconds.latency.record(answer.latencyNanos());
    }
    switch (beside.firstEnded(answer)) {
      case ANSWER, ANSWER_FIRST -> conclude(assigned, answer, assigned.arm(), answer);
      case ALONE -> firstEndedAlone(assigned, answer);
      case TOO_LATE -> meet(answer);
      case WAIT, ANSWER_EARLY -> {}
    }
  }

  private void firstEndedAlone(Assignment assigned, Answer answer) {
    if (!answer.isBad() || clientGone || !again(assigned, answer)) {
      conclude(assigned, answer, assigned.arm(), answer);
    }
  }

  /** A second attempt, for the client's sake only. */
  private boolean again(Assignment assigned, Answer failed) {
    long now = life.time.nanoTime();
    long remaining = call.remainingNanos(now);
    SecondAttempts.Budgets seconds = budgets;
    if (remaining <= 0 || seconds == null || call.inSequence()) {
      return false;
    }
    ArmPlan champion = plan.champion();
    Upstream.Slot next;
    if (assigned.rescuable()) {
      next = rescuer(champion, seconds);
    } else if (assigned.arm().role() == Role.CHAMPION
        && failed.outcome() == Outcome.BAD_UNAVAILABLE) {
      next = life.upstream.slot(champion, call.criticality(), false, slot);
      if (next != null && !seconds.retry.take(now)) {
        life.upstream.release(next);
        return false;
      }
      if (next != null) {
        life.seconds.countRetry();
      }
    } else {
      return false;
    }
    if (next == null) {
      return false;
    }
    long whole = wholeTryNanos();
    long usable = usableNanos(remaining);
    send(
        next,
        champion,
        Math.min(whole, usable),
        usable <= whole,
        () -> {},
        answer -> {
          answeredNanos = life.time.nanoTime();
          Answer second = guarded(deadlineOrCancel(answer));
          ArmCell counts = cell;
          if (second.isOk() && assigned.rescuable() && counts != null) {
            counts.rescued();
          }
          conclude(assigned, second, champion, failed);
        });
    return true;
  }

  /** The champion's backend that answers instead; null when it has no room, or enough of that. */
  private Upstream.@Nullable Slot rescuer(ArmPlan champion, SecondAttempts.Budgets seconds) {
    if (!life.upstream.hasRoom(champion)) {
      life.seconds.countWithoutRoom();
      return null;
    }
    Upstream.Slot found = life.upstream.slot(champion, call.criticality(), true, null);
    if (found != null && !seconds.rescues.take()) {
      life.upstream.release(found);
      return null;
    }
    return found;
  }

  /** A good answer may still be doubtful; evidence has been taken. */
  private void conclude(Assignment assigned, Answer answer, ArmPlan by, @Nullable Answer first) {
    byte[] response = answer.response();
    if (response != null && !clientGone && plan.guard().doubts()) {
      new SecondLook(call, plan.guard(), benchmark, new Hands(assigned, first))
          .look(answer, response, by);
      return;
    }
    Benchmarks.Asked asked = benchmark;
    if (asked != null) {
      asked.drop();
    }
    finish(assigned, answer, by, first);
  }

  private final class Hands implements SecondLook.Hands {
    private final Assignment assigned;
    private final @Nullable Answer first;

    Hands(Assignment assigned, @Nullable Answer first) {
      this.assigned = assigned;
      this.first = first;
    }

    @Override
    public void give(Answer answer, ArmPlan by) {
      finish(assigned, answer, by, first);
    }

    @Override
    public boolean askChampion(Answer otherwise, ArmPlan by) {
      long remaining = call.remainingNanos(life.time.nanoTime());
      SecondAttempts.Budgets seconds = budgets;
      if (clientGone || remaining <= 0 || seconds == null || call.inSequence()) {
        return false;
      }
      ArmPlan champion = plan.champion();
      Upstream.Slot next = rescuer(champion, seconds);
      if (next == null) {
        return false;
      }
      long whole = wholeTryNanos();
      long usable = usableNanos(remaining);
      send(
          next,
          champion,
          Math.min(whole, usable),
          usable <= whole,
          () -> {},
          answer -> {
            answeredNanos = life.time.nanoTime();
            Answer second = guarded(deadlineOrCancel(answer));
            if (second.isOk()) {
              call.notes().flag("guard.fallback");
              finish(assigned, second, champion, first);
            } else {
              call.notes().review("guard.no-fallback");
              finish(assigned, otherwise, by, first);
            }
          });
      return true;
    }
  }

  private long wholeTryNanos() {
    return life.settings.tryNanos(plan);
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
    if (response == null || plan.passesThrough()) {
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

  /**
   * The client first, then step 12.
   *
   * @param first the end of the first attempt; null while that is still under way
   */
  private void finish(
      Assignment assigned, Answer answer, ArmPlan answered, @Nullable Answer first) {
    long from = answeredNanos;
    life.admission.giveBack(call.body().length);
    byte[] response = answer.response();
    if (response != null) {
      boolean wantsId = !plan.passesThrough() && call.wantsId();
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
        first,
        new Recording.Spent(now - call.arrivalNanos(), sentNanos - call.arrivalNanos(), now - from),
        hasPlace);
    life.onlookers.finished(call, plan, assigned.arm(), answered, answer, verdict);
    if (first != null) {
      meet(first);
    }
  }

  private void meet(Answer first) {
    if (meeting.compareAndExchange(null, first) instanceof Mirror.Ticket ticket) {
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
    boolean same = !answered.renamed() && !answered.reversioned();
    if (same) {
      return wantsId ? IdTail.of(call.predictionId()) : NO_TAIL;
    }
    return InferRequests.overrides(
        answered.renamed() ? call.model() : null,
        answered.reversioned() ? answered.version() : null,
        wantsId
            ? Map.of(InferCall.ID_PARAMETER, new ParameterValue.Text(call.predictionId()))
            : Map.of());
  }
}
