package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.admission.Method;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.call.Reply;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.upstream.Upstream;
import dev.understudy.router.validation.DataContracts;
import dev.understudy.router.validation.Validation;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The first half of a call's life: everything that can refuse it while no backend knows of it. The
 * second half is a {@link Flight}. Any thread; nothing waits.
 */
final class CallLife implements InferService {
  private static final Cancel NOTHING = () -> {};
  private static final int MOST_NAME_CHARS = 256;

  final Authenticator authenticator;
  final Admission admission;
  final TableKeeper keeper;
  final Upstream upstream;
  final Mirror mirror;
  final Lineage lineage;
  final Recording recording;
  final Drill drill;
  final DataContracts contracts;
  final Benchmarks benchmarks;
  final Onlookers onlookers;
  final SecondAttempts seconds;
  final LifeSettings settings;
  final TimeSource time;
  private final TimeOrderedIds ids;

  CallLife(
      Authenticator authenticator,
      Admission admission,
      TableKeeper keeper,
      Upstream upstream,
      Mirror mirror,
      Lineage lineage,
      Recording recording,
      Drill drill,
      DataContracts contracts,
      Benchmarks benchmarks,
      Onlookers onlookers,
      SecondAttempts seconds,
      LifeSettings settings,
      TimeSource time,
      TimeOrderedIds ids) {
    this.authenticator = authenticator;
    this.admission = admission;
    this.keeper = keeper;
    this.upstream = upstream;
    this.mirror = mirror;
    this.lineage = lineage;
    this.recording = recording;
    this.drill = drill;
    this.contracts = contracts;
    this.benchmarks = benchmarks;
    this.onlookers = onlookers;
    this.seconds = seconds;
    this.settings = settings;
    this.time = time;
    this.ids = ids;
  }

  @Override
  public Ticket open(Headers headers, long deadlineNanos, boolean stream) {
    long now = time.nanoTime();
    LiveTrace trace = stream ? null : onlookers.begin(headers, now);
    Principal principal = null;
    try {
      principal = authenticator.authenticate(headers);
      authenticator.checkInfer(principal);
      long known = trace == null ? now : time.nanoTime();
      Criticality criticality = admission.classOf(principal, headers);
      Method method = stream ? Method.STREAM : Method.INFER;
      admission.enter(principal.name(), criticality, method, deadlineNanos, now);
      if (trace != null) {
        trace.stage("auth", now, known);
        trace.stage("admission", known, time.nanoTime());
      }
      return new Admitted(principal, criticality, method, headers, now, deadlineNanos, trace);
    } catch (RuntimeException e) {
      onlookers.refused(trace, principal, now, Fault.from(e));
      throw e;
    }
  }

  /** What callers of the rare methods must pass. */
  Gate gate() {
    return new Gate() {
      @Override
      public Principal authenticate(Headers headers) {
        Principal principal = authenticator.authenticate(headers);
        admission.ask(principal.name(), time.nanoTime());
        return principal;
      }

      @Override
      public void checkRead(Principal principal, String model) {
        authenticator.checkRead(principal, model);
      }
    };
  }

  private final class Admitted implements Ticket {
    private final Principal principal;
    private final Criticality criticality;
    private final Method method;
    private final Headers headers;
    private final long openedNanos;
    private final long deadlineNanos;
    private final @Nullable LiveTrace trace;
    private final AtomicBoolean left = new AtomicBoolean();

    Admitted(
        Principal principal,
        Criticality criticality,
        Method method,
        Headers headers,
        long openedNanos,
        long deadlineNanos,
        @Nullable LiveTrace trace) {
      this.principal = principal;
      this.criticality = criticality;
      this.method = method;
      this.headers = headers;
      this.openedNanos = openedNanos;
      this.deadlineNanos = deadlineNanos;
      this.trace = trace;
    }

    @Override
    public Cancel infer(byte[] message, Reply reply) {
      String id = ids.next();
      Notes notes = new Notes();
      boolean taken = false;
      InferCall call = null;
      long now = time.nanoTime();
      notes.trace(method == Method.STREAM ? onlookers.begin(headers, now) : trace);
      try {
        admission.takeBytes(criticality, message.length);
        taken = true;
        call = read(id, message, now, notes);
        authenticator.checkModel(principal, call.model(), call.clientId());
        admission.takeMessage(
            principal.name(),
            criticality,
            method,
            call.model(),
            message.length,
            openedNanos,
            now,
            notes);
        return begin(call, reply);
      } catch (RuntimeException e) {
        if (taken) {
          admission.giveBack(message.length);
        }
        Fault refusal = Fault.from(e);
        reply.fail(id, refusal, notes);
        if (call == null) {
          onlookers.refused(
              id,
              principal,
              notes,
              method == Method.STREAM ? now : openedNanos,
              message.length,
              refusal);
        } else {
          onlookers.refused(call, null, refusal);
        }
        return NOTHING;
      }
    }

    private InferCall read(String id, byte[] message, long now, Notes notes) {
      try {
        InferRequestView view = InferRequestView.parse(ByteBuffer.wrap(message));
        return new InferCall(
            id,
            principal,
            headers,
            view,
            message,
            view.modelName(),
            view.modelVersion(),
            view.id(),
            method == Method.STREAM ? now : openedNanos,
            now,
            time.wallMillis(),
            deadlineNanos,
            criticality,
            notes);
      } catch (MalformedMessageException e) {
        throw Refusals.malformed(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public void close() {
      if (left.compareAndSet(false, true)) {
        admission.leave();
      }
    }
  }

  private Cancel begin(InferCall received, Reply reply) {
    Snapshot snapshot = keeper.current();
    ModelPlan plan = plan(received, snapshot);
    long now = received.arrivalNanos();
    if (!plan.passesThrough()) {
      admission.checkTime(
          received.criticality(),
          received.clientId(),
          received.model(),
          received.remainingNanos(now),
          now);
    }
    ContractCheck contract = plan.contract();
    InferCall call = contract == null ? received : contracts.check(received, contract);
    Patterns.Verdict verdict = onlookers.fits(call, plan);
    // A message that was put right may have another length; what is given back later is its own.
    int grown = call.body().length - received.body().length;
    if (grown != 0) {
      admission.giveBack(-grown);
    }
    Flight flight = new Flight(this, call, plan, snapshot, reply, verdict);
    if (lineage.reserve()) {
      flight.start(true);
      return flight;
    }
    LineageOverflow policy = plan.route().getLineageOverflow();
    if (policy == LineageOverflow.LINEAGE_REFUSE
        || (policy == LineageOverflow.LINEAGE_BLOCK && !lineage.await(flight))) {
      admission.giveBack(grown);
      throw Refusals.noRoomForLineage(call.clientId());
    }
    if (policy != LineageOverflow.LINEAGE_BLOCK) {
      lineage.countDropped();
      flight.start(false);
    }
    return flight;
  }

  /**
   * The plan for a call's model, which the call fits.
   *
   * @throws Fault when it does not fit, or there is none
   */
  static ModelPlan plan(InferCall call, Snapshot snapshot) {
    ModelPlan plan = snapshot.plan(call.model());
    if (plan == null) {
      throw Refusals.unknownModel(call.clientId(), call.model());
    }
    if (plan.passesThrough()) {
      int length = call.model().length();
      if (length < 1 || length > MOST_NAME_CHARS) {
        throw Refusals.unusableModelName(call.clientId(), length, MOST_NAME_CHARS);
      }
      Validation.checkUnlisted(call.request());
      return plan;
    }
    SignatureCheck signature = plan.signature();
    if (signature == null) {
      throw Refusals.notReady(call.clientId(), call.model(), plan.champion().version());
    }
    Validation.check(call.request(), signature);
    return plan;
  }
}
