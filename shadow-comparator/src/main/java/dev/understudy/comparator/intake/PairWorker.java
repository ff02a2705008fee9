package dev.understudy.comparator.intake;

import dev.understudy.comparator.intake.Counters.Counter;
import dev.understudy.evidence.tally.ComparisonTally;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Role;
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
 */
final class PairWorker implements AutoCloseable {
  private static final Logger log = Logger.getLogger(PairWorker.class.getName());

  /** A comparison, or null: tallies are to be handed over. */
  private record Entry(@Nullable Comparison comparison, long bytes) {
    static final Entry FLUSH = new Entry(null, 0);
  }

  private record Judged(EvaluationSpec spec, ComparisonTally tally) {}

  private final long mostBytes;
  private final Counters counters;
  private final BiConsumer<String, List<PairTally>> sink;
  private final Map<String, EvaluationSpec> specs = new ConcurrentHashMap<>();
  private final Map<String, Judged> tallies = new TreeMap<>();
  private final ArrayDeque<Entry> queue = new ArrayDeque<>();
  private long queuedBytes;
  private boolean flushQueued;
  private boolean closed;
  private final Thread thread;

  PairWorker(long mostBytes, Counters counters, BiConsumer<String, List<PairTally>> sink) {
    this.mostBytes = mostBytes;
    this.counters = counters;
    this.sink = sink;
    this.thread = Thread.ofPlatform().daemon().name("comparator-pairs").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** Comparisons of this rollout are measured from now on, as its contract says. */
  void judge(EvaluationSpec spec) {
    specs.put(spec.getRolloutId(), spec);
  }

  /** Comparisons of this rollout are not measured any more. */
  void forget(String rolloutId) {
    specs.remove(rolloutId);
  }

  /** Queues a comparison; false when it was dropped. Safe for use by any thread. */
  boolean offer(Comparison comparison) {
    counters.increment(Counter.COMPARISONS);
    long bytes = comparison.getSerializedSize();
    synchronized (queue) {
      if (closed || queuedBytes + bytes > mostBytes) {
        counters.increment(Counter.COMPARISONS_DROPPED);
        return false;
      }
      queuedBytes += bytes;
      queue.add(new Entry(comparison, bytes));
      queue.notifyAll();
      return true;
    }
  }

  /** Has everything that was queued so far handed over, once it is measured. */
  void flush() {
    synchronized (queue) {
      if (!closed && !flushQueued) {
        flushQueued = true;
        queue.add(Entry.FLUSH);
        queue.notifyAll();
      }
    }
  }

  private void run() {
    while (true) {
      Entry entry;
      synchronized (queue) {
        while (queue.isEmpty() && !closed) {
          try {
            queue.wait();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
          }
        }
        if (queue.isEmpty()) {
          return;
        }
        entry = queue.remove();
        queuedBytes -= entry.bytes();
        flushQueued &= entry.comparison() != null;
      }
      Comparison comparison = entry.comparison();
      try {
        if (comparison == null) {
          handOver();
        } else {
          measure(comparison);
        }
      } catch (RuntimeException e) {
        counters.increment(Counter.COMPARISONS_DROPPED);
        log.log(Level.WARNING, "A comparison could not be measured", e);
      }
    }
  }

  private void measure(Comparison comparison) {
    EvaluationSpec spec = specs.get(comparison.getRolloutId());
    if (spec == null || !versionFits(comparison, spec)) {
      counters.increment(Counter.COMPARISONS_UNKNOWN);
      return;
    }
    tallies
        .computeIfAbsent(
            comparison.getRolloutId(),
            id -> new Judged(spec, new ComparisonTally(spec.getContract())))
        .tally()
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
    tallies.forEach((rolloutId, judged) -> {
      List<PairTally> taken = judged.tally().take();
      if (!taken.isEmpty()) {
        sink.accept(rolloutId, taken);
      }
    });
    // The next attempt may bring another contract.
    tallies.entrySet().removeIf(e -> !e.getValue().spec().equals(specs.get(e.getKey())));
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
