package dev.understudy.router.auth;

import dev.understudy.router.call.Principal;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Remembers tokens that were verified, by their SHA-256, so that a signature is checked once for
 * each token and not for each call. Only good tokens come in, so strangers cannot push others out.
 * A token is forgotten when it expires, when the issuer's keys change, or when {@value #WAYS}
 * others with the same place came later.
 *
 * <p>Any thread; no lock. Two threads that write to one place at once lose one of the two, which
 * costs a verification later.
 */
final class VerifiedTokens {
  private static final int WAYS = 4;
  private static final int SHA_256_BYTES = 32;

  /** A verified token; its digest as four words. */
  private record Entry(
      long a, long b, long c, long d, Principal principal, long untilMillis, TokenKeys keys) {}

  /** A token's digest, and what a thread needs to make it. */
  static final class Digest {
    private final MessageDigest sha256;
    private final byte[] text = new byte[TokenVerifier.MAX_CHARACTERS];
    private final byte[] bytes = new byte[SHA_256_BYTES];

    Digest() {
      try {
        sha256 = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException everyJdkHasIt) {
        throw new IllegalStateException(everyJdkHasIt);
      }
    }

    private void of(String token, int from, int to) {
      int length = to - from;
      for (int i = 0; i < length; i++) {
        text[i] = (byte) token.charAt(from + i);
      }
      sha256.update(text, 0, length);
      try {
        sha256.digest(bytes, 0, SHA_256_BYTES);
      } catch (DigestException itIsLongEnough) {
        throw new IllegalStateException(itIsLongEnough);
      }
    }

    private long word(int index) {
      long word = 0;
      for (int i = 8 * index; i < 8 * index + 8; i++) {
        word = word << 8 | (bytes[i] & 0xff);
      }
      return word;
    }
  }

  private final AtomicReferenceArray<@Nullable Entry> entries;
  private final int mask;

  @SuppressWarnings("ThreadLocalUsage") // one cache for each router, and few routers in a process
  private final ThreadLocal<Digest> digests = ThreadLocal.withInitial(Digest::new);

  /**
   * Makes an empty cache.
   *
   * @param capacity how many tokens it holds, a power of two
   */
  VerifiedTokens(int capacity) {
    if (Integer.bitCount(capacity) != 1 || capacity < WAYS) {
      throw new IllegalArgumentException(
          "capacity: " + capacity + " (expected: a power of two, at least " + WAYS + ")");
    }
    entries = new AtomicReferenceArray<>(capacity);
    mask = capacity / WAYS - 1;
  }

  /**
   * Whose token this is, if it was verified under these keys and has not expired. The text has at
   * most {@link TokenVerifier#MAX_CHARACTERS} characters, all ASCII.
   */
  @Nullable Principal find(String text, int from, int to, TokenKeys keys, long nowMillis) {
    Digest digest = digests.get();
    digest.of(text, from, to);
    long a = digest.word(0);
    int first = WAYS * ((int) a & mask);
    for (int i = first; i < first + WAYS; i++) {
      Entry entry = entries.get(i);
      if (entry != null
          && entry.a == a
          && entry.b == digest.word(1)
          && entry.c == digest.word(2)
          && entry.d == digest.word(3)) {
        return entry.keys == keys && nowMillis < entry.untilMillis ? entry.principal : null;
      }
    }
    return null;
  }

  /** Remembers a token. */
  void add(String text, int from, int to, Principal principal, long untilMillis, TokenKeys keys) {
    Digest digest = digests.get();
    digest.of(text, from, to);
    Entry entry =
        new Entry(
            digest.word(0),
            digest.word(1),
            digest.word(2),
            digest.word(3),
            principal,
            untilMillis,
            keys);
    int first = WAYS * ((int) entry.a & mask);
    int victim = first;
    long soonest = Long.MAX_VALUE;
    for (int i = first; i < first + WAYS; i++) {
      Entry old = entries.get(i);
      if (old == null || old.keys != keys || old.a == entry.a) {
        victim = i;
        break;
      }
      if (old.untilMillis < soonest) {
        soonest = old.untilMillis;
        victim = i;
      }
    }
    entries.set(victim, entry);
  }
}
