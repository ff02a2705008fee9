package dev.understudy.router.control;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.v1.RoutingTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The last table and the models held champion-only, in the state folder: written to another file
 * first and then renamed, so that a crash leaves the old one or the new one. For one thread at a
 * time.
 */
public final class TableFile {
  private static final Logger log = Logger.getLogger(TableFile.class.getName());

  private final Path table;
  private final Path glass;

  /** Files in that folder, which is made when it is missing. */
  public TableFile(Path folder) throws IOException {
    Files.createDirectories(folder);
    this.table = folder.resolve("routing-table.pb");
    this.glass = folder.resolve("champion-only.txt");
  }

  /** The last table that was saved, or null when there is none that can be read. */
  public @Nullable RoutingTable load() {
    if (!Files.exists(table)) {
      return null;
    }
    try {
      return RoutingTable.parseFrom(Files.readAllBytes(table));
    } catch (InvalidProtocolBufferException e) {
      log.log(Level.WARNING, table + ": not a routing table; starting without one", e);
    } catch (IOException e) {
      log.log(Level.WARNING, table + ": cannot be read; starting without a table", e);
    }
    return null;
  }

  /** Saves a table. A failure is logged: serving goes on, the next start has an older table. */
  public void save(RoutingTable newest) {
    write(table, newest.toByteArray());
  }

  /** Models whose glass was broken before the restart. */
  public Set<String> loadChampionOnly() {
    try {
      return Files.exists(glass) ? new TreeSet<>(Files.readAllLines(glass)) : Set.of();
    } catch (IOException e) {
      log.log(Level.WARNING, glass + ": cannot be read; no model is held champion-only", e);
      return Set.of();
    }
  }

  /** Saves the models held champion-only. */
  public void saveChampionOnly(Set<String> models) {
    List<String> lines = List.copyOf(new TreeSet<>(models));
    write(
        glass,
        lines.isEmpty()
            ? new byte[0]
            : (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static void write(Path file, byte[] bytes) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel out =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        out.write(buffer);
      }
      out.force(true);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      log.log(Level.WARNING, file + ": cannot be written; a restart will not know of this", e);
    }
  }
}
