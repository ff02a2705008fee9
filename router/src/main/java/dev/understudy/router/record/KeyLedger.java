package dev.understudy.router.record;

import dev.understudy.router.hash.StableHash;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * Which keys a rollout has seen, and which of them have failed, so that a key counts once. Bounded:
 * on overflow only keys whose second hash ends in one more zero bit are kept and reported. The
 * second hash is the same in every router, so that all thin to the same keys.
 *
 * <p>Any thread; a short lock, only for models that are split by key.
 */
public final class KeyLedger {
  private static final long SECOND = StableHash.seed("thin");

  private final int capacity;
  private final Map<Long, Boolean> failed = new HashMap<>();
  private String rollout = "";
  private int level;

  /** A ledger of at most so many keys. */
  public KeyLedger(int capacity) {
    this.capacity = capacity;
  }

  /** A key has been assigned to the cell's arm. */
  public synchronized void seen(String rolloutId, long hash, ArmCell cell) {
    begin(rolloutId);
    if (kept(hash) && failed.putIfAbsent(hash, false) == null) {
      cell.firstSeen(hash);
      while (failed.size() > capacity) {
        thin();
      }
    }
  }

  /** A request of a key has failed in the cell's arm. */
  public synchronized void bad(String rolloutId, long hash, ArmCell cell) {
    begin(rolloutId);
    if (kept(hash) && !Boolean.TRUE.equals(failed.put(hash, true))) {
      cell.firstBad(hash);
    }
  }

  /** How many keys are remembered. */
  public synchronized int size() {
    return failed.size();
  }

  private void begin(String rolloutId) {
    if (!rollout.equals(rolloutId)) {
      rollout = rolloutId;
      failed.clear();
      level = 0;
    }
  }

  private boolean kept(long hash) {
    return Long.numberOfTrailingZeros(StableHash.of(SECOND, Long.toHexString(hash))) >= level;
  }

  private void thin() {
    level++;
    for (Iterator<Long> keys = failed.keySet().iterator(); keys.hasNext(); ) {
      if (!kept(keys.next())) {
        keys.remove();
      }
    }
  }
}
