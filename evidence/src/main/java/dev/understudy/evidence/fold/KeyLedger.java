package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Cell;
import java.util.HashSet;
import java.util.Set;

/**
 * Which keys have been counted, when traffic is split by key: a key counts once as seen and once as
 * bad, whatever router or weight brings it again.
 *
 * <p>Memory is bounded by thinning: when a set is full, only keys whose second hash lies below a
 * limit that is halved each time stay and enter. The second hash knows nothing of the arm, so what
 * is left is still a fair sample.
 */
final class KeyLedger {
  static final int DEFAULT_CAPACITY = 1 << 20;

  /** How many of a cell's keys are new. */
  record Fresh(long seen, long bad, long seenAndBad) {}

  private final int capacity;
  private final Set<Long> seen = new HashSet<>();
  private final Set<Long> bad = new HashSet<>();
  // A key is kept while the leading bits of its second hash are all 0.
  private int thinningBits;

  KeyLedger(int capacity) {
    this.capacity = capacity;
  }

  Fresh fresh(Cell cell) {
    Set<Long> badNow = new HashSet<>();
    for (long key : cell.getFirstBadKeysList()) {
      if (kept(key) && bad.add(key)) {
        badNow.add(key);
      }
    }
    long seenNow = 0;
    long both = 0;
    for (long key : cell.getFirstSeenKeysList()) {
      if (kept(key) && seen.add(key)) {
        seenNow++;
        both += badNow.contains(key) ? 1 : 0;
      }
    }
    thin();
    return new Fresh(seenNow, badNow.size(), both);
  }

  /** One of 2^bits keys is counted. */
  int thinningBits() {
    return thinningBits;
  }

  private void thin() {
    while (seen.size() > capacity || bad.size() > capacity) {
      thinningBits++;
      seen.removeIf(key -> !kept(key));
      bad.removeIf(key -> !kept(key));
    }
  }

  private boolean kept(long key) {
    return thinningBits == 0 || mix(key) >>> (Long.SIZE - thinningBits) == 0;
  }

  /** The finaliser of SplitMix64. */
  private static long mix(long z) {
    long x = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    x = (x ^ (x >>> 27)) * 0x94d049bb133111ebL;
    return x ^ (x >>> 31);
  }
}
