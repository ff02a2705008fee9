package dev.understudy.comparator.log;

import dev.understudy.proto.v1.EvidenceLogRecord;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * An evidence log to carry away: one file with the bytes of a segment, so every record is checked
 * when it is read, on whatever machine.
 *
 * <p>Reading is strict. A log that is being written may end in a torn write; a file that was
 * finished may not, so anything but whole records from the first to the end of the file is refused,
 * with where the sound part ends. Only a file that was cut exactly between two frames looks like a
 * log that was fetched earlier; how many records there are is therefore always said.
 */
public final class EvidenceFile {
  private static final String SUFFIX = ".evidence";
  private static final int RECORDS_PER_FRAME = 256;
  private static final int BYTES_PER_FRAME = 4 << 20;

  private EvidenceFile() {}

  /**
   * Reads a file, or a folder of segments as a comparator keeps for each rollout, and changes
   * neither.
   *
   * @param records takes the records in sequence; those before a damage have been handed out when
   *     this throws
   * @return number of the last record
   * @throws NotWholeException when it is no evidence log, or not a whole one: with the reason, the
   *     position, and the last good record
   * @throws NoSuchFileException when there is no such file
   */
  public static long read(Path path, Consumer<EvidenceLogRecord> records) throws IOException {
    List<Path> segments = Files.isDirectory(path) ? segments(path) : List.of(path);
    long[] sequence = {0};
    for (Path segment : segments) {
      try (LogFile file = new Reading(segment)) {
        Frames.Scan scan =
            Frames.scan(
                segment.toString(),
                file,
                file.size(),
                record -> {
                  inSequence(record, sequence[0]);
                  records.accept(record);
                  sequence[0] = record.getSequence();
                });
        if (scan.tornBytes() > 0) {
          throw new NotWholeException(
              segment
                  + ": the frame at byte "
                  + scan.goodBytes()
                  + " is cut short or does not match its check",
              sequence[0]);
        }
      } catch (DamagedLogException | OutOfSequence e) {
        throw new NotWholeException(String.valueOf(e.getMessage()), sequence[0]);
      }
    }
    if (sequence[0] == 0) {
      throw new NotWholeException(path + ": the log holds no record", 0);
    }
    return sequence[0];
  }

  private static void inSequence(EvidenceLogRecord record, long before) {
    if (record.getSequence() != before + 1) {
      throw new OutOfSequence(
          "record " + record.getSequence() + " follows (expected: " + (before + 1) + ")");
    }
  }

  /** A file is no evidence log, or only a part of one. */
  public static final class NotWholeException extends IOException {
    private static final long serialVersionUID = 1;

    /** Number of the last record that is sound, with all before it; 0 for none. */
    private final long lastGood;

    NotWholeException(String what, long lastGood) {
      super(
          what
              + (lastGood == 0 ? "; no record is sound" : "; the last good record is " + lastGood));
      this.lastGood = lastGood;
    }

    /** Number of the last record that is sound, with all before it; 0 for none. */
    public long lastGood() {
      return lastGood;
    }
  }

  private static List<Path> segments(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      List<Path> segments =
          entries.filter(path -> path.toString().endsWith(SUFFIX)).sorted().toList();
      if (segments.isEmpty()) {
        throw new NoSuchFileException(folder + " holds no file *" + SUFFIX);
      }
      return segments;
    }
  }

  /**
   * Begins a file. It bears its name only once it is whole, and until then the name with {@code
   * .part}. What an earlier writer left under that name is kept, under the first of {@code
   * .part.1}, {@code .part.2} and so on that is free.
   */
  public static Writer write(Path path) throws IOException {
    return new Writer(path);
  }

  /** Writes records in sequence. For one thread. */
  public static final class Writer implements Closeable {
    private final Path path;
    private final Path part;
    private final FileChannel channel;
    private final List<EvidenceLogRecord> waiting = new ArrayList<>();
    private int waitingBytes;
    private long sequence;

    private Writer(Path path) throws IOException {
      this.path = path;
      this.part = path.resolveSibling(path.getFileName() + ".part");
      keep(part);
      this.channel =
          FileChannel.open(
              part,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING);
      write(Frames.header());
    }

    /** A writer that was killed has left records; whoever starts it again wants them still. */
    private static void keep(Path part) throws IOException {
      if (!Files.exists(part) || Files.size(part) <= Frames.header().remaining()) {
        return;
      }
      int number = 1;
      Path aside = part;
      do {
        aside = part.resolveSibling(part.getFileName() + "." + number++);
      } while (Files.exists(aside));
      Files.move(part, aside);
    }

    /**
     * Adds a record.
     *
     * @throws IllegalArgumentException when it is not the one after the last
     */
    public void add(EvidenceLogRecord record) throws IOException {
      if (record.getSequence() != sequence + 1) {
        throw new IllegalArgumentException(
            "record: " + record.getSequence() + " (expected: " + (sequence + 1) + ")");
      }
      int size = record.getSerializedSize();
      if (waiting.size() == RECORDS_PER_FRAME || waitingBytes + size > BYTES_PER_FRAME) {
        flush();
      }
      waiting.add(record);
      waitingBytes += size;
      sequence = record.getSequence();
    }

    /** Writes what waits; the records so far survive a crash, under the name with {@code .part}. */
    public void flush() throws IOException {
      if (!waiting.isEmpty()) {
        write(Frames.encode(waiting));
        waiting.clear();
        waitingBytes = 0;
      }
    }

    private void write(ByteBuffer bytes) throws IOException {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }

    /** The file is whole: it takes its name, in the place of another of that name. */
    public void finish() throws IOException {
      flush();
      channel.force(true);
      channel.close();
      Files.move(part, path, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Without {@link #finish}, the unfinished file is left under the name with {@code .part}. */
    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  private static final class OutOfSequence extends RuntimeException {
    private static final long serialVersionUID = 1;

    OutOfSequence(String message) {
      super(message, null, false, false);
    }
  }

  /** A file that is only looked at. */
  private static final class Reading implements LogFile {
    private final FileChannel channel;

    Reading(Path path) throws IOException {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public int read(ByteBuffer into, long position) throws IOException {
      return ChannelFile.readAll(channel, into, position);
    }

    @Override
    public void write(ByteBuffer from, long position) {
      throw new UnsupportedOperationException("read only");
    }

    @Override
    public void truncate(long size) {
      throw new UnsupportedOperationException("read only");
    }

    @Override
    public void force() {}

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
