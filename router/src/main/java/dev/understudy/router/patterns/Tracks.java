package dev.understudy.router.patterns;

import dev.understudy.router.hash.StableHash;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The callers that are remembered: a table of sets of {@value #WAYS} under a hash that nobody
 * outside can compute. Where a set is full the newcomer takes the place of the caller of whom least
 * would be forgotten: the least suspicious, of these the one silent for longest. So nobody can have
 * himself forgotten by making others known: those would have to be more suspicious than he is. When
 * all of a set are under suspicion, a newcomer is not remembered. Any thread, without a lock.
 */
final class Tracks {
  private static final int WAYS = 16;

  private final AtomicReferenceArray<@Nullable Track> table;
  private final int sets;
  private final long seed;
  private final double volumeFactor;
  private final AtomicLong evicted = new AtomicLong();
  private final AtomicLong untracked = new AtomicLong();

  /**
   * An empty table.
   *
   * @param principals how many callers at least three sets in four have room for, 1 or more
   * @param seed secret
   */
  Tracks(int principals, long seed, double volumeFactor) {
    // A set gets as many callers as chance has it: room for half as many again.
    this.sets = Math.max(1, (int) ((principals * 3L / 2 + WAYS - 1) / WAYS));
    this.table = new AtomicReferenceArray<>(sets * WAYS);
    this.seed = seed;
    this.volumeFactor = volumeFactor;
  }

  /** The caller's track, made if need be; null when there is no room. */
  @Nullable Track of(String principal, long nowNanos) {
    long hash = StableHash.of(seed, principal);
    int from = (int) Math.unsignedMultiplyHigh(hash, sets) * WAYS;
    int empty = -1;
    for (int at = from; at < from + WAYS; at++) {
      Track track = table.get(at);
      if (track == null) {
        empty = at;
        break;
      }
      if (track.principal.equals(principal)) {
        return track;
      }
    }
    Track made = new Track(principal, volumeFactor, hash ^ nowNanos, nowNanos);
    if (empty >= 0) {
      // Places are filled in their order; another caller may have been faster.
      return table.compareAndSet(empty, null, made) ? made : null;
    }
    return replace(from, made, nowNanos);
  }

  private @Nullable Track replace(int from, Track made, long nowNanos) {
    int least = -1;
    double leastWeight = Double.MAX_VALUE;
    long longest = 0;
    for (int at = from; at < from + WAYS; at++) {
      Track track = table.get(at);
      if (track == null || track.isSuspect(nowNanos)) {
        continue;
      }
      double weight = track.weight(nowNanos);
      long silent = nowNanos - track.lastSeenNanos;
      if (weight < leastWeight || (weight == leastWeight && silent > longest)) {
        least = at;
        leastWeight = weight;
        longest = silent;
      }
    }
    if (least < 0) {
      untracked.incrementAndGet();
      return null;
    }
    evicted.incrementAndGet();
    table.set(least, made);
    return made;
  }

  void forEach(Consumer<Track> visitor) {
    for (int at = 0; at < table.length(); at++) {
      Track track = table.get(at);
      if (track != null) {
        visitor.accept(track);
      }
    }
  }

  long evicted() {
    return evicted.get();
  }

  long untracked() {
    return untracked.get();
  }
}
