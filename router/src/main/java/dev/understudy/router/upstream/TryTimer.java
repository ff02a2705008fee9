package dev.understudy.router.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Ends attempts that take too long. Nearly every attempt ends long before its time, so what must be
 * cheap is to set a limit and to lift it: gRPC's own deadlines put each into a queue that all event
 * loops share under a lock, and take it out again, which costs more than a layer of the router.
 *
 * <p>This is a hashed timing wheel (Varghese and Lauck, 1987) that belongs to one event loop: a
 * limit is linked into the list of its slot and unlinked by its neighbours, without allocation or
 * lock. The loop is woken for the first slot that holds anything, not by ticks, so an idle router
 * sleeps; when the sleepers of that slot have gone meanwhile, it looks for the next one. A limit
 * fires at most one slot ({@value #SLOT_MILLIS} ms) late, and never early.
 *
 * <p>For its event loop's thread only.
 */
final class TryTimer {
  static final int SLOT_MILLIS = 2;

  private static final int SLOTS = 4096;
  private static final long SLOT_NANOS = SLOT_MILLIS * 1_000_000L;
  private static final long NEVER = Long.MAX_VALUE;

  /** Something that a limit is set for. */
  abstract static class Limited {
    @Nullable Limited before;
    @Nullable Limited after;
    long slot = NEVER;

    /** The time is over; on the event loop. */
    abstract void tooLate();
  }

  private static final class Head extends Limited {
    @Override
    void tooLate() {
      throw new AssertionError("a list's head has no time");
    }
  }

  private final EventExecutor loop;
  private final long originNanos = System.nanoTime();
  private final @Nullable Head[] heads = new Head[SLOTS];
  private int size;

  /** All slots before this one have been looked at. */
  private long done;

  /** The slot for which the loop will be woken. */
  private long wakeSlot = NEVER;

  TryTimer(EventExecutor loop) {
    this.loop = loop;
  }

  /** How many limits are set. */
  int size() {
    return size;
  }

  /** Sets a limit, from 1 ns on; it replaces one that was set before. */
  void set(Limited limited, long nanos) {
    lift(limited);
    long now = System.nanoTime() - originNanos;
    if (size == 0) {
      done = now / SLOT_NANOS;
    }
    long at = now + Math.min(nanos, NEVER - now);
    // Rounded up: the slot's own end must have come.
    long slot = Math.max(done, at / SLOT_NANOS + 1);
    link(limited, slot);
    size++;
    if (slot < wakeSlot) {
      wake(slot, now);
    }
  }

  /** Lifts a limit; without effect when there is none. */
  void lift(Limited limited) {
    if (limited.slot != NEVER) {
      unlink(limited);
      size--;
    }
  }

  private void link(Limited limited, long slot) {
    int index = (int) (slot & (SLOTS - 1));
    Limited head = heads[index];
    if (head == null) {
      Head made = new Head();
      made.before = made;
      made.after = made;
      heads[index] = made;
      head = made;
    }
    Limited last = head.before == null ? head : head.before;
    limited.slot = slot;
    limited.before = last;
    limited.after = head;
    last.after = limited;
    head.before = limited;
  }

  private static void unlink(Limited limited) {
    Limited before = limited.before;
    Limited after = limited.after;
    if (before != null && after != null) {
      before.after = after;
      after.before = before;
    }
    limited.before = null;
    limited.after = null;
    limited.slot = NEVER;
  }

  private void wake(long slot, long now) {
    wakeSlot = slot;
    Future<?> unused =
        loop.schedule(
            () -> woken(slot), Math.max(0, slot * SLOT_NANOS - now), TimeUnit.NANOSECONDS);
  }

  private void woken(long slot) {
    if (slot != wakeSlot) {
      // An earlier one was set meanwhile, and this waking has been made good for by it.
      return;
    }
    wakeSlot = NEVER;
    long now = System.nanoTime() - originNanos;
    long until = now / SLOT_NANOS;
    long from = done;
    done = Math.max(done, until + 1);
    // Further than once around there is nothing new to see.
    for (long s = Math.max(from, until - SLOTS + 1); s <= until; s++) {
      fire(s, until);
    }
    if (size > 0 && wakeSlot == NEVER) {
      wake(next(), System.nanoTime() - originNanos);
    }
  }

  private void fire(long slot, long until) {
    Head head = heads[(int) (slot & (SLOTS - 1))];
    if (head == null) {
      return;
    }
    Limited each = head.after;
    while (each != null && each != head) {
      Limited following = each.after;
      // Others in this list are due in a later round.
      if (each.slot <= until) {
        unlink(each);
        size--;
        each.tooLate();
        // What has just ended may have taken its neighbour with it.
        if (following != null && following != head && following.slot == NEVER) {
          following = head.after;
        }
      }
      each = following;
    }
  }

  /** The first slot with anything that is due in this round, or the end of the round. */
  private long next() {
    for (long s = done; s < done + SLOTS; s++) {
      Head head = heads[(int) (s & (SLOTS - 1))];
      if (head != null) {
        for (Limited each = head.after; each != null && each != head; each = each.after) {
          if (each.slot == s) {
            return s;
          }
        }
      }
    }
    return done + SLOTS - 1;
  }
}
