package dev.understudy.comparator.judge;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.comparator.intake.RecordSink;
import dev.understudy.evidence.fold.EvidenceFold;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import io.grpc.Status;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One thread folds all logs. Records come after they are durable; when the judge falls behind, the
 * bounded queue makes the intake wait, and with it the routers. Those who watch a rollout get the
 * newest report at most ten times a second; one that is slow skips reports and holds nobody up.
 */
public final class Judge implements RecordSink, AutoCloseable {
  private static final Logger log = Logger.getLogger(Judge.class.getName());
  private static final int MOST_QUEUED = 1024;
  private static final long PUSH_NANOS = 100_000_000L;

  /** Where reports of one rollout go. Called on the judge's thread. */
  public interface Watcher {
    /** Whether a report would leave at once. */
    boolean isReady();

    /** Takes the newest report. */
    void report(EvidenceReport report);

    /** There will be none. */
    void fail(Fault fault);
  }

  private static final class Trial {
    final EvidenceFold fold = new EvidenceFold();
    @Nullable Fault failure;
    @Nullable EvidenceReport newest;

    EvidenceReport report() {
      if (failure != null) {
        throw failure;
      }
      if (newest == null) {
        newest = fold.report();
      }
      return newest;
    }
  }

  private record Watch(String rolloutId, long toldSequence) {
    Watch told(long sequence) {
      return new Watch(rolloutId, sequence);
    }
  }

  private final BlockingQueue<Runnable> tasks = new ArrayBlockingQueue<>(MOST_QUEUED);
  private final Map<String, Trial> trials = new HashMap<>();
  private final Map<Watcher, Watch> watches = new HashMap<>();
  private final TimeSource time;
  private final Thread thread;
  private volatile boolean closed;
  private long lastPushNanos;

  private Judge(TimeSource time) {
    this.time = time;
    this.lastPushNanos = time.nanoTime() - PUSH_NANOS;
    this.thread = Thread.ofPlatform().daemon().name("comparator-judge").unstarted(this::run);
  }

  /** A judge at work, without any record. */
  public static Judge start(TimeSource time) {
    Judge judge = new Judge(time);
    judge.thread.start();
    return judge;
  }

  @Override
  public void accept(String rolloutId, List<EvidenceLogRecord> records) {
    submit(() -> fold(rolloutId, records));
  }

  private void fold(String rolloutId, List<EvidenceLogRecord> records) {
    Trial trial = trials.computeIfAbsent(rolloutId, id -> new Trial());
    trial.newest = null;
    if (trial.failure != null) {
      return;
    }
    try {
      records.forEach(trial.fold::accept);
    } catch (RuntimeException e) {
      // The log is what it is: it is not judged in part, and never from zero.
      trial.failure =
          Fault.of(
                  Status.Code.DATA_LOSS,
                  "EVIDENCE_LOG_UNJUDGEABLE",
                  "The record after "
                      + trial.fold.sequence()
                      + " of the log of rollout \""
                      + rolloutId
                      + "\" cannot be judged: "
                      + e.getMessage())
              .resource("evaluation", rolloutId)
              .cause(e);
      log.log(Level.SEVERE, "The log of rollout " + rolloutId + " cannot be folded", e);
    }
  }

  @Override
  public void removed(String rolloutId) {
    submit(() -> {
      trials.remove(rolloutId);
      watches
          .entrySet()
          .removeIf(entry -> {
            boolean gone = entry.getValue().rolloutId().equals(rolloutId);
            if (gone) {
              entry.getKey().fail(unknown(rolloutId));
            }
            return gone;
          });
    });
  }

  private static Fault unknown(String rolloutId) {
    return Fault.of(
            Status.Code.NOT_FOUND,
            "EVALUATION_UNKNOWN",
            "rollout \"" + rolloutId + "\" is not evaluated here")
        .resource("evaluation", rolloutId);
  }

  /** The report after every record that was accepted before this call. */
  public CompletableFuture<EvidenceReport> report(String rolloutId) {
    CompletableFuture<EvidenceReport> future = new CompletableFuture<>();
    submit(() -> {
      Trial trial = trials.get(rolloutId);
      try {
        if (trial == null) {
          throw unknown(rolloutId);
        }
        future.complete(trial.report());
      } catch (RuntimeException e) {
        future.completeExceptionally(e);
      }
    });
    if (closed) {
      future.completeExceptionally(closing());
    }
    return future;
  }

  /** Sends a report at once, and after each change. */
  public void watch(String rolloutId, Watcher watcher) {
    submit(() -> {
      if (!trials.containsKey(rolloutId)) {
        watcher.fail(unknown(rolloutId));
        return;
      }
      watches.put(watcher, new Watch(rolloutId, 0));
      push(watcher);
    });
  }

  /** A watcher that was not ready is so now. */
  public void ready(Watcher watcher) {
    submit(() -> {
      if (time.nanoTime() - lastPushNanos >= PUSH_NANOS) {
        push(watcher);
      }
    });
  }

  /** The watcher has gone. */
  public void unwatch(Watcher watcher) {
    submit(() -> watches.remove(watcher));
  }

  private void pushAll() {
    lastPushNanos = time.nanoTime();
    List.copyOf(watches.keySet()).forEach(this::push);
  }

  private void push(Watcher watcher) {
    Watch watch = watches.get(watcher);
    if (watch == null || !watcher.isReady()) {
      return;
    }
    Trial trial = trials.get(watch.rolloutId());
    if (trial == null || trial.fold.sequence() == watch.toldSequence()) {
      return;
    }
    try {
      EvidenceReport report = trial.report();
      watches.put(watcher, watch.told(trial.fold.sequence()));
      watcher.report(report);
    } catch (RuntimeException e) {
      watches.remove(watcher);
      watcher.fail(Fault.from(e));
    }
  }

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

  private void run() {
    while (!closed) {
      try {
        Runnable task = tasks.poll(PUSH_NANOS / 2, TimeUnit.NANOSECONDS);
        if (task != null) {
          task.run();
        }
        if (time.nanoTime() - lastPushNanos >= PUSH_NANOS) {
          pushAll();
        }
      } catch (InterruptedException e) {
        break;
      } catch (RuntimeException e) {
        log.log(Level.SEVERE, "The judge could not do its work", e);
      }
    }
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    List.copyOf(watches.keySet()).forEach(watcher -> watcher.fail(closing()));
  }

  private static Fault closing() {
    return Fault.of(Status.Code.UNAVAILABLE, "SHUTTING_DOWN", "The comparator is shutting down.");
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join(5_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
