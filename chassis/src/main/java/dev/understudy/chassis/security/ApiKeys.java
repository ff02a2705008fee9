package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Knows API keys by their HMAC-SHA-256 under a secret of the service, so that a stolen file gives
 * no key away. The file has a line {@code principal: hex} for each key; a principal may have
 * several, which is how keys are rotated. Empty lines and lines that begin with {@code #} are
 * skipped.
 *
 * <p>A presented key is looked up by the first eight bytes of its HMAC and compared in constant
 * time. The time of the lookup tells nothing, because nobody can steer an HMAC without the secret.
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

  private final Mac prototype;
  private final Map<Long, List<Entry>> byPrefix = new HashMap<>();
  private final int size;

  private ApiKeys(String secret, List<Entry> entries) {
    prototype = mac(secret);
    for (Entry entry : entries) {
      byPrefix.computeIfAbsent(prefix(entry.hmac), k -> new ArrayList<>()).add(entry);
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
    if (principal.isBlank() || principal.startsWith("#") || principal.contains("\n")) {
      throw new IllegalArgumentException("principal: '" + principal + "' (expected: a name)");
    }
    byte[] hmac = mac(secret).doFinal(key.getBytes(StandardCharsets.UTF_8));
    return principal + ": " + HexFormat.of().formatHex(hmac);
  }

  /** Whose key this is, or null if it is nobody's. */
  public @Nullable String principalOf(String presentedKey) {
    if (presentedKey.length() > MAX_KEY_CHARACTERS) {
      return null;
    }
    byte[] hmac = copy(prototype).doFinal(presentedKey.getBytes(StandardCharsets.UTF_8));
    String principal = null;
    for (Entry entry : byPrefix.getOrDefault(prefix(hmac), List.of())) {
      if (MessageDigest.isEqual(entry.hmac, hmac)) {
        principal = entry.principal;
      }
    }
    return principal;
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

  private static long prefix(byte[] hmac) {
    return ByteBuffer.wrap(hmac).getLong();
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

  private static Mac copy(Mac prototype) {
    try {
      return (Mac) prototype.clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException(e);
    }
  }
}
