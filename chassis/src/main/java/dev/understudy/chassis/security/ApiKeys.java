package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestException;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Knows API keys by their HMAC-SHA-256 under a secret of the service, so that a stolen file gives
 * no key away. The file has a line {@code principal: hex} for each key; a principal may have
 * several, which is how keys are rotated. Empty lines and lines that begin with {@code #} are
 * skipped.
 *
 * <p>A presented key is looked up by the first bytes of its HMAC and compared in constant time. The
 * time of the lookup tells nothing, because nobody can steer an HMAC without the secret.
 *
 * <p>Immutable; safe for use by any thread.
 */
public final class ApiKeys {
  private static final String HMAC = "HmacSHA256";
  private static final int HMAC_BYTES = 32;
  private static final int MAX_KEY_CHARACTERS = 512;

  private static final class Entry {
    private final String principal;
    private final byte[] hmac;

    Entry(String principal, byte[] hmac) {
      this.principal = principal;
      this.hmac = hmac;
    }
  }

  /**
   * What one thread needs to look a key up without allocating. The HMAC is put together as RFC 2104
   * has it, because the JDK's {@link Mac} makes an array for each result.
   */
  private static final class Scratch {
    private static final int BLOCK_BYTES = 64;

    private final MessageDigest sha256 = sha256();
    private final byte[] innerPad = new byte[BLOCK_BYTES];
    private final byte[] outerPad = new byte[BLOCK_BYTES];
    private final byte[] text = new byte[MAX_KEY_CHARACTERS];
    private final byte[] hmac = new byte[HMAC_BYTES];

    Scratch(String secret) {
      byte[] key = secret.getBytes(StandardCharsets.UTF_8);
      byte[] block =
          Arrays.copyOf(key.length > BLOCK_BYTES ? sha256.digest(key) : key, BLOCK_BYTES);
      for (int i = 0; i < BLOCK_BYTES; i++) {
        innerPad[i] = (byte) (block[i] ^ 0x36);
        outerPad[i] = (byte) (block[i] ^ 0x5c);
      }
    }

    /** The HMAC of the text's first bytes, which are wiped. */
    byte[] hmac(int length) {
      try {
        sha256.update(innerPad);
        sha256.update(text, 0, length);
        Arrays.fill(text, 0, length, (byte) 0);
        sha256.digest(hmac, 0, HMAC_BYTES);
        sha256.update(outerPad);
        sha256.update(hmac);
        sha256.digest(hmac, 0, HMAC_BYTES);
        return hmac;
      } catch (DigestException itIsLongEnough) {
        throw new IllegalStateException(itIsLongEnough);
      }
    }
  }

  /** Open addressing; a power of two, at most half full. An HMAC is its own hash. */
  private final @Nullable Entry[] table;

  @SuppressWarnings("ThreadLocalUsage") // the secret belongs to this set of keys
  private final ThreadLocal<Scratch> scratch;

  private final int size;

  private ApiKeys(String secret, List<Entry> entries) {
    scratch = ThreadLocal.withInitial(() -> new Scratch(secret));
    table = new Entry[Integer.highestOneBit(Math.max(8, entries.size() * 4))];
    for (Entry entry : entries) {
      int at = slot(entry.hmac);
      while (table[at] != null) {
        at = (at + 1) & (table.length - 1);
      }
      table[at] = entry;
    }
    size = entries.size();
  }

  /**
   * Reads a file of keys.
   *
   * @param secret the HMAC secret, as from {@link Tokens#read}
   * @throws ConfigException with all problems at once
   */
  public static ApiKeys read(Path file, String secret) {
    try {
      return parse(file.toString(), Files.readString(file), secret);
    } catch (IOException e) {
      throw new ConfigException(file + ": the keys cannot be read: " + e.getMessage());
    }
  }

  /** Reads the text of a file of keys. */
  public static ApiKeys parse(String name, String text, String secret) {
    List<Entry> entries = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    int number = 0;
    for (String raw : text.lines().toList()) {
      number++;
      String line = raw.strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      int colon = line.lastIndexOf(':');
      String principal = colon < 0 ? "" : line.substring(0, colon).strip();
      byte[] hmac = hex(line.substring(colon + 1).strip());
      if (principal.isEmpty() || hmac == null) {
        problems.add(
            name
                + ":"
                + number
                + ": no entry (expected: principal: "
                + 2 * HMAC_BYTES
                + " hex digits)");
      } else {
        entries.add(new Entry(principal, hmac));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
    return new ApiKeys(secret, entries);
  }

  /** The line of the file that makes a key valid for a principal. */
  public static String entry(String principal, String key, String secret) {
    if (key.isEmpty()
        || key.length() > MAX_KEY_CHARACTERS
        || key.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      // Names the length and never the key.
      throw new IllegalArgumentException(
          "key: "
              + key.length()
              + " characters (expected: 1 to "
              + MAX_KEY_CHARACTERS
              + ", printable ASCII)");
    }
    if (principal.isBlank() || principal.startsWith("#") || principal.contains("\n")) {
      throw new IllegalArgumentException("principal: '" + principal + "' (expected: a name)");
    }
    byte[] hmac = mac(secret).doFinal(key.getBytes(StandardCharsets.US_ASCII));
    return principal + ": " + HexFormat.of().formatHex(hmac);
  }

  /** Whose key this is, or null if it is nobody's. */
  public @Nullable String principalOf(String presentedKey) {
    return principalOf(presentedKey, 0, presentedKey.length());
  }

  /**
   * Whose key this is, or null if it is nobody's. Allocates nothing once the thread has been here.
   *
   * @param text holds the key, as a header does behind its scheme
   * @param from where the key begins
   * @param to behind its end
   */
  public @Nullable String principalOf(String text, int from, int to) {
    int length = to - from;
    if (length <= 0 || length > MAX_KEY_CHARACTERS) {
      return null;
    }
    Scratch mine = scratch.get();
    for (int i = 0; i < length; i++) {
      char c = text.charAt(from + i);
      if (c > '~') {
        // Headers are ASCII, so no such key can arrive.
        return null;
      }
      mine.text[i] = (byte) c;
    }
    byte[] hmac = mine.hmac(length);
    String principal = null;
    int at = slot(hmac);
    for (Entry entry = table[at]; entry != null; entry = table[at]) {
      if (MessageDigest.isEqual(entry.hmac, hmac)) {
        principal = entry.principal;
      }
      at = (at + 1) & (table.length - 1);
    }
    return principal;
  }

  private int slot(byte[] hmac) {
    int hash = (hmac[0] & 0xff) | (hmac[1] & 0xff) << 8 | (hmac[2] & 0xff) << 16 | hmac[3] << 24;
    return hash & (table.length - 1);
  }

  /** The most places beside each other that are taken: what a lookup may have to pass. */
  int longestRun() {
    int longest = 0;
    int run = 0;
    for (Entry entry : table) {
      run = entry == null ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    return longest;
  }

  /** The principals, each once. */
  public Set<String> principals() {
    Set<String> names = new TreeSet<>();
    for (Entry entry : table) {
      if (entry != null) {
        names.add(entry.principal);
      }
    }
    return names;
  }

  /** How many keys there are. */
  public int size() {
    return size;
  }

  private static byte @Nullable [] hex(String text) {
    try {
      byte[] bytes = HexFormat.of().parseHex(text);
      return bytes.length == HMAC_BYTES ? bytes : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException everyJdkHasIt) {
      throw new IllegalStateException(everyJdkHasIt);
    }
  }

  private static Mac mac(String secret) {
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), HMAC));
      return mac;
    } catch (NoSuchAlgorithmException | InvalidKeyException everyJdkHasIt) {
      throw new IllegalStateException(everyJdkHasIt);
    }
  }
}
