package dev.understudy.launcher.doctor;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Whether a state folder can be written, and how much room is left. Stateless. */
final class Folder {
  private static final long LITTLE_BYTES = 1L << 30;
  private static final long TOO_LITTLE_BYTES = 100L << 20;
  private static final double GIB = 1 << 30;

  private Folder() {}

  /** Looks at a folder, or at the one in which it will be made. */
  static Finding look(String owner, Path folder) {
    String subject = owner + " " + folder;
    Path there = nearest(folder.toAbsolutePath());
    if (there == null || !Files.isDirectory(there) || !Files.isWritable(there)) {
      return Finding.fail(
          "disk",
          subject,
          (there == null ? folder : there) + " is no folder that can be written",
          "make it a folder of the user who runs the service");
    }
    try {
      FileStore store = Files.getFileStore(there);
      return judge(subject, store.getUsableSpace(), store.getTotalSpace());
    } catch (IOException e) {
      return Finding.fail("disk", subject, "cannot be asked: " + e.getMessage(), "mount it");
    }
  }

  /** Judges the room that is left, in bytes. */
  static Finding judge(String subject, long usable, long total) {
    String text =
        String.format(Locale.ROOT, "%.1f of %.1f GiB are free", usable / GIB, total / GIB);
    String advice = "make room, or bound what is kept ('retention' in the configuration)";
    if (usable < TOO_LITTLE_BYTES) {
      return Finding.fail("disk", subject, text, advice);
    }
    return usable < LITTLE_BYTES || usable < total / 20
        ? Finding.warn("disk", subject, text, advice)
        : Finding.ok("disk", subject, text);
  }

  private static @Nullable Path nearest(Path folder) {
    Path at = folder;
    while (at != null && !Files.exists(at)) {
      at = at.getParent();
    }
    return at;
  }
}
