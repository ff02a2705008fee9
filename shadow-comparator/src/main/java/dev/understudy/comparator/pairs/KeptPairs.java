package dev.understudy.comparator.pairs;

import dev.understudy.comparator.log.LogFolder;
import dev.understudy.proto.v1.KeptPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The most divergent pairs of each rollout, whole, for people to look at and to send again. At most
 * {@value #MOST_PAIRS} and 64 MiB a rollout, and 64 MiB in memory for all together: beyond that the
 * least divergent go, of the rollout that holds most.
 *
 * <p>They are no evidence. A thread of its own replaces a file in the rollout's folder at most once
 * in five seconds; what a crash takes with it, or a damaged file, costs examples and nothing else.
 * Those of a stopped rollout are in its file only.
 *
 * <p>All methods may be called by any thread.
 */
public final class KeptPairs implements AutoCloseable {
  /** Pairs that are kept of one rollout. */
  public static final int MOST_PAIRS = 100;

  private static final long MOST_BYTES = 64L << 20;
  private static final int MOST_PAIR_BYTES = 2 << 20;
  private static final long WRITE_MILLIS = 5_000;
  private static final Logger log = Logger.getLogger(KeptPairs.class.getName());

  /** Worst first; of equals the older, so that an example that somebody looks at stays. */
  private static final Comparator<KeptPair> ORDER =
      Comparator.comparingInt(KeptPair::getDivergence)
          .reversed()
          .thenComparingLong(pair -> pair.getComparison().getUnixMs())
          .thenComparing(pair -> pair.getComparison().getPredictionId());

  private static final class Rollout {
    final Path folder;
    List<KeptPair> pairs;
    long bytes;
    boolean dirty;
    boolean stopped;

    Rollout(Path folder, List<KeptPair> pairs) {
      this.folder = folder;
      this.pairs = pairs;
      this.bytes = bytesOf(pairs);
    }
  }

  private record Identity(String predictionId, int role, String version) {
    static Identity of(KeptPair pair) {
      return new Identity(
          pair.getComparison().getPredictionId(),
          pair.getComparison().getRoleValue(),
          pair.getComparison().getVersion());
    }
  }

  private final long mostBytes;
  private final Map<String, Rollout> rollouts = new HashMap<>();
  // Held while a file is written or removed, so that the two never meet. Taken before this.
  private final Object files = new Object();
  private boolean closed;
  private final Thread thread;

  /** Keeps nothing yet, and has not been started. */
  public KeptPairs() {
    this(MOST_BYTES);
  }

  /**
   * With another bound.
   *
   * @param mostBytes of one rollout, and of all together
   */
  KeptPairs(long mostBytes) {
    this.mostBytes = mostBytes;
    this.thread = Thread.ofPlatform().daemon().name("comparator-kept-pairs").unstarted(this::run);
  }

  /** Begins to write files. Once only. */
  public void start() {
    thread.start();
  }

  /** Keeps pairs of a rollout from now on, beside those in its folder. */
  public void open(String rolloutId, Path folder) {
    synchronized (this) {
      Rollout known = rollouts.get(rolloutId);
      if (known != null) {
        known.stopped = false;
        return;
      }
    }
    List<KeptPair> before = List.of();
    try {
      before = KeptFile.read(folder);
    } catch (IOException e) {
      log.log(Level.WARNING, "Kept pairs cannot be read and are given up", e);
    }
    synchronized (this) {
      rollouts.putIfAbsent(rolloutId, new Rollout(folder, best(before)));
      shrink();
    }
  }

  /** Keeps the most divergent of these and of those before. Pairs that are known change nothing. */
  public synchronized void add(String rolloutId, List<KeptPair> more) {
    Rollout rollout = rollouts.get(rolloutId);
    if (rollout == null || more.isEmpty()) {
      return;
    }
    List<KeptPair> all = new ArrayList<>(rollout.pairs);
    more.stream().filter(pair -> pair.getSerializedSize() <= MOST_PAIR_BYTES).forEach(all::add);
    List<KeptPair> next = best(all);
    if (!next.equals(rollout.pairs)) {
      rollout.pairs = next;
      rollout.bytes = bytesOf(next);
      rollout.dirty = true;
      shrink();
    }
  }

  private List<KeptPair> best(List<KeptPair> pairs) {
    List<KeptPair> ordered = pairs.stream().sorted(ORDER).toList();
    List<KeptPair> best = new ArrayList<>();
    Set<Identity> seen = new HashSet<>();
    long bytes = 0;
    for (KeptPair pair : ordered) {
      if (best.size() == MOST_PAIRS || bytes + pair.getSerializedSize() > mostBytes) {
        break;
      }
      if (seen.add(Identity.of(pair))) {
        best.add(pair);
        bytes += pair.getSerializedSize();
      }
    }
    return List.copyOf(best);
  }

  private void shrink() {
    long total = rollouts.values().stream().mapToLong(rollout -> rollout.bytes).sum();
    while (total > mostBytes) {
      Rollout largest =
          rollouts.values().stream()
              .max(Comparator.comparingLong((Rollout rollout) -> rollout.bytes))
              .orElseThrow();
      long last = largest.pairs.getLast().getSerializedSize();
      largest.pairs = List.copyOf(largest.pairs.subList(0, largest.pairs.size() - 1));
      largest.bytes -= last;
      largest.dirty = true;
      total -= last;
    }
  }

  private static long bytesOf(List<KeptPair> pairs) {
    return pairs.stream().mapToLong(KeptPair::getSerializedSize).sum();
  }

  /** Nothing more comes of this rollout: its pairs move to its file. */
  public synchronized void stop(String rolloutId) {
    Rollout rollout = rollouts.get(rolloutId);
    if (rollout != null) {
      rollout.stopped = true;
      notifyAll();
    }
  }

  /** Removes the rollout's folder and everything in it, and forgets the pairs. */
  public void remove(String rolloutId, Path folder) throws IOException {
    synchronized (files) {
      synchronized (this) {
        rollouts.remove(rolloutId);
      }
      LogFolder.remove(folder);
    }
  }

  /**
   * The pairs of a rollout, worst first.
   *
   * @param most so many; 0 for all
   * @throws IOException when they are in a file that cannot be read
   */
  public List<KeptPair> read(String rolloutId, Path folder, int most) throws IOException {
    List<KeptPair> pairs;
    synchronized (this) {
      Rollout rollout = rollouts.get(rolloutId);
      pairs = rollout == null ? null : rollout.pairs;
    }
    if (pairs == null) {
      pairs = KeptFile.read(folder);
    }
    return most > 0 && most < pairs.size() ? pairs.subList(0, most) : pairs;
  }

  private void run() {
    try {
      while (true) {
        synchronized (this) {
          if (closed) {
            break;
          }
          if (rollouts.values().stream().noneMatch(rollout -> rollout.stopped)) {
            wait(WRITE_MILLIS);
          }
        }
        write();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes what has changed, and lets go of what is stopped. */
  void write() {
    List<String> ids;
    synchronized (this) {
      ids = List.copyOf(rollouts.keySet());
    }
    ids.forEach(this::write);
  }

  private void write(String rolloutId) {
    synchronized (files) {
      Rollout rollout;
      List<KeptPair> pairs;
      synchronized (this) {
        rollout = rollouts.get(rolloutId);
        if (rollout == null) {
          return;
        }
        pairs = rollout.dirty ? rollout.pairs : null;
        rollout.dirty = false;
      }
      if (pairs != null) {
        try {
          KeptFile.write(rollout.folder, pairs);
        } catch (IOException e) {
          log.log(Level.WARNING, "Kept pairs of " + rolloutId + " cannot be written", e);
        }
      }
      synchronized (this) {
        if (rollout.stopped && !rollout.dirty) {
          rollouts.remove(rolloutId);
        }
      }
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    try {
      thread.join(5_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    write();
  }
}
