package dev.understudy.rollout.catalog;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The digest by which a version is known: SHA-256 over all files below its directory in the order
 * of their names. Each file adds its name relative to the directory (UTF-8, {@code /} between
 * parts), a zero byte, its length as a 64-bit big-endian integer, and its bytes. External data of
 * an ONNX model is therefore covered, and so is a file that appears or is renamed.
 */
public final class VersionDigest {
  private static final int MAX_FILES = 10_000;

  private VersionDigest() {}

  /**
   * Reads every file of a version.
   *
   * @return the digest in hex
   * @throws IOException if a file cannot be read, or there are more than 10,000 or none
   */
  public static String of(Path directory) throws IOException {
    Map<String, Path> files = new TreeMap<>();
    List<Path> found;
    try (Stream<Path> walk = Files.walk(directory, FileVisitOption.FOLLOW_LINKS)) {
      found = walk.filter(Files::isRegularFile).limit(MAX_FILES + 1L).toList();
    }
    if (found.isEmpty() || found.size() > MAX_FILES) {
      throw new IOException(
          directory + ": " + found.size() + " files (expected: 1.." + MAX_FILES + ")");
    }
    for (Path file : found) {
      files.put(directory.relativize(file).toString().replace('\\', '/'), file);
    }
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 16];
    for (var entry : files.entrySet()) {
      digest.update(entry.getKey().getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      digest.update(ByteBuffer.allocate(8).putLong(Files.size(entry.getValue())).flip());
      try (InputStream in = Files.newInputStream(entry.getValue())) {
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
          digest.update(buffer, 0, read);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
