package dev.understudy.chassis.telemetry;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Hands things from many threads to one without a lock and without waiting: what finds no room is
 * dropped and counted. A producer claims a position, then fills its slot; the consumer stops at a
 * slot that has been claimed and not filled, so that the order of claims is kept.
 *
 * <p>Any number of threads offer, one polls.
 */
public final class BoundedRing<T> {
  private static final int MOST = 1 << 24;

  private final AtomicReferenceArray<@Nullable T> slots;
  private final int mask;
  private final AtomicLong claimed = new AtomicLong();
  private final AtomicLong taken = new AtomicLong();
  private final LongAdder dropped = new LongAdder();

  /**
   * An empty ring.
   *
   * @param capacity 1 to 16,777,216, rounded up to a power of two
   */
  public BoundedRing(int capacity) {
    if (capacity < 1 || capacity > MOST) {
      throw new IllegalArgumentException(
          "capacity: " + capacity + " (expected: 1 to " + MOST + ")");
    }
    int size = Integer.highestOneBit(Math.max(1, 2 * capacity - 1));
    this.slots = new AtomicReferenceArray<>(size);
    this.mask = size - 1;
  }

  /** Leaves something, or counts it as dropped. */
  public boolean offer(T thing) {
    while (true) {
      long at = claimed.get();
      // A slot is emptied before its turn is given back, so a claimed slot is an empty one.
      if (at - taken.get() > mask) {
        dropped.increment();
        return false;
      }
      if (claimed.compareAndSet(at, at + 1)) {
        slots.setRelease((int) at & mask, thing);
        return true;
      }
    }
  }

  /** The oldest thing that is there, or null. For one thread. */
  public @Nullable T poll() {
    long at = taken.get();
    int slot = (int) at & mask;
    T thing = slots.getAcquire(slot);
    if (thing != null) {
      slots.setRelease(slot, null);
      taken.set(at + 1);
    }
    return thing;
  }

  /** How many things wait, those that are being left included. */
  public int size() {
    return (int) Math.max(0, claimed.get() - taken.get());
  }

  /** How many found no room. */
  public long dropped() {
    return dropped.sum();
  }
}
