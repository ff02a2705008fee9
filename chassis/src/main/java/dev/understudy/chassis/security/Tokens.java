package dev.understudy.chassis.security;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.Section;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

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
    try {
      return parse(file, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new ConfigException(file + ": the token cannot be read (expected: one line of ASCII)");
    }
  }

  /**
   * Reads a token from what a file holds.
   *
   * @param file names the file in the exception
   * @throws ConfigException if the token is too short or not printable ASCII
   */
  public static String parse(Path file, byte[] content) {
    // Every byte becomes one character, and those that are no ASCII are refused below.
    String token = new String(content, StandardCharsets.ISO_8859_1).strip();
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

  /**
   * Reads the token in the file that a key names; null if the key is not there, or if the file
   * cannot be used, which becomes a problem of the key.
   */
  public static @Nullable String token(Section section, String key) {
    Path file = section.optionalPath(key);
    if (file == null) {
      return null;
    }
    try {
      return read(file);
    } catch (ConfigException e) {
      section.problem(key, String.valueOf(e.getMessage()));
      return null;
    }
  }

  /**
   * Reads a token that opens less than another one does, so it must not be the same.
   *
   * @param greater the other; without it the lesser would protect nothing, which is a problem too
   */
  public static @Nullable String token(Section section, String key, @Nullable String greater) {
    String lesser = token(section, key);
    if (lesser != null && greater == null) {
      section.problem(key, "alone protects nothing (expected: tokenFile too)");
    }
    if (lesser != null && lesser.equals(greater)) {
      section.problem(key, "is the token of tokenFile (expected: another one, or no such key)");
    }
    return lesser;
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
