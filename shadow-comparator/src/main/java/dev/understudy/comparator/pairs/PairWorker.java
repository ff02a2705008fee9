package dev.understudy.comparator.pairs;

import dev.understudy.comparator.telemetry.Counter;
import dev.understudy.comparator.telemetry.Counters;
import dev.understudy.evidence.tally.ComparisonTally;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Measures comparisons on a thread of its own. What does not fit into the queue is dropped and
 * counted: pairs are a sample, and which are dropped does not depend on what they say.
 *
 * <p>All methods may be called by any thread.
 */
public final class PairWorker implements AutoCloseable {
  private static final Logger log = Logger.getLogger(PairWorker.class.getName());

  /** What the thread does next. */
  private sealed interface Entry {
    /** Measures a comparison. */
    record Measure(Comparison comparison, long bytes) implements Entry {}

    /** Measures later pairs of a rollout with this tolerance. */
    record Learned(String rolloutId, ToleranceLearned tolerance) implements Entry {}

    /** Hands over what was measured. */
    record HandOver() implements Entry {}
  }

  /** What a rollout's pairs are measured by. */
  private record Judged(EvaluationSpec spec, Map<String, ToleranceLearned> tolerances) {
    ComparisonTally tally() {
      ComparisonTally tally = new ComparisonTally(spec.getContract(), spec.getMirroredControl());
      tolerances.values().forEach(tally::tolerance);
      return tally;
    }
  }

  private static final class Measuring {
    final EvaluationSpec spec;
    final ComparisonTally tally;
    long untested;
    long unmatched;

    Measuring(EvaluationSpec spec, ComparisonTally tally) {
      this.spec = spec;
      this.tally = tally;
    }
  }

  private final long mostBytes;
  private final Counters counters;
  private final BiConsumer<String, Measured> sink;
  private final Map<String, Judged> judged = new ConcurrentHashMap<>();
  private final Map<String, Measuring> measuring = new TreeMap<>();
  private final ArrayDeque<Entry> queue = new ArrayDeque<>();
  private long queuedBytes;
  private boolean handOverQueued;
  private boolean closed;
  private final Thread thread;

  /**
   * A worker that has not been started.
   *
   * @param mostBytes of comparisons that wait
   * @param sink told on the worker's thread what was measured, by rollout; never of nothing
   */
  public PairWorker(long mostBytes, Counters counters, BiConsumer<String, Measured> sink) {
    this.mostBytes = mostBytes;
    this.counters = counters;
    this.sink = sink;
    this.thread = Thread.ofPlatform().daemon().name("comparator-pairs").unstarted(this::run);
  }

  /** Begins to work. Once only. */
  public void start() {
    thread.start();
  }

  /**
   * Comparisons of this rollout are measured from now on, as its contract says; with a mirrored
   * control, outputs without a tolerance are not tested until it is known.
   */
  public void judge(EvaluationSpec spec, List<ToleranceLearned> tolerances) {
    Map<String, ToleranceLearned> byOutput = new ConcurrentHashMap<>();
    tolerances.forEach(tolerance -> byOutput.put(tolerance.getOutput(), tolerance));
    judged.put(spec.getRolloutId(), new Judged(spec, byOutput));
  }

  /** A tolerance that is known now: later pairs are measured with it. */
  public void learned(String rolloutId, ToleranceLearned tolerance) {
    Judged rollout = judged.get(rolloutId);
    if (rollout != null) {
      rollout.tolerances().put(tolerance.getOutput(), tolerance);
      queue(new Entry.Learned(rolloutId, tolerance));
    }
  }

  /** Comparisons of this rollout are not measured any more. */
  public void forget(String rolloutId) {
    judged.remove(rolloutId);
  }

  /** Comparisons of no rollout are measured any more. */
  public void forgetAll() {
    judged.clear();
  }

  /** Rollouts whose comparisons are measured. */
  public int evaluations() {
    return judged.size();
  }

  /** Queues a comparison; false when it was dropped. */
  public boolean offer(Comparison comparison) {
    counters.increment(Counter.COMPARISONS);
    long bytes = comparison.getSerializedSize();
    synchronized (queue) {
      if (closed || queuedBytes + bytes > mostBytes) {
        counters.increment(Counter.COMPARISONS_DROPPED);
        return false;
      }
      queuedBytes += bytes;
      queue.add(new Entry.Measure(comparison, bytes));
      queue.notifyAll();
      return true;
    }
  }

  /** Has everything that was queued so far handed over, once it is measured. */
  public void flush() {
    synchronized (queue) {
      if (!handOverQueued) {
        handOverQueued = true;
        queue(new Entry.HandOver());
      }
    }
  }

  private void queue(Entry entry) {
    synchronized (queue) {
      if (!closed) {
        queue.add(entry);
        queue.notifyAll();
      }
    }
  }

  private @Nullable Entry next() throws InterruptedException {
    synchronized (queue) {
      while (queue.isEmpty() && !closed) {
        queue.wait();
      }
      return queue.poll();
    }
  }

  private void run() {
    try {
      for (Entry entry = next(); entry != null; entry = next()) {
        work(entry);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void work(Entry entry) {
    try {
      switch (entry) {
        case Entry.Measure measure -> {
          synchronized (queue) {
            queuedBytes -= measure.bytes();
          }
          measure(measure.comparison());
        }
        case Entry.Learned learned -> {
          Measuring rollout = measuring.get(learned.rolloutId());
          if (rollout != null) {
            rollout.tally.tolerance(learned.tolerance());
          }
        }
        case Entry.HandOver handOver -> {
          synchronized (queue) {
            handOverQueued = false;
          }
          handOver();
        }
      }
    } catch (RuntimeException e) {
      counters.increment(Counter.COMPARISONS_DROPPED);
      log.log(Level.WARNING, "A comparison could not be measured", e);
    }
  }

  private void measure(Comparison comparison) {
    String rolloutId = comparison.getRolloutId();
    Judged rollout = judged.get(rolloutId);
    if (rollout == null || !versionFits(comparison, rollout.spec())) {
      counters.increment(Counter.COMPARISONS_UNKNOWN);
      return;
    }
    measuring
        .computeIfAbsent(rolloutId, id -> new Measuring(rollout.spec(), rollout.tally()))
        .tally
        .add(comparison);
  }

  private static boolean versionFits(Comparison comparison, EvaluationSpec spec) {
    String expected =
        comparison.getRole() == Role.SHADOW
            ? spec.getChallengerVersion()
            : spec.getChampionVersion();
    return expected.isEmpty() || expected.equals(comparison.getVersion());
  }

  private void handOver() {
    measuring.forEach((rolloutId, rollout) -> {
      ComparisonTally tally = rollout.tally;
      Measured measured = new Measured(tally.take(), tally.takeNoise(), tally.takeKept());
      if (!measured.isEmpty()) {
        sink.accept(rolloutId, measured);
      }
      count(rollout);
    });
    // The next attempt may bring another contract.
    measuring.entrySet().removeIf(entry -> isOver(entry.getKey(), entry.getValue().spec));
  }

  private void count(Measuring rollout) {
    counters.add(Counter.COMPARISONS_UNTESTED, rollout.tally.waiting() - rollout.untested);
    rollout.untested = rollout.tally.waiting();
    if (rollout.spec.getMirroredControl()) {
      counters.add(Counter.COMPARISONS_UNMATCHED, rollout.tally.unmatched() - rollout.unmatched);
      rollout.unmatched = rollout.tally.unmatched();
    }
  }

  private boolean isOver(String rolloutId, EvaluationSpec spec) {
    Judged now = judged.get(rolloutId);
    return now == null || !now.spec().equals(spec);
  }

  @Override
  public void close() {
    synchronized (queue) {
      closed = true;
      queue.notifyAll();
    }
    try {
      thread.join(5_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
