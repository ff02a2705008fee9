package dev.understudy.router.stack;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.rpc.Backoff;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.rpc.ResilientStream;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.chassis.security.Tokens;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.HistogramSummary;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.StageHistograms;
import dev.understudy.router.admin.AdminService;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.admission.RateLimiter;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.control.RoutingWatch;
import dev.understudy.router.control.TableFile;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.frontend.Frontend;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.record.BlockRing;
import dev.understudy.router.record.Evidence;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.SideStream;
import dev.understudy.router.record.StageTimes;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.upstream.AttemptOptions;
import dev.understudy.router.upstream.BackendQuestions;
import dev.understudy.router.upstream.Upstream;
import dev.understudy.router.validation.ContractTally;
import dev.understudy.router.validation.DataContracts;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The layers in their order. A call travels from top to bottom, its answer from bottom to top:
 *
 * <pre>
 *   frontend    knows the client; above everything, because the deadline starts here
 *   auth        before a byte of the message is asked for: strangers cost nothing
 *   admission   after auth, because quotas belong to principals; before the message is read
 *   validation  before the split, so that no arm is judged by requests that nobody could answer
 *   split       after validation: everything assigned is in the trial
 *   upstream    one attempt in the arm assigned; its end is evidence
 *   guard       above upstream and below evidence: an answer that must not be given is a failure
 *   evidence    below failover, so that no rescue repairs it
 *   failover    above evidence: for the client only
 *   mirror      beside upstream, from the moment the original is sent
 *   record      after the answer has been given: nobody waits for it
 * </pre>
 *
 * <p>{@link CallLife} walks the upper half, {@link Flight} the lower. Everything is wired here, and
 * nothing below knows what is beside it.
 */
public final class RouterStack implements AdminService.Desk {
  private static final RandomGenerator RANDOM = () -> ThreadLocalRandom.current().nextLong();
  private static final long MOST_BENCHMARKS = 1_024;
  private static final Duration REPORT_EVERY = Duration.ofSeconds(3);
  private static final Duration LINEAGE_EVERY = Duration.ofMillis(100);
  private static final Duration ASK_EVERY = Duration.ofMillis(500);

  private final RouterConfig config;
  private final TimeSource time;
  private final Scheduler scheduler;
  private final TableKeeper keeper;
  private final SignatureLearner learner;
  private final Evidence evidence;
  private final BlockRing blocks;
  private final Lineage lineage;
  private final StageTimes times;
  private final RoutingWatch watch;
  private final Upstream upstream;
  private final Upstream copies;
  private final Admission admission;
  private final Budget copiesInFlight;
  private final Drill drill;
  private final ContractTally contractTally = new ContractTally();
  private final Benchmarks benchmarks;
  private final ArmStates armStates;
  private final Recording recording;
  private final @Nullable SideStream<Comparison, ComparisonSummary> comparisons;
  private final @Nullable SideStream<PayloadRecord, PayloadSummary> payloads;
  private final SideStream<StageHistograms, HistogramSummary> histograms =
      new SideStream<>(8 << 20);
  private final AtomicBoolean stopping = new AtomicBoolean();
  private final AtomicLong histogramsFrom;
  private final ServerServiceDefinition service;

  /**
   * Wires a router that has not been started.
   *
   * @param loops for clients and backends
   * @param mirrorLoops for copies alone
   * @throws IOException if the state folder cannot be made
   */
  public RouterStack(
      RouterConfig config,
      TimeSource time,
      Scheduler scheduler,
      EventLoops loops,
      EventLoops mirrorLoops)
      throws IOException {
    this.config = config;
    this.time = time;
    this.scheduler = scheduler;
    this.histogramsFrom = new AtomicLong(time.wallMillis());
    TimeOrderedIds ids = new TimeOrderedIds(time, RANDOM);
    String bootId = ids.next();

    // Step 12, built first because everything above reports to it.
    RouterConfig.Queues queues = config.queues();
    evidence = new Evidence(config.name(), bootId);
    blocks = new BlockRing(queues.blocks(), queues.blockBytes());
    boolean lineageIsKept = config.collector() != null;
    lineage = new Lineage(config.name(), bootId, lineageIsKept, queues.lineageRecords());
    times = new StageTimes(config.name());
    comparisons = config.evidence() == null ? null : new SideStream<>(queues.comparisonBytes());
    payloads = config.collector() == null ? null : new SideStream<>(queues.payloadBytes());
    recording = new Recording(evidence, lineage, times, comparisons, payloads);

    // Steps 6 and 11: two sets of connections, so that a copy never stands in a caller's way.
    // Copies
    // have no breaker: a dead shadow is a result, and what it may cost is bounded.
    ChannelOptions backends =
        ChannelOptions.plaintext()
            .withTls(config.upstream().tls())
            .withToken(config.upstream().token())
            .withMaxMessageBytes(config.limits().messageBytes());
    upstream = new Upstream(loops, backends, config.upstream().breaker(), time);
    copies = new Upstream(mirrorLoops, backends, null, time);
    BackendQuestions questions = new BackendQuestions(upstream);

    // What is in force, read by steps 4 to 11.
    Path state = config.state();
    TableFile file = state == null ? null : new TableFile(state);
    keeper = new TableKeeper(config.name(), bootId, time, file, lineageIsKept, this::applied);
    learner = new SignatureLearner(keeper, questions);
    watch = new RoutingWatch(keeper, blocks::unacknowledged);

    armStates = new ArmStates(keeper::current, upstream, copies, time);

    drill = new Drill(scheduler, time);
    RouterConfig.Mirroring mirroring = config.mirror();
    copiesInFlight = new Budget(mirroring.copies());
    Mirror mirror =
        new Mirror(
            copiesInFlight,
            new Budget(mirroring.bytes()),
            mirroring.timeout().toNanos(),
            this::sendCopy,
            recording);

    benchmarks = new Benchmarks(upstream, scheduler, new Budget(MOST_BENCHMARKS));

    // Steps 2 and 3.
    RouterConfig.Limits limits = config.limits();
    admission =
        new Admission(
            new RateLimiter(limits.quota(), limits.quotas(), 100_000),
            new Budget(limits.concurrentCalls()),
            new Budget(limits.bytesInFlight()));
    Authenticator authenticator = authenticator(config.keys());

    CallLife life =
        new CallLife(
            authenticator,
            admission,
            keeper,
            upstream,
            mirror,
            lineage,
            recording,
            drill,
            new DataContracts(contractTally),
            benchmarks,
            new LifeSettings(
                config.upstream().tryTimeout(),
                config.upstream().failoverBp(),
                config.upstream().failoverBurst()),
            time,
            ids);

    // Step 1.
    service =
        Frontend.service(
            life,
            new ChampionAnswers(keeper, questions, stopping::get),
            authenticator::authenticate,
            config.serverName(),
            time::nanoTime);
  }

  private static Authenticator authenticator(RouterConfig.@Nullable Keys keys) {
    return keys == null
        ? new Authenticator(null, Set.of())
        : new Authenticator(
            ApiKeys.read(keys.file(), Tokens.read(keys.secretFile())), Set.copyOf(keys.testers()));
  }

  private void sendCopy(InferCall call, ArmPlan arm, long timeoutNanos, Consumer<Answer> done) {
    Upstream.Slot slot = copies.slot(arm, true, null);
    if (slot == null) {
      throw new IllegalStateException("an arm without endpoints: " + arm.arm().getName());
    }
    var _ =
        copies.send(
            slot,
            arm,
            Message.of(call.body()),
            new AttemptOptions(call.predictionId(), "", call.headers(), timeoutNanos, false, true),
            () -> {},
            arm.arm().hasFault() ? answer -> spoil(call, arm, answer, timeoutNanos, done) : done);
  }

  private void spoil(
      InferCall call, ArmPlan arm, Answer real, long limitNanos, Consumer<Answer> done) {
    Answer told = drill.spoiled(arm, call, real);
    Drill.Held held = drill.held(arm, call, real, told, limitNanos, done);
    if (held == null) {
      done.accept(told);
    } else {
      held.start();
    }
  }

  /** Cuts a block and hands it on, as one step: blocks leave in the order of their numbers. */
  private synchronized void cut(long second) {
    blocks.add(evidence.cut(second, armStates.cut()));
  }

  private void applied(Snapshot snapshot) {
    List<ArmPlan> answering = new ArrayList<>();
    List<ArmPlan> copied = new ArrayList<>();
    for (ModelPlan plan : snapshot.plans().values()) {
      answering.addAll(plan.answering());
      ArmPlan benchmark = plan.benchmark();
      if (benchmark != null) {
        answering.add(benchmark);
      }
      copied.addAll(plan.copies());
    }
    upstream.retain(answering);
    copies.retain(copied);
    scheduler.after(Duration.ZERO, "ask for signatures", learner::ask);
  }

  /** The inference protocol. */
  public ServerServiceDefinition service() {
    return service;
  }

  /** Takes up the table and starts everything that runs by the clock or over a stream. */
  public void start(Lifecycle lifecycle) {
    lifecycle.add("backends", upstream);
    lifecycle.add("shadows", copies);
    keeper.restoreGlass();
    RoutingTable table = config.table();
    if (table != null) {
      keeper.offer(table);
    } else {
      keeper.restoreTable();
    }
    boolean judged = config.evidence() != null;
    new Clockwork(
            scheduler,
            time,
            second -> {
              if (judged) {
                cut(second);
              }
            })
        .start();
    if (judged) {
      scheduler.every(
          Duration.ofMillis(ArmStates.EVERY_MILLIS), "look at the arms", armStates::look);
    }
    scheduler.every(ASK_EVERY, "ask for signatures", learner::ask);
    scheduler.every(LINEAGE_EVERY, "send lineage", lineage::flush);
    scheduler.every(REPORT_EVERY, "report to the controller", watch::report);
    scheduler.every(config.histogramInterval(), "send histograms", this::sendHistograms);
    connect(lifecycle);
    lifecycle.onDrain("records", Duration.ofSeconds(3), this::flush);
  }

  private void connect(Lifecycle lifecycle) {
    HostPort controller = config.controller();
    if (controller != null) {
      ManagedChannel channel = peer(lifecycle, "controller", controller);
      stream(lifecycle, "routing", channel, RoutingServiceGrpc.getSyncMethod(), watch);
    }
    HostPort comparator = config.evidence();
    if (comparator != null && comparisons != null) {
      ManagedChannel channel = peer(lifecycle, "comparator", comparator);
      stream(lifecycle, "evidence", channel, EvidenceIntakeGrpc.getSendBlocksMethod(), blocks);
      stream(
          lifecycle,
          "comparisons",
          channel,
          EvidenceIntakeGrpc.getSendComparisonsMethod(),
          comparisons);
    }
    HostPort collector = config.collector();
    if (collector != null && payloads != null) {
      ManagedChannel channel = peer(lifecycle, "collector", collector);
      stream(lifecycle, "lineage", channel, LineageMethod.get(), lineage);
      stream(lifecycle, "payloads", channel, CollectorIntakeGrpc.getSendPayloadsMethod(), payloads);
      stream(
          lifecycle,
          "histograms",
          channel,
          CollectorIntakeGrpc.getSendHistogramsMethod(),
          histograms);
    }
  }

  private ManagedChannel peer(Lifecycle lifecycle, String name, HostPort address) {
    ManagedChannel channel =
        Channels.open(
            address,
            ChannelOptions.plaintext()
                .withTls(config.peers().tls())
                .withToken(config.peers().token()));
    lifecycle.add(name, () -> Channels.close(channel, Duration.ofMillis(200)));
    return channel;
  }

  private <Q, A> void stream(
      Lifecycle lifecycle,
      String name,
      ManagedChannel channel,
      MethodDescriptor<Q, A> method,
      StreamHandler<Q, A> handler) {
    lifecycle
        .add(
            name,
            new ResilientStream<>(
                channel, method, Backoff.DEFAULT, scheduler, time, RANDOM, handler))
        .start();
  }

  private void sendHistograms() {
    long now = time.wallMillis();
    StageHistograms cut = times.cut(histogramsFrom.getAndSet(now), now);
    if (config.collector() != null && cut.getHistogramsCount() > 0) {
      histograms.offer(cut);
    }
  }

  /** The last of the records, once no call is under way any more. */
  private void flush(Duration grace) throws InterruptedException {
    long deadline = System.nanoTime() + grace.toNanos();
    if (config.evidence() != null) {
      cut(Math.floorDiv(time.wallMillis(), 1000));
    }
    sendHistograms();
    lineage.flush();
    while (System.nanoTime() < deadline && !delivered()) {
      Thread.sleep(10);
    }
  }

  private boolean delivered() {
    return (config.evidence() == null || blocks.unacknowledged() == 0)
        && (config.collector() == null || lineage.reserved() == 0);
  }

  /** Says that no new work is wanted, without refusing it. */
  public void stopping() {
    stopping.set(true);
  }

  /** Whether there is a table to serve by. */
  public boolean ready() {
    return !stopping.get() && !keeper.current().plans().isEmpty();
  }

  /**
   * Puts a table in force as if a controller had sent it.
   *
   * @return why it was refused, or an empty text
   */
  public String offer(RoutingTable table) {
    return keeper.offer(table);
  }

  @Override
  public RoutingTable table() {
    return keeper.current().table();
  }

  @Override
  public RouterState state() {
    return keeper.state(blocks.unacknowledged());
  }

  @Override
  public void setChampionOnly(String model, boolean championOnly) {
    keeper.setChampionOnly(model, championOnly);
    watch.report();
  }

  /** What is counted about the router itself. */
  public RouterGauges gauges() {
    return new RouterGauges(
        admission,
        copiesInFlight,
        blocks,
        lineage,
        comparisons == null ? () -> 0 : comparisons::dropped,
        payloads == null ? () -> 0 : payloads::dropped,
        () -> keeper.current().leaseExpired(time.nanoTime()),
        recording.requests(),
        drill::errors,
        drill::delays,
        contractTally,
        benchmarks::skipped,
        benchmarks::failed,
        benchmarks::late);
  }
}
