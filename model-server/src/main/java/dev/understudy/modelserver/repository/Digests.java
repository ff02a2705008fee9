package dev.understudy.modelserver.repository;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a version's digest is: of a folder with one file, the file's SHA-256; of a folder with more,
 * the SHA-256 of the lines that {@code sha256sum} prints for its files, sorted by path. Hidden
 * files do not count. So anybody can compute it with a shell.
 */
final class Digests {
  private Digests() {}

  static String of(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> tree = Files.walk(folder)) {
      files = tree.filter(Files::isRegularFile).filter(file -> !isHidden(folder, file)).toList();
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
