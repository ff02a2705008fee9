package dev.understudy.chassis.digest;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * The digest by which a version of a model is known: of a folder with one file, the file's SHA-256;
 * of a folder with more, the SHA-256 of the lines that {@code sha256sum} prints for its files,
 * sorted by path. Hidden files do not count; links stand for what they lead to. So anybody can
 * compute it with a shell, and whoever holds the same files comes to the same digest.
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
  public static String of(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> tree = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      files =
          tree.filter(Files::isRegularFile)
              .filter(file -> !isHidden(folder, file))
              .limit(MAX_FILES + 1L)
              .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (files.isEmpty() || files.size() > MAX_FILES) {
      throw new IOException(
          folder + ": " + files.size() + " files (expected: 1.." + MAX_FILES + ")");
    }
    if (files.size() == 1) {
      return ofFile(files.getFirst());
    }
    StringBuilder lines = new StringBuilder();
    List<String> names =
        files.stream()
            .map(file -> folder.relativize(file).toString().replace('\\', '/'))
            .sorted()
            .toList();
    for (String name : names) {
      lines.append(ofFile(folder.resolve(name))).append("  ").append(name).append('\n');
    }
    return HexFormat.of()
        .formatHex(sha256().digest(lines.toString().getBytes(StandardCharsets.UTF_8)));
  }

  private static boolean isHidden(Path folder, Path file) {
    for (Path part : folder.relativize(file)) {
      if (part.toString().startsWith(".")) {
        return true;
      }
    }
    return false;
  }

  private static String ofFile(Path file) throws IOException {
    MessageDigest digest = sha256();
    byte[] chunk = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        digest.update(chunk, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
