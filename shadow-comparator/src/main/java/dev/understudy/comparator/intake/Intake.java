package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.log.DamagedLogException;
import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.comparator.log.LogFolder;
import dev.understudy.comparator.pairs.KeptPairs;
import dev.understudy.comparator.pairs.Measured;
import dev.understudy.comparator.pairs.PairWorker;
import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.evidence.fold.SpecCheck;
import dev.understudy.evidence.fold.SpecDigest;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvaluationChange;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceBlock;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.LabelledPrediction;
import dev.understudy.proto.v1.WatchSpec;
import dev.understudy.proto.v1.WorkerTally;
import io.grpc.Status;
import io.opentelemetry.api.metrics.Meter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The thread on which evidence becomes durable. Every arrival is a task in a bounded queue; when
 * the queue has run empty, or {@value #MOST_TASKS_PER_FLUSH} tasks have been taken, what is
 * complete is written with one append for each rollout.
 *
 * <p>All methods may be called by any thread. Those that return a future complete it on the
 * intake's thread, with a {@link Fault} where something is wrong.
 */
public final class Intake implements AutoCloseable {
  private static final Logger log = Logger.getLogger(Intake.class.getName());
  private static final int MOST_QUEUED = 8192;
  private static final int MOST_TASKS_PER_FLUSH = 256;
  private static final int RECORDS_AT_ONCE = 1024;
  private static final long TICK_MILLIS = 50;
  private static final long PAIR_FLUSH_NANOS = 1_000_000_000L;
  private static final long RETENTION_NANOS = 600_000_000_000L;

  private final BlockingQueue<Runnable> tasks = new ArrayBlockingQueue<>(MOST_QUEUED);
  private final Path folder;
  private final LogFiles files;
  private final TimeSource time;
  private final RecordSink sink;
  private final Counters counters;
  private final Retention retention;
  private final PairWorker pairs;
  private final KeptPairs kept = new KeptPairs();
  private final EvaluationWatchers watchers = new EvaluationWatchers();
  private final IntakeState state;
  // What other threads may look at: the logs by rollout, and why some cannot be used.
  private final ConcurrentSkipListMap<String, EvidenceLog> logs = new ConcurrentSkipListMap<>();
  private final Map<String, String> damaged = new ConcurrentSkipListMap<>();
  private final Thread thread;
  private volatile boolean closed;
  private long lastPairFlushNanos;
  private long lastRetentionNanos;

  private Intake(
      ComparatorConfig config, LogFiles files, TimeSource time, Counters counters, RecordSink judge)
      throws IOException {
    this.folder = config.logs();
    this.counters = counters;
    this.retention = new Retention(config.keepAge(), config.keepBytes());
    this.files = files;
    this.time = time;
    this.sink = judge;
    this.pairs = new PairWorker(config.comparisonQueueBytes(), counters, this::measured);
    this.state =
        new IntakeState(
            openAll(),
            new Positions(folder, files),
            config.clockSkew(),
            config.blockQueueBytes(),
            time,
            counters,
            this::written);
    this.lastRetentionNanos = time.nanoTime() - RETENTION_NANOS;
    this.lastPairFlushNanos = time.nanoTime();
    this.thread = Thread.ofPlatform().daemon().name("comparator-intake").unstarted(this::run);
  }

  /** What was measured here, on the pair worker's thread. */
  private void measured(String rolloutId, Measured measured) {
    kept.add(rolloutId, measured.kept());
    submit(() -> state.pairs(rolloutId, measured));
  }

  /** What is on the disk now, on the intake's thread. */
  private void written(String rolloutId, List<EvidenceLogRecord> records) {
    for (EvidenceLogRecord record : records) {
      if (record.hasTolerance()) {
        pairs.learned(rolloutId, record.getTolerance());
        watchers.tell(EvaluationWatchers.learned(rolloutId, record.getTolerance()));
      }
    }
    sink.accept(rolloutId, records);
  }

  /**
   * Opens every log in the state folder, hands its records to the sink, and starts.
   *
   * @throws IOException when the folder cannot be used
   */
  public static Intake start(
      ComparatorConfig config, LogFiles files, TimeSource time, Counters counters, RecordSink sink)
      throws IOException {
    Path folder = config.logs();
    Files.createDirectories(folder);
    LogFolder.sweep(folder);
    Intake intake = new Intake(config, files, time, counters, sink);
    intake.kept.start();
    intake.pairs.start();
    intake.thread.start();
    return intake;
  }

  private SortedMap<String, RolloutLog> openAll() throws IOException {
    SortedMap<String, RolloutLog> rollouts = new TreeMap<>();
    for (Path rolloutFolder : LogFolder.all(folder)) {
      try {
        open(rolloutFolder, rollouts);
      } catch (DamagedLogException e) {
        Path name = rolloutFolder.getFileName();
        damaged.put(name == null ? "" : name.toString(), String.valueOf(e.getMessage()));
        log.log(
            Level.SEVERE,
            "An evidence log is damaged and is left alone; its evaluation answers DATA_LOSS",
            e);
      }
    }
    return rollouts;
  }

  private void open(Path rolloutFolder, SortedMap<String, RolloutLog> rollouts) throws IOException {
    RolloutLog rollout = new RolloutLog(rolloutFolder, files);
    EvaluationSpec spec = rollout.spec();
    if (spec == null) {
      rollout.log().close(); // Made, but never written to: StartEvaluation will come again.
      return;
    }
    String rolloutId = spec.getRolloutId();
    rollouts.put(rolloutId, rollout);
    logs.put(rolloutId, rollout.log());
    if (rollout.open()) {
      kept.open(rolloutId, rolloutFolder);
      pairs.judge(spec, rollout.tolerances());
    }
    // Only now, as the whole log is known to be sound, and in pieces, as it may be large.
    List<EvidenceLogRecord> piece = new ArrayList<>();
    rollout
        .log()
        .read(record -> {
          piece.add(record);
          if (piece.size() == RECORDS_AT_ONCE) {
            sink.accept(rolloutId, List.copyOf(piece));
            piece.clear();
          }
        });
    sink.accept(rolloutId, List.copyOf(piece));
  }

  /** Has present values exported. */
  public void register(Meter meter) {
    Counters.gauge(meter, "comparator.logs", "Evidence logs", logs::size);
    Counters.gauge(
        meter, "comparator.logs.damaged", "Evidence logs that cannot be used", damaged::size);
    Counters.gauge(
        meter,
        "comparator.logs.bytes",
        "Bytes of all evidence logs",
        () -> logs.values().stream().mapToLong(EvidenceLog::bytes).sum());
    Counters.gauge(meter, "comparator.intake.waiting", "Arrivals that wait", tasks::size);
  }

  /** Rollouts whose comparisons are measured. */
  public int evaluations() {
    return pairs.evaluations();
  }

  /** The rollouts that have a log, in order. */
  public List<String> rollouts() {
    return List.copyOf(logs.keySet());
  }

  /** Logs that cannot be used, with the reason and the last good position, by folder. */
  public Map<String, String> damaged() {
    return Map.copyOf(damaged);
  }

  /**
   * The kept pairs of a rollout, worst first.
   *
   * @param most so many; 0 for all
   * @throws Fault NOT_FOUND or DATA_LOSS
   */
  public List<KeptPair> kept(String rolloutId, int most) {
    EvidenceLog known = logs.get(rolloutId);
    if (known == null) {
      throw missing(rolloutId);
    }
    try {
      return kept.read(rolloutId, known.folder(), most);
    } catch (IOException e) {
      throw Fault.of(
              Status.Code.DATA_LOSS,
              "KEPT_PAIRS_UNREADABLE",
              "The kept pairs cannot be read: " + e.getMessage())
          .resource("evaluation", rolloutId)
          .cause(e);
    }
  }

  /** The log of a rollout; null when there is none. */
  public @Nullable EvidenceLog log(String rolloutId) {
    return logs.get(rolloutId);
  }

  /**
   * Begins an evaluation, or its next attempt; the same spec again changes nothing.
   *
   * @return the spec's digest
   */
  public CompletableFuture<String> startEvaluation(EvaluationSpec spec) {
    return call(() -> {
      begin(spec);
      return SpecDigest.of(spec);
    });
  }

  /** Begins the watch after a promotion; the same watch again changes nothing. */
  public CompletableFuture<Boolean> startWatch(String rolloutId, WatchSpec watch) {
    return call(() -> {
      watch(rolloutId, watch);
      return true;
    });
  }

  /** Ends an evaluation: what comes afterwards is not judged. */
  public CompletableFuture<Boolean> stopEvaluation(String rolloutId) {
    return call(() -> {
      RolloutLog rollout = known(rolloutId);
      if (!rollout.open()) {
        return false;
      }
      state.stop(rolloutId, rollout);
      pairs.forget(rolloutId);
      kept.stop(rolloutId);
      watchers.tell(EvaluationWatchers.stopped(rolloutId));
      return true;
    });
  }

  private RolloutLog known(String rolloutId) {
    RolloutLog rollout = state.rollout(rolloutId);
    if (rollout == null) {
      throw missing(rolloutId);
    }
    return rollout;
  }

  /**
   * The fault for a rollout that has no log here, or none that can be used.
   *
   * @return NOT_FOUND, or DATA_LOSS with the reason and the last good position
   */
  public Fault missing(String rolloutId) {
    String name = LogFolder.of(rolloutId);
    String damage = name == null ? null : damaged.get(name);
    if (damage != null) {
      return Fault.of(Status.Code.DATA_LOSS, "EVIDENCE_LOG_DAMAGED", damage)
          .resource("evaluation", rolloutId);
    }
    return Fault.of(
            Status.Code.NOT_FOUND,
            "EVALUATION_UNKNOWN",
            "rollout \"" + rolloutId + "\" is not evaluated here")
        .resource("evaluation", rolloutId);
  }

  private void watch(String rolloutId, WatchSpec watch) {
    RolloutLog rollout = known(rolloutId);
    Fault problem = problem(watch);
    if (problem != null) {
      throw problem;
    }
    WatchSpec before = rollout.watch();
    if (before != null && sameWatch(before, watch)) {
      return;
    }
    if (before != null || !rollout.open()) {
      throw Fault.of(
              Status.Code.FAILED_PRECONDITION,
              before == null ? "EVALUATION_STOPPED" : "WATCH_DIFFERS",
              "rollout \""
                  + rolloutId
                  + "\" "
                  + (before == null ? "is not judged any more" : "is watched under other terms")
                  + " (expected: an open evaluation, and one watch)")
          .resource("evaluation", rolloutId);
    }
    state.watch(rolloutId, rollout, watch);
  }

  private static boolean sameWatch(WatchSpec a, WatchSpec b) {
    return a.toBuilder()
        .clearStartedUnixMs()
        .build()
        .equals(b.toBuilder().clearStartedUnixMs().build());
  }

  private static @Nullable Fault problem(WatchSpec watch) {
    String field = null;
    String description = null;
    if (!(watch.getAlpha() > 0 && watch.getAlpha() < 1)) {
      field = "watch.alpha";
      description = watch.getAlpha() + " (expected: > 0 and < 1)";
    } else if (watch.getHorizonSeconds() < 1) {
      field = "watch.horizon_seconds";
      description = watch.getHorizonSeconds() + " (expected: 1 to 2147483647)";
    } else if (watch.getKeptBp() < 0 || watch.getKeptBp() > 10_000) {
      field = "watch.kept_bp";
      description = watch.getKeptBp() + " (expected: 0 to 10000)";
    }
    return field == null || description == null
        ? null
        : Fault.of(Status.Code.INVALID_ARGUMENT, "WATCH_INVALID", field + ": " + description)
            .violation(field, description);
  }

  private void begin(EvaluationSpec spec) {
    List<SpecCheck.Problem> problems = SpecCheck.problems(spec);
    String name = LogFolder.of(spec.getRolloutId());
    if (!problems.isEmpty() || name == null) {
      throw invalid(spec, problems);
    }
    if (damaged.containsKey(name)) {
      throw missing(spec.getRolloutId());
    }
    RolloutLog rollout = state.rollout(spec.getRolloutId());
    if (rollout == null) {
      rollout = create(spec.getRolloutId(), name);
    } else {
      EvaluationSpec last = rollout.spec();
      if (spec.equals(last)) {
        return;
      }
      if (last != null && !SpecCheck.isRetry(last, spec)) {
        throw Fault.of(
                Status.Code.FAILED_PRECONDITION,
                "EVALUATION_DIFFERS",
                "rollout \""
                    + spec.getRolloutId()
                    + "\" is evaluated under spec "
                    + SpecDigest.of(last)
                    + " (expected: the same, or the same with an attempt above "
                    + last.getAttempt()
                    + ")")
            .resource("evaluation", spec.getRolloutId());
      }
    }
    state.start(spec, rollout);
    kept.open(spec.getRolloutId(), rollout.log().folder());
    pairs.judge(spec, rollout.tolerances());
    watchers.tell(EvaluationWatchers.started(spec));
  }

  private static Fault invalid(EvaluationSpec spec, List<SpecCheck.Problem> problems) {
    Fault fault =
        Fault.of(
            Status.Code.INVALID_ARGUMENT,
            "SPEC_INVALID",
            problems.isEmpty()
                ? "rollout_id: \"" + spec.getRolloutId() + "\" (expected: a shorter name)"
                : "The spec cannot be judged: " + problems);
    for (SpecCheck.Problem problem : problems) {
      fault = fault.violation(problem.field(), problem.description());
    }
    return fault;
  }

  private RolloutLog create(String rolloutId, String name) {
    try {
      RolloutLog rollout = new RolloutLog(folder.resolve(name), files);
      state.add(rolloutId, rollout);
      logs.put(rolloutId, rollout.log());
      return rollout;
    } catch (IOException e) {
      throw Fault.of(
              Status.Code.UNAVAILABLE,
              "EVIDENCE_LOG_UNWRITABLE",
              "The evidence log cannot be made at the moment.")
          .cause(e);
    }
  }

  // --- Arrivals ---

  void blocksOpened(BlockSender sender) {
    submit(() -> state.opened(sender));
  }

  void block(BlockSender sender, EvidenceBlock block) {
    submit(() -> state.block(sender, block));
  }

  void blocksEnded(BlockSender sender) {
    submit(() -> state.ended(sender));
  }

  void blocksClosed(BlockSender sender) {
    submit(() -> state.closed(sender));
  }

  void labelsOpened(SequenceSender sender) {
    submit(() -> state.labelsOpened(sender));
  }

  void label(SequenceSender sender, LabelledPrediction label) {
    submit(() -> state.label(sender, label));
  }

  void labelsEnded(SequenceSender sender) {
    submit(() -> state.labelsEnded(sender));
  }

  void labelsClosed(SequenceSender sender) {
    submit(() -> state.labelsClosed(sender));
  }

  void talliesOpened(SequenceSender sender) {
    submit(() -> state.talliesOpened(sender));
  }

  void tally(SequenceSender sender, WorkerTally tally) {
    submit(() -> {
      if (state.tally(sender, tally)) {
        kept.add(tally.getRolloutId(), tally.getKeptList());
      }
    });
  }

  void talliesEnded(SequenceSender sender) {
    submit(() -> state.talliesEnded(sender));
  }

  void talliesClosed(SequenceSender sender) {
    submit(() -> state.talliesClosed(sender));
  }

  /** Tells a worker every open evaluation, and each that begins or ends. */
  void watchEvaluations(EvaluationWatchers.Watcher watcher) {
    submit(() -> {
      List<EvaluationChange> known = new ArrayList<>();
      known.add(EvaluationChange.getDefaultInstance());
      new TreeMap<>(state.rollouts())
          .forEach((rolloutId, rollout) -> {
            EvaluationSpec spec = rollout.spec();
            if (spec != null && rollout.open()) {
              known.add(EvaluationWatchers.started(spec));
              rollout
                  .tolerances()
                  .forEach(t -> known.add(EvaluationWatchers.learned(rolloutId, t)));
            }
          });
      watchers.opened(watcher, known);
    });
  }

  void unwatchEvaluations(EvaluationWatchers.Watcher watcher) {
    submit(() -> watchers.closed(watcher));
  }

  /** Offers a comparison; false when it was dropped. */
  boolean comparison(Comparison comparison) {
    return pairs.offer(comparison);
  }

  /** Waits for room, never longer than the intake lives. */
  private void submit(Runnable task) {
    try {
      boolean taken = false;
      while (!closed && !taken) {
        taken = tasks.offer(task, 100, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Removes the logs that have had their time. */
  private void expire() {
    for (String rolloutId : retention.expired(state.rollouts(), time.wallMillis())) {
      RolloutLog rollout = state.rollout(rolloutId);
      if (rollout == null) {
        continue;
      }
      try {
        logs.remove(rolloutId);
        state.remove(rolloutId);
        sink.removed(rolloutId);
        rollout.log().close();
        kept.remove(rolloutId, rollout.log().folder());
        counters.increment(Counter.LOGS_EXPIRED);
        log.log(Level.INFO, "Removed the evidence of {0}: it was kept long enough", rolloutId);
      } catch (IOException e) {
        log.log(Level.WARNING, "The evidence of " + rolloutId + " cannot be removed", e);
      }
    }
  }

  private <T> CompletableFuture<T> call(Supplier<T> work) {
    CompletableFuture<T> future = new CompletableFuture<>();
    submit(() -> {
      try {
        future.complete(work.get());
      } catch (RuntimeException e) {
        future.completeExceptionally(e);
      }
    });
    if (closed) {
      future.completeExceptionally(closing());
    }
    return future;
  }

  private static Fault closing() {
    return Fault.of(Status.Code.UNAVAILABLE, "SHUTTING_DOWN", "The comparator is shutting down.");
  }

  private void run() {
    while (!closed) {
      try {
        turn(tasks.poll(TICK_MILLIS, TimeUnit.MILLISECONDS));
      } catch (InterruptedException e) {
        break;
      }
    }
    turn(tasks.poll());
    state.failAll(closing());
    watchers.failAll(closing());
  }

  private void turn(@Nullable Runnable first) {
    int taken = 0;
    for (Runnable task = first; task != null; task = tasks.poll()) {
      guarded(task);
      taken++;
      if (taken >= MOST_TASKS_PER_FLUSH) {
        break;
      }
    }
    guarded(state::flush);
    long now = time.nanoTime();
    if (now - lastPairFlushNanos >= PAIR_FLUSH_NANOS) {
      lastPairFlushNanos = now;
      pairs.flush();
    }
    if (now - lastRetentionNanos >= RETENTION_NANOS) {
      lastRetentionNanos = now;
      guarded(this::expire);
    }
  }

  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.log(Level.SEVERE, "The intake could not do its work", e);
    }
  }

  @Override
  public void close() throws IOException {
    pairs.close();
    closed = true;
    try {
      thread.join(5_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    kept.close();
    IOException failure = null;
    for (EvidenceLog evidence : logs.values()) {
      try {
        evidence.close();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
