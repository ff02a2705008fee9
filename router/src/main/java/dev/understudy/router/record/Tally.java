package dev.understudy.router.record;

import java.util.concurrent.atomic.LongAdder;

/**
 * A count that only grows, and what it has grown by since the last look. Growths telescope: their
 * sum is the count, whatever the interleaving, so that each event is in exactly one growth. Any
 * thread adds; one thread looks.
 */
final class Tally {
  private final LongAdder count = new LongAdder();
  private long seen;

  void add() {
    count.increment();
  }

  /** Adds 0 or more. */
  void add(long amount) {
    count.add(amount);
  }

  long growth() {
    return growth(1);
  }

  /** The growth in units of so many; what is short of a unit is in a later growth. */
  long growth(long unit) {
    long now = count.sum() / unit;
    long growth = now - seen;
    seen = now;
    return growth;
  }

  /** As of the last look. */
  long seen() {
    return seen;
  }
}
