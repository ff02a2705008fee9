package dev.understudy.router.stack;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.call.Cancel;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.call.Reply;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.upstream.FailoverAllowance;
import dev.understudy.router.upstream.Upstream;
import dev.understudy.router.validation.DataContracts;
import dev.understudy.router.validation.Validation;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The first half of a call's life: everything that can refuse it while no backend knows of it. The
 * second half is a {@link Flight}. Any thread; nothing waits.
 */
final class CallLife implements InferService {
  private static final Cancel NOTHING = () -> {};

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
  final LifeSettings settings;
  final TimeSource time;
  private final TimeOrderedIds ids;
  private final ConcurrentHashMap<String, FailoverAllowance> allowances = new ConcurrentHashMap<>();

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
    this.settings = settings;
    this.time = time;
    this.ids = ids;
  }

  @Override
  public Ticket open(Headers headers, long deadlineNanos, boolean stream) {
    Principal principal = authenticator.authenticate(headers);
    long now = time.nanoTime();
    if (!stream) {
      admission.takeRequest(principal, now);
    }
    admission.enter(deadlineNanos, now);
    return new Admitted(principal, headers, now, deadlineNanos, stream);
  }

  FailoverAllowance allowance(String model) {
    FailoverAllowance allowance = allowances.get(model);
    return allowance != null
        ? allowance
        : allowances.computeIfAbsent(
            model, name -> new FailoverAllowance(settings.failoverBurst()));
  }

  private final class Admitted implements Ticket {
    private final Principal principal;
    private final Headers headers;
    private final long openedNanos;
    private final long deadlineNanos;
    private final boolean stream;
    private final AtomicBoolean left = new AtomicBoolean();

    Admitted(
        Principal principal,
        Headers headers,
        long openedNanos,
        long deadlineNanos,
        boolean stream) {
      this.principal = principal;
      this.headers = headers;
      this.openedNanos = openedNanos;
      this.deadlineNanos = deadlineNanos;
      this.stream = stream;
    }

    @Override
    public Cancel infer(byte[] message, Reply reply) {
      String id = ids.next();
      Notes notes = new Notes();
      boolean taken = false;
      try {
        long now = time.nanoTime();
        if (stream) {
          admission.takeRequest(principal, now);
        }
        admission.takeBytes(message.length);
        taken = true;
        InferCall call = read(id, message, now, notes);
        return begin(call, reply);
      } catch (RuntimeException e) {
        if (taken) {
          admission.giveBack(message.length);
        }
        reply.fail(id, Fault.from(e), notes);
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
            stream ? now : openedNanos,
            now,
            time.wallMillis(),
            deadlineNanos,
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
    ContractCheck contract = plan.contract();
    InferCall call = contract == null ? received : contracts.check(received, contract);
    // A message that was put right may have another length; what is given back later is its own.
    int grown = call.body().length - received.body().length;
    if (grown != 0) {
      admission.giveBack(-grown);
    }
    Flight flight = new Flight(this, call, plan, snapshot, reply);
    if (lineage.reserve()) {
      flight.start(true);
      return flight;
    }
    LineageOverflow policy = plan.route().getLineageOverflow();
    if (policy == LineageOverflow.LINEAGE_REFUSE
        || (policy == LineageOverflow.LINEAGE_BLOCK && !lineage.await(flight::startAfterWait))) {
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
    SignatureCheck signature = plan.signature();
    if (signature == null) {
      throw Refusals.notReady(call.clientId(), call.model(), plan.champion().version());
    }
    Validation.check(call.request(), signature);
    return plan;
  }
}
