package dev.understudy.chassis.lifecycle;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tells whoever started the process that it is ready, and on which ports: {@code
 * {"grpc":41234,"http":8080,"pid":77}}. The file appears with its whole content or not at all.
 */
public final class ReadyFile {
  private ReadyFile() {}

  /** Writes the file, replacing an older one. */
  public static void write(Path file, Map<String, Integer> ports) throws IOException {
    var json = new JsonObject();
    new TreeMap<>(ports).forEach(json::addProperty);
    json.addProperty("pid", ProcessHandle.current().pid());
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null) {
      throw new IOException(file + ": is a root (expected: a file)");
    }
    Files.createDirectories(folder);
    Path draft = Files.createTempFile(folder, ".ready", ".tmp");
    try {
      Files.writeString(draft, json + "\n");
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(draft);
    }
  }
}
