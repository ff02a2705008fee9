package dev.understudy.chassis.time;

import java.util.UUID;
import java.util.random.RandomGenerator;

/** Time-ordered UUIDs, version 7 of RFC 9562, section 5.7. */
public final class UuidV7 {
  private static final long VERSION_7 = 0x7000L;
  private static final long VARIANT = 0x8000_0000_0000_0000L;
  private static final long LOW_62_BITS = 0x3FFF_FFFF_FFFF_FFFFL;

  private UuidV7() {}

  /**
   * An identifier of this millisecond. Two of the same millisecond have no order between them;
   * where that matters, use {@link TimeOrderedIds}.
   */
  public static UUID next(TimeSource time, RandomGenerator random) {
    return of(time.wallMillis(), random.nextInt(0x1000), random.nextLong());
  }

  /** The wall-clock millisecond that an identifier carries. */
  public static long millis(UUID id) {
    return id.getMostSignificantBits() >>> 16;
  }

  static UUID of(long millis, int twelveBits, long randomBits) {
    return new UUID(
        (millis << 16) | VERSION_7 | (twelveBits & 0xFFF), VARIANT | (randomBits & LOW_62_BITS));
  }
}
