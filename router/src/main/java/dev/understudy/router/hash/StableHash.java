package dev.understudy.router.hash;

/**
 * A 64-bit hash that is the same in every router and release: FNV-1a over the UTF-16 units of a
 * text, started from a seed, then twice the finaliser of MurmurHash3, whose avalanche makes the
 * upper bits usable as a uniform number. Not for secrets. Stateless.
 */
public final class StableHash {
  private static final long OFFSET = 0xcbf29ce484222325L;
  private static final long PRIME = 0x100000001b3L;

  private StableHash() {}

  /** A seed for one purpose; different texts give independent hashes. */
  public static long seed(String purpose) {
    return of(OFFSET, purpose);
  }

  /** The hash of a text under a seed. */
  public static long of(long seed, String text) {
    long h = seed ^ OFFSET;
    for (int i = 0; i < text.length(); i++) {
      h = (h ^ text.charAt(i)) * PRIME;
    }
    return mix(mix(h ^ seed));
  }

  /** A uniform number in [0, 1) from the upper 53 bits of a hash. */
  public static double unit(long hash) {
    return (hash >>> 11) * 0x1.0p-53;
  }

  /** Whether a hash falls into a share given in 1/10000. */
  public static boolean within(long hash, int bp) {
    return unit(hash) < bp / 10_000.0;
  }

  private static long mix(long h) {
    h ^= h >>> 33;
    h *= 0xff51afd7ed558ccdL;
    h ^= h >>> 33;
    h *= 0xc4ceb9fe1a85ec53L;
    return h ^ h >>> 33;
  }
}
