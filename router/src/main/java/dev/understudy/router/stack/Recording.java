package dev.understudy.router.stack;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.tensor.InferResponseView;
import dev.understudy.proto.tensor.MalformedMessageException;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.ServerTiming;
import dev.understudy.proto.v1.SliceLabel;
import dev.understudy.proto.v1.SliceLabels;
import dev.understudy.proto.v1.TensorValue;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.hash.Sampler;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.mirror.Pair;
import dev.understudy.router.record.ArmCell;
import dev.understudy.router.record.CellKey;
import dev.understudy.router.record.Evidence;
import dev.understudy.router.record.KeptLabels;
import dev.understudy.router.record.KeyLedger;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.PairKey;
import dev.understudy.router.record.PairTallies;
import dev.understudy.router.record.RequestCounts;
import dev.understudy.router.record.SideStream;
import dev.understudy.router.record.StageTimes;
import dev.understudy.router.record.StageTimes.Stage;
import dev.understudy.router.slices.Disclosure;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Step 12: what a finished call leaves behind, after the client has its answer. What may leave is
 * decided here, by the contract, before anything is offered to a stream. Any thread.
 */
final class Recording implements Mirror.Results {
  private static final int MAX_KEYS = 200_000;
  private static final int MAX_ROLLOUTS = 64;

  private final Evidence evidence;
  private final Lineage lineage;
  private final StageTimes times;
  private final @Nullable SideStream<Comparison, ComparisonSummary> comparisons;
  private final @Nullable SideStream<PayloadRecord, PayloadSummary> payloads;
  private final Sampler payloadSampler = new Sampler("payload");
  private final ConcurrentHashMap<String, KeyLedger> ledgers = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, KeptLabels> labels = new ConcurrentHashMap<>();
  // The keys of labels, oldest first; its lock is that of their writers.
  private final ArrayDeque<String> labelled = new ArrayDeque<>();
  private final RequestCounts requests = new RequestCounts();
  private final Decisions decisions = new Decisions();

  Recording(
      Evidence evidence,
      Lineage lineage,
      StageTimes times,
      @Nullable SideStream<Comparison, ComparisonSummary> comparisons,
      @Nullable SideStream<PayloadRecord, PayloadSummary> payloads) {
    this.evidence = evidence;
    this.lineage = lineage;
    this.times = times;
    this.comparisons = comparisons;
    this.payloads = payloads;
  }

  /**
   * How long a call took.
   *
   * @param totalNanos from its arrival until it was answered
   * @param decideNanos from its arrival until it was sent
   * @param answerNanos from the backend's answer until the client's
   */
  record Spent(long totalNanos, long decideNanos, long answerNanos) {}

  /** The cell of an assignment, or null when no rollout is under way. */
  @Nullable ArmCell cell(ModelPlan plan, Assignment assigned) {
    ModelRoute route = plan.route();
    return route.getRolloutId().isEmpty()
        ? null
        : evidence.cell(
            new CellKey(
                route.getRolloutId(),
                route.getModel(),
                route.getDecisionRevision(),
                assigned.canaryBp(),
                assigned.controlBp(),
                assigned.arm().role(),
                assigned.arm().version()));
  }

  void keySeen(ModelPlan plan, String key, ArmCell cell) {
    ledger(plan).seen(plan.route().getRolloutId(), plan.split().keyHash(key), cell);
  }

  void keyBad(ModelPlan plan, String key, ArmCell cell) {
    ledger(plan).bad(plan.route().getRolloutId(), plan.split().keyHash(key), cell);
  }

  private KeyLedger ledger(ModelPlan plan) {
    return ledgers.computeIfAbsent(plan.model(), model -> new KeyLedger(MAX_KEYS));
  }

  /**
   * What else is counted of a first attempt whose outcome has been: its slices, where its time
   * went, and the machine that answered.
   *
   * @param host of the backend that was asked; empty when there was none
   */
  void measured(
      InferCall call, ModelPlan plan, ArmCell cell, Outcome outcome, Answer answer, String host) {
    if (plan.disclosure().labels()) {
      KeptLabels kept = labels(plan);
      for (SliceLabel label :
          plan.disclosure().distinct(call.request(), call.principal().name(), batch(call, plan))) {
        cell.endedIn(kept.of(label), outcome, answer.latencyNanos());
      }
    }
    if (outcome != Outcome.OK) {
      return;
    }
    ServerTiming timing = timing(answer);
    if (timing == null) {
      cell.answeredBy(host);
    } else {
      cell.timed(timing, answer.latencyNanos());
      cell.answeredBy(timing.getNode().isEmpty() ? host : timing.getNode());
    }
  }

  /** Of the call's own rollout, which may have ended while the call was under way. */
  private KeptLabels labels(ModelPlan plan) {
    String rollout = plan.route().getRolloutId();
    KeptLabels kept = labels.get(rollout);
    return kept != null ? kept : newLabels(rollout, plan.route().getContract().getSlicesCount());
  }

  private KeptLabels newLabels(String rollout, int slices) {
    synchronized (labelled) {
      KeptLabels kept = labels.get(rollout);
      if (kept == null) {
        kept = new KeptLabels(slices);
        labels.put(rollout, kept);
        labelled.add(rollout);
        if (labelled.size() > MAX_ROLLOUTS) {
          labels.remove(labelled.remove());
        }
      }
      return kept;
    }
  }

  private static long batch(InferCall call, ModelPlan plan) {
    SignatureCheck signature = plan.signature();
    return signature == null ? 1 : signature.batchSize(call.request());
  }

  /** Calls by what their callers were told. */
  RequestCounts requests() {
    return requests;
  }

  void finished(
      InferCall call,
      ModelPlan plan,
      RoutingTable table,
      Assignment assigned,
      ArmPlan answered,
      Answer answer,
      @Nullable Answer first,
      Spent spent,
      boolean hasPlace) {
    Fault fault = answer.fault();
    Outcome firstOutcome = first == null ? answer.outcome() : first.outcome();
    if (hasPlace) {
      lineage.record(
          decisions.of(call, plan, table, assigned, answered),
          call,
          firstOutcome,
          fault == null ? 0 : fault.code().value(),
          spent.totalNanos());
    }
    requests.count(plan.label(), answered.role(), fault == null ? "OK" : fault.code().name());
    StageTimes.Times kept = times.of(plan.label(), answered);
    kept.record(Stage.TOTAL, spent.totalNanos());
    kept.record(Stage.UPSTREAM, answer.latencyNanos());
    kept.record(Stage.RECEIVE, call.arrivalNanos() - call.openedNanos());
    kept.record(Stage.DECIDE, spent.decideNanos());
    kept.record(Stage.ANSWER, spent.answerNanos());
    if (assigned.arm().role() == answered.role()) {
      kept.record(Stage.ROUTER, spent.totalNanos() - answer.latencyNanos());
    }
    if (first != null && first.isOk() && first.response() != null) {
      // Whatever the client was given instead, this is what the arm has answered by the draw: an
      // arm whose doubtful answers were missing would look better than it is.
      payload(call, plan, assigned.arm(), first, assigned.canaryBp());
    } else if (answer.response() != null) {
      payload(call, plan, answered, answer, weightBp(assigned, answered));
    }
  }

  /**
   * The canary's probability under which the answer speaks for its arm; 0 where it speaks for none.
   * A rescue is the champion's answer to a request that was drawn for another arm: it says nothing
   * of the arm that failed, and the champion has it only because that arm failed, so it is no draw
   * of the champion's either. With weight 0 no unpaired evidence takes it up.
   */
  private static int weightBp(Assignment assigned, ArmPlan answered) {
    return assigned.arm().role() == answered.role() ? assigned.canaryBp() : 0;
  }

  @Override
  public void pair(Pair pair) {
    ModelPlan plan = pair.plan();
    Answer copy = pair.copy();
    times.of(plan.model(), pair.arm()).record(Stage.UPSTREAM, copy.latencyNanos());
    if (pair.champion().outcome() == Outcome.CANCELLED_BY_CLIENT) {
      return;
    }
    InferResponseView view = view(copy);
    byte[] copied = copy.response();
    boolean copyOk =
        view != null && copied != null && plan.guard().refusal("", copied, view) == null;
    PairTallies tallies = tallies(plan, pair.arm());
    if (tallies != null) {
      tallies.pair(pair.champion().isOk(), copyOk, copy.latencyNanos());
    }
    if (view == null) {
      return;
    }
    compare(pair, view);
    payload(pair.call(), plan, pair.arm(), copy, 0);
  }

  @Override
  public void dropped(ModelPlan plan, ArmPlan arm) {
    PairTallies tallies = tallies(plan, arm);
    if (tallies != null) {
      tallies.dropped();
    }
  }

  private @Nullable PairTallies tallies(ModelPlan plan, ArmPlan arm) {
    ModelRoute route = plan.route();
    return route.getRolloutId().isEmpty()
        ? null
        : evidence.pairs(
            new PairKey(
                route.getRolloutId(),
                route.getModel(),
                route.getDecisionRevision(),
                arm.role(),
                arm.version()));
  }

  private void compare(Pair pair, InferResponseView copy) {
    SideStream<Comparison, ComparisonSummary> stream = comparisons;
    InferResponseView champion = view(pair.champion());
    if (stream == null || champion == null) {
      return;
    }
    if (!stream.hasRoom((long) champion.messageSize() + copy.messageSize())) {
      stream.countDropped();
      return;
    }
    InferCall call = pair.call();
    Disclosure disclosure = pair.plan().disclosure();
    Comparison.Builder comparison =
        Comparison.newBuilder()
            .setPredictionId(call.predictionId())
            .setRolloutId(pair.plan().route().getRolloutId())
            .setModel(call.model())
            .setUnixMs(call.arrivalUnixMs())
            .setRole(pair.arm().role())
            .setChampionVersion(pair.plan().champion().version())
            .setVersion(pair.arm().version())
            .addAllChampionOutputs(disclosure.outputs(champion))
            .addAllOutputs(disclosure.outputs(copy))
            .addAllRows(
                disclosure.slices(
                    call.request(), call.principal().name(), batch(call, pair.plan())));
    TensorValue features = disclosure.features(call.request());
    if (features != null) {
      comparison.setFeatures(features);
    }
    ServerTiming championTiming = timing(pair.champion());
    if (championTiming != null) {
      comparison.setChampionTiming(championTiming);
    }
    ServerTiming timing = timing(pair.copy());
    if (timing != null) {
      comparison.setTiming(timing);
    }
    stream.offer(comparison.build());
  }

  private void payload(
      InferCall call, ModelPlan plan, ArmPlan arm, Answer answer, int canaryWeightBp) {
    SideStream<PayloadRecord, PayloadSummary> stream = payloads;
    if (stream == null
        || !payloadSampler.picks(call.predictionId(), plan.route().getPayloadSampleBp())) {
      return;
    }
    InferResponseView view = view(answer);
    if (view == null) {
      return;
    }
    if (!stream.hasRoom(view.messageSize())) {
      stream.countDropped();
      return;
    }
    Disclosure disclosure = plan.disclosure();
    PayloadRecord.Builder payload =
        PayloadRecord.newBuilder()
            .setPredictionId(call.predictionId())
            .setUnixMs(call.arrivalUnixMs())
            .setModel(call.model())
            .setRole(arm.role())
            .setVersion(arm.version())
            .setRolloutId(plan.route().getRolloutId())
            .setCanaryWeightBp(canaryWeightBp)
            .addAllScores(disclosure.scores(view))
            .addAllOutputs(disclosure.outputs(view));
    TensorValue features = disclosure.features(call.request());
    if (features != null) {
      payload.setFeatures(features);
    }
    List<SliceLabels> rows =
        disclosure.slices(call.request(), call.principal().name(), batch(call, plan));
    if (rows.size() == 1) {
      // The record has one set of labels; with several rows none of them would be the case's.
      payload.addAllSlices(rows.getFirst().getLabelsList());
    }
    ServerTiming timing = timing(answer);
    if (timing != null) {
      payload.setTiming(timing);
    }
    stream.offer(payload.build());
  }

  private static @Nullable InferResponseView view(Answer answer) {
    byte[] response = answer.response();
    if (response == null) {
      return null;
    }
    try {
      return InferResponseView.parse(ByteBuffer.wrap(response));
    } catch (MalformedMessageException e) {
      return null;
    }
  }

  private static @Nullable ServerTiming timing(Answer answer) {
    byte[] timing = answer.timing();
    if (timing == null) {
      return null;
    }
    try {
      return ServerTiming.parseFrom(timing);
    } catch (InvalidProtocolBufferException foreign) {
      return null;
    }
  }
}
