package dev.understudy.router.stack;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.rpc.Backoff;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.rpc.ResilientStream;
import dev.understudy.chassis.rpc.StreamHandler;
import dev.understudy.chassis.security.TlsContexts;
import dev.understudy.chassis.telemetry.LiveTrace;
import dev.understudy.chassis.telemetry.TraceContext;
import dev.understudy.chassis.telemetry.Tracing;
import dev.understudy.chassis.telemetry.TracingSettings;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.CollectorIntakeGrpc;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.ComparisonSummary;
import dev.understudy.proto.v1.EvidenceIntakeGrpc;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.HistogramSummary;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.PayloadSummary;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingServiceGrpc;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.StageHistograms;
import dev.understudy.router.accesslog.AccessLog;
import dev.understudy.router.accesslog.AccessLogSettings;
import dev.understudy.router.admin.AdminService;
import dev.understudy.router.admission.Admission;
import dev.understudy.router.admission.LimitSettings;
import dev.understudy.router.auth.Authenticator;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Budget;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.config.AuthConfig;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.control.RoutingWatch;
import dev.understudy.router.control.TableFile;
import dev.understudy.router.control.TableKeeper;
import dev.understudy.router.frontend.Frontend;
import dev.understudy.router.mirror.Mirror;
import dev.understudy.router.overload.BackendLimits;
import dev.understudy.router.overload.GradientSettings;
import dev.understudy.router.patterns.PatternSettings;
import dev.understudy.router.patterns.Patterns;
import dev.understudy.router.patterns.Suspect;
import dev.understudy.router.record.BlockRing;
import dev.understudy.router.record.Evidence;
import dev.understudy.router.record.Lineage;
import dev.understudy.router.record.SideStream;
import dev.understudy.router.record.StageTimes;
import dev.understudy.router.rpc.LineageMethod;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.trace.CallSpans;
import dev.understudy.router.trace.TracedHeaders;
import dev.understudy.router.upstream.AttemptOptions;
import dev.understudy.router.upstream.BackendQuestions;
import dev.understudy.router.upstream.Profile;
import dev.understudy.router.upstream.SystemResolver;
import dev.understudy.router.upstream.Upstream;
import dev.understudy.router.upstream.UpstreamSettings;
import dev.understudy.router.validation.ContractTally;
import dev.understudy.router.validation.DataContracts;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
 *   onlookers   beside everything (traces, access log, suspicious patterns): told, never asked,
 *               but for callers who are held to a rate
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
  private static final Duration BACKENDS_EVERY = Duration.ofMillis(100);
  private static final Duration LATENCIES_EVERY = Duration.ofSeconds(1);

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
  private final Authenticator authenticator;
  private final TlsContexts tls;
  private final @Nullable BackendLimits backendLimits;
  private final Mirror mirror;
  private final Drill drill;
  private final ContractTally contractTally = new ContractTally();
  private final Benchmarks benchmarks;
  private final SecondAttempts seconds;
  private final SystemResolver resolver = new SystemResolver();
  private final ArmStates armStates;
  private final Recording recording;
  private final Onlookers onlookers;
  private final @Nullable SideStream<Comparison, ComparisonSummary> comparisons;
  private final @Nullable SideStream<PayloadRecord, PayloadSummary> payloads;
  private final SideStream<StageHistograms, HistogramSummary> histograms =
      new SideStream<>(8 << 20);
  private final AtomicBoolean stopping = new AtomicBoolean();
  private final AtomicLong histogramsFrom;
  private final ServerServiceDefinition service;
  private final DryRun dryRun;

  /**
   * Wires a router that has not been started.
   *
   * @param loops for clients and backends
   * @param mirrorLoops for copies alone
   * @param tls of connections to peers and backends
   * @throws IOException if the state folder cannot be made
   */
  public RouterStack(
      RouterConfig config,
      TimeSource time,
      Scheduler scheduler,
      EventLoops loops,
      EventLoops mirrorLoops,
      TlsContexts tls)
      throws IOException {
    this.config = config;
    this.time = time;
    this.scheduler = scheduler;
    this.tls = tls;
    this.histogramsFrom = new AtomicLong(time.wallMillis());
    TimeOrderedIds ids = new TimeOrderedIds(time, RANDOM);
    String bootId = ids.next();

    // Beside all steps.
    onlookers = onlookers(config, time);

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
    // Copies have no breaker: a dead shadow is a result, and what it may cost is bounded.
    RouterConfig.Backends backends = config.upstream();
    UpstreamSettings how = backends.settings();
    LimitSettings limits = config.limits();
    GradientSettings adaptive = limits.adaptive();
    backendLimits =
        adaptive == null ? null : new BackendLimits(adaptive, limits.shares(), time::nanoTime);
    upstream =
        new Upstream(
            loops,
            backends.profiles(),
            tls,
            backends.breaker(),
            backendLimits,
            how,
            resolver,
            RANDOM,
            time);
    copies =
        new Upstream(
            mirrorLoops,
            Profile.bounded(backends.profiles(), config.mirror().answerBytes()),
            tls,
            null,
            null,
            how,
            resolver,
            RANDOM,
            time);
    seconds = new SecondAttempts(how.retries(), backends.failoverBurst(), scheduler, time);
    BackendQuestions questions = new BackendQuestions(upstream);

    // What is in force, read by steps 4 to 11.
    Path state = config.state();
    TableFile file = state == null ? null : new TableFile(state);
    keeper =
        new TableKeeper(
            config.name(),
            bootId,
            time,
            file,
            lineageIsKept,
            backends.profiles().keySet(),
            this::applied);
    learner = new SignatureLearner(keeper, questions);
    watch = new RoutingWatch(keeper, blocks::unacknowledged);

    armStates = new ArmStates(keeper::current, upstream, copies, time);

    drill = new Drill(scheduler, time);
    RouterConfig.Mirroring mirroring = config.mirror();
    mirror =
        new Mirror(
            new Budget(mirroring.copies()),
            new Budget(mirroring.bytes()),
            mirroring.timeout().toNanos(),
            this::sendCopy,
            recording,
            mirrorLoops.worker(),
            time::nanoTime);

    benchmarks = new Benchmarks(upstream, scheduler, new Budget(MOST_BENCHMARKS));

    // Steps 2 and 3.
    admission = new Admission(limits, time.nanoTime());
    authenticator = authenticator(config, time, scheduler);

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
            onlookers,
            seconds,
            new LifeSettings(backends.tryTimeout(), backends.failoverBp(), how.reserve().toNanos()),
            time,
            ids);

    dryRun = new DryRun(life, ids);

    // Step 1.
    service =
        Frontend.service(
            life,
            new ChampionAnswers(keeper, questions, stopping::get),
            life.gate(),
            config.serverName(),
            time::nanoTime);
  }

  private static Onlookers onlookers(RouterConfig config, TimeSource time) {
    TracingSettings tracing = config.tracing();
    AccessLogSettings accessLog = config.accessLog();
    PatternSettings patterns = config.patterns();
    return new Onlookers(
        tracing == null ? null : Tracing.start("understudy-router", config.name(), tracing),
        accessLog == null ? null : AccessLog.start(accessLog),
        patterns == null ? null : new Patterns(patterns, new SecureRandom().nextLong()),
        patterns == null ? PatternSettings.DEFAULT : patterns,
        time);
  }

  private static Authenticator authenticator(
      RouterConfig config, TimeSource time, Scheduler scheduler) {
    AuthConfig auth = config.auth();
    if (auth == null) {
      return Authenticator.open();
    }
    Authenticator made = Authenticator.start(auth, time, scheduler);
    if (config.token() != null && made.isKey(config.token())) {
      made.close();
      throw new ConfigException(
          "tokenFile: the token of the admin port is an API key too (expected: another token)");
    }
    return made;
  }

  private void sendCopy(InferCall call, ArmPlan arm, long timeoutNanos, Consumer<Answer> done) {
    Upstream.Slot slot = copies.slot(arm, Criticality.CRITICAL, true, null);
    if (slot == null) {
      // Its name has not been found yet, or stands for nothing.
      done.accept(
          Answer.failed(
              Outcome.BAD_UNAVAILABLE, Refusals.noBackend("", arm.arm().getName()), 0, true));
      return;
    }
    Headers headers = call.headers();
    Consumer<Answer> end =
        arm.arm().hasFault() ? answer -> spoil(call, arm, answer, timeoutNanos, done) : done;
    LiveTrace trace = call.notes().trace();
    if (trace != null) {
      TraceContext as = trace.child();
      long from = time.nanoTime();
      Consumer<Answer> told = end;
      headers = new TracedHeaders(headers, as);
      end =
          answer -> {
            CallSpans.attempt(trace, as, arm, slot.host(), true, from, answer);
            told.accept(answer);
          };
    }
    var _ =
        copies.send(
            slot,
            arm,
            Message.of(call.body()),
            new AttemptOptions(call.predictionId(), "", headers, timeoutNanos, false, true),
            () -> {},
            end);
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
    admission.retain(snapshot.plans().keySet());
    seconds.retain(snapshot.plans().keySet());
    Patterns patterns = onlookers.patterns();
    if (patterns != null) {
      patterns.retain(snapshot.plans().keySet());
    }
    scheduler.after(Duration.ZERO, "ask for signatures", learner::ask);
  }

  /** The inference protocol. */
  public ServerServiceDefinition service() {
    return service;
  }

  /** Takes up the table and starts everything that runs by the clock or over a stream. */
  public void start(Lifecycle lifecycle) {
    lifecycle.add("authentication", authenticator);
    if (onlookers.tracing() != null) {
      lifecycle.add("traces", onlookers.tracing());
    }
    if (onlookers.accessLog() != null) {
      lifecycle.add("access log", onlookers.accessLog());
    }
    lifecycle.add("backends", upstream);
    lifecycle.add("shadows", copies);
    lifecycle.add("names", resolver);
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
    scheduler.every(
        BACKENDS_EVERY,
        "look after backends",
        () -> {
          upstream.tick();
          copies.tick();
        });
    scheduler.every(LATENCIES_EVERY, "look at latencies", seconds::look);
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
                .withTlsContexts(tls)
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

  @Override
  public ExplainRouteResponse explain(ExplainRouteRequest request) {
    return dryRun.explain(request);
  }

  @Override
  public @Nullable List<Suspect> suspects(int most) {
    Patterns patterns = onlookers.patterns();
    return patterns == null ? null : patterns.suspects(time.nanoTime(), most);
  }

  /** What is counted about the router itself. */
  public RouterGauges gauges() {
    return new RouterGauges(
        admission,
        authenticator,
        backendLimits,
        mirror,
        onlookers,
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
        benchmarks::late,
        upstream,
        copies,
        seconds);
  }
}
