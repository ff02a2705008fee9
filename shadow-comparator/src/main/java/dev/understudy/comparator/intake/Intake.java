package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.log.DamagedLogException;
import dev.understudy.comparator.log.EvidenceLog;
import dev.understudy.comparator.log.LogFiles;
import dev.understudy.comparator.log.LogFolder;
import dev.understudy.evidence.fold.SpecCheck;
import dev.understudy.evidence.fold.SpecDigest;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import io.grpc.Status;
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
import java.util.stream.Stream;
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

  private final BlockingQueue<Runnable> tasks = new ArrayBlockingQueue<>(MOST_QUEUED);
  private final Path folder;
  private final LogFiles files;
  private final TimeSource time;
  private final RecordSink sink;
  private final Counters counters = new Counters();
  private final PairWorker pairs;
  private final IntakeState state;
  // What other threads may look at: the logs by rollout, and why some cannot be used.
  private final ConcurrentSkipListMap<String, EvidenceLog> logs = new ConcurrentSkipListMap<>();
  private final Map<String, String> damaged = new TreeMap<>();
  private final Thread thread;
  private volatile boolean closed;
  private long lastPairFlushNanos;

  private Intake(
      Path folder, LogFiles files, TimeSource time, ComparatorConfig config, RecordSink sink)
      throws IOException {
    this.folder = folder;
    this.files = files;
    this.time = time;
    this.sink = sink;
    this.pairs =
        new PairWorker(
            config.comparisonQueueBytes(),
            counters,
            (rolloutId, tallies) -> submit(() -> state().pairs(rolloutId, tallies)));
    this.state =
        new IntakeState(
            openAll(),
            new Positions(folder, files),
            config.clockSkew(),
            config.blockQueueBytes(),
            time,
            counters,
            sink);
    this.lastPairFlushNanos = time.nanoTime();
    this.thread = Thread.ofPlatform().daemon().name("comparator-intake").unstarted(this::run);
  }

  private IntakeState state() {
    return state;
  }

  /**
   * Opens every log in the state folder, hands its records to the sink, and starts.
   *
   * @throws IOException when the folder cannot be used
   */
  public static Intake start(
      ComparatorConfig config, LogFiles files, TimeSource time, RecordSink sink)
      throws IOException {
    Path folder = config.state();
    Files.createDirectories(folder);
    Intake intake = new Intake(folder, files, time, config, sink);
    intake.pairs.start();
    intake.thread.start();
    return intake;
  }

  private SortedMap<String, RolloutLog> openAll() throws IOException {
    SortedMap<String, RolloutLog> rollouts = new TreeMap<>();
    List<Path> folders;
    try (Stream<Path> entries = Files.list(folder)) {
      folders = entries.filter(Files::isDirectory).sorted().toList();
    }
    for (Path rolloutFolder : folders) {
      try {
        open(rolloutFolder, rollouts);
      } catch (DamagedLogException e) {
        Path name = rolloutFolder.getFileName();
        damaged.put(name == null ? "" : name.toString(), String.valueOf(e.getMessage()));
        log.log(Level.SEVERE, "An evidence log is damaged and is left alone", e);
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
      pairs.judge(spec);
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

  /** What was seen, dropped and refused. */
  public Counters counters() {
    return counters;
  }

  /** The rollouts that have a log, in order. */
  public List<String> rollouts() {
    return List.copyOf(logs.keySet());
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

  /** Ends an evaluation: what comes afterwards is not judged. */
  public CompletableFuture<Boolean> stopEvaluation(String rolloutId) {
    return call(() -> {
      RolloutLog rollout = state.rollout(rolloutId);
      if (rollout == null) {
        throw unknown(rolloutId);
      }
      if (!rollout.open()) {
        return false;
      }
      state.stop(rolloutId, rollout);
      pairs.forget(rolloutId);
      return true;
    });
  }

  /** The fault for a rollout without a log. */
  public static Fault unknown(String rolloutId) {
    return Fault.of(
            Status.Code.NOT_FOUND,
            "EVALUATION_UNKNOWN",
            "rollout \"" + rolloutId + "\" is not evaluated here")
        .resource("evaluation", rolloutId);
  }

  private void begin(EvaluationSpec spec) {
    List<SpecCheck.Problem> problems = SpecCheck.problems(spec);
    String name = LogFolder.of(spec.getRolloutId());
    if (!problems.isEmpty() || name == null) {
      throw invalid(spec, problems);
    }
    String damage = damaged.get(name);
    if (damage != null) {
      throw Fault.of(Status.Code.DATA_LOSS, "EVIDENCE_LOG_DAMAGED", damage)
          .resource("evaluation", spec.getRolloutId());
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
    pairs.judge(spec);
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

  void block(BlockSender sender, dev.understudy.proto.v1.EvidenceBlock block) {
    submit(() -> state.block(sender, block));
  }

  void blocksEnded(BlockSender sender) {
    submit(() -> state.ended(sender));
  }

  void blocksClosed(BlockSender sender) {
    submit(() -> state.closed(sender));
  }

  void labelsOpened(LabelSender sender) {
    submit(() -> state.opened(sender));
  }

  void label(LabelSender sender, dev.understudy.proto.v1.LabelledPrediction label) {
    submit(() -> state.label(sender, label));
  }

  void labelsEnded(LabelSender sender) {
    submit(() -> state.ended(sender));
  }

  void labelsClosed(LabelSender sender) {
    submit(() -> state.closed(sender));
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
