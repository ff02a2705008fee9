package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;

/** Reads, makes and compares shared secrets. */
public final class Tokens {
  /** The shortest token that is accepted, in characters. */
  public static final int MIN_LENGTH = 16;

  private Tokens() {}

  /**
   * Reads a token from the only line of a file.
   *
   * @throws ConfigException if the file is missing or the token is too short or not printable ASCII
   */
  public static String read(Path file) {
    String token;
    try {
      token = Files.readString(file, StandardCharsets.US_ASCII).strip();
    } catch (IOException e) {
      throw new ConfigException(file + ": the token cannot be read (expected: one line of ASCII)");
    }
    if (token.length() < MIN_LENGTH || token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      // Names the length and never the token.
      throw new ConfigException(
          file
              + ": the token has "
              + token.length()
              + " characters (expected: one line of at least "
              + MIN_LENGTH
              + " printable ones)");
    }
    return token;
  }

  /** A fresh token of 256 random bits. */
  public static String create() {
    byte[] bits = new byte[32];
    new SecureRandom().nextBytes(bits);
    return HexFormat.of().formatHex(bits);
  }

  /** Compares two secrets in a time that depends on neither's content. */
  static boolean same(String presented, byte[] expectedDigest) {
    return MessageDigest.isEqual(digest(presented), expectedDigest);
  }

  static byte[] digest(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException everyJdkHasIt) {
      throw new IllegalStateException(everyJdkHasIt);
    }
  }
}
