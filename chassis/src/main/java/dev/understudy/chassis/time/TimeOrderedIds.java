package dev.understudy.chassis.time;

import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/**
 * Makes UUIDs of version 7 that grow strictly, also within a millisecond and when the clock is set
 * back. The twelve bits after the timestamp are a counter that starts at random in its lower half
 * each millisecond and carries into the timestamp when it overflows (RFC 9562, section 6.2, method
 * 1); the other 62 bits are random. The identifiers are unique, not secret.
 *
 * <p>Safe for use by any thread; a call costs one compare-and-set.
 */
public final class TimeOrderedIds {
  private final TimeSource time;
  private final RandomGenerator random;

  /** The last timestamp in milliseconds, shifted left by twelve, plus the counter. */
  private final AtomicLong last = new AtomicLong();

  /**
   * Makes a generator.
   *
   * @param random must be safe for use by every thread that asks for identifiers
   */
  public TimeOrderedIds(TimeSource time, RandomGenerator random) {
    this.time = time;
    this.random = random;
  }

  /** A generator on the machine's clock. */
  public static TimeOrderedIds system() {
    return new TimeOrderedIds(TimeSource.system(), () -> ThreadLocalRandom.current().nextLong());
  }

  /** The next identifier in its canonical form of 36 characters. */
  public String next() {
    return nextUuid().toString();
  }

  /** The next identifier. */
  public UUID nextUuid() {
    long bits = random.nextLong();
    // The bits that the identifier does not carry seed the counter.
    long fresh = (time.wallMillis() << 12) | ((bits >>> 62) << 9);
    long ticket = last.accumulateAndGet(fresh, (old, now) -> now > old ? now : old + 1);
    return UuidV7.of(ticket >>> 12, (int) (ticket & 0xFFF), bits);
  }
}
