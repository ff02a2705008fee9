package dev.understudy.router.auth;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Bounds how often one address may fail to say who it is, in memory that does not grow.
 *
 * <p>Each address has a cell in each of two rows, found by two keyed hashes, and in a cell a clock
 * of the generic cell rate algorithm (ITU-T I.371): the time at which the cell would be empty again
 * if no more failures came. An address is blocked while <em>both</em> of its cells are too far
 * ahead of now, as in a count-min sketch (Cormode and Muthukrishnan 2005). So nothing is ever
 * evicted, and eviction cannot forgive; an innocent address is blocked only if others fill both of
 * its cells: with 100 attacking addresses that has a probability of about (100 / {@value #CELLS})²
 * = 4e-5. The hashes are keyed at random, so nobody can aim at a neighbour's cells.
 *
 * <p>Any thread; no lock; nothing is allocated after construction.
 */
final class FailedAttempts {
  static final int CELLS = 1 << 14;

  private final AtomicLongArray emptyAt = new AtomicLongArray(2 * CELLS);
  private final long seedA;
  private final long seedB;
  private final long intervalNanos;
  private final long toleranceNanos;
  private final long originNanos;

  /**
   * Makes a sketch without failures.
   *
   * @param perSecond failures that are allowed in the long run
   * @param burst failures that are allowed at once
   * @param nowNanos any time before the first failure
   */
  FailedAttempts(double perSecond, int burst, long seedA, long seedB, long nowNanos) {
    this.seedA = seedA;
    this.seedB = seedB;
    this.intervalNanos = Math.max(1, Math.round(1e9 / perSecond));
    this.toleranceNanos = Math.multiplyExact(intervalNanos, (long) burst);
    this.originNanos = nowNanos;
  }

  /** How long the address has to wait before it may try again; 0 if it may now. */
  long waitNanos(long address, long nowNanos) {
    long now = nowNanos - originNanos;
    long ahead = Math.min(emptyAt.get(first(address)), emptyAt.get(second(address))) - now;
    return Math.max(0, ahead - toleranceNanos + intervalNanos);
  }

  /** Counts a failure. */
  void failed(long address, long nowNanos) {
    long now = nowNanos - originNanos;
    push(first(address), now);
    push(second(address), now);
  }

  private void push(int cell, long now) {
    while (true) {
      long old = emptyAt.get(cell);
      // Never further than the tolerance allows: who is blocked is not blocked for longer.
      long next = Math.min(Math.max(old, now) + intervalNanos, now + toleranceNanos);
      if (next <= old || emptyAt.compareAndSet(cell, old, next)) {
        return;
      }
    }
  }

  private int first(long address) {
    return (int) (mix(address ^ seedA) >>> 50);
  }

  private int second(long address) {
    return CELLS + (int) (mix(address ^ seedB) >>> 50);
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
  private static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
