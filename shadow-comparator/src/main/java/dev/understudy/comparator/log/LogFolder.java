package dev.understudy.comparator.log;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Names of folders for rollout ids, whatever these consist of, and how such folders end. */
public final class LogFolder {
  private static final int MAX_LENGTH = 200;
  private static final String PREFIX = "r-";
  private static final String DOOMED = "removed-";

  private LogFolder() {}

  /**
   * The folder of a rollout: letters, digits, {@code -} and {@code _} as they are, every other byte
   * as {@code %} and two hexadecimal digits. Null when that is longer than 200 characters, or the
   * id is empty.
   */
  public static @Nullable String of(String rolloutId) {
    StringBuilder name = new StringBuilder(PREFIX);
    for (byte b : rolloutId.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '-'
              || c == '_';
      if (plain) {
        name.append(c);
      } else {
        name.append('%').append("%02X".formatted((int) c));
      }
      if (name.length() > MAX_LENGTH) {
        return null;
      }
    }
    return rolloutId.isEmpty() ? null : name.toString();
  }

  /** The folders of rollouts below a folder, in order. */
  public static List<Path> all(Path state) throws IOException {
    try (Stream<Path> entries = Files.list(state)) {
      return entries
          .filter(path -> name(path).startsWith(PREFIX))
          .filter(Files::isDirectory)
          .sorted()
          .toList();
    }
  }

  /**
   * Removes a folder and everything in it. It gets another name first, so that an interruption
   * leaves no log that lacks a part: what is left is removed by {@link #sweep}.
   */
  public static void remove(Path folder) throws IOException {
    Path doomed = folder.resolveSibling(DOOMED + name(folder));
    removeTree(doomed);
    removeTree(Files.move(folder, doomed, StandardCopyOption.ATOMIC_MOVE));
  }

  /** Finishes removals that were interrupted. */
  public static void sweep(Path state) throws IOException {
    List<Path> doomed;
    try (Stream<Path> entries = Files.list(state)) {
      doomed = entries.filter(path -> name(path).startsWith(DOOMED)).toList();
    }
    for (Path folder : doomed) {
      removeTree(folder);
    }
  }

  private static String name(Path path) {
    Path name = path.getFileName();
    return name == null ? "" : name.toString();
  }

  private static void removeTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.deleteIfExists(path);
    }
  }
}
