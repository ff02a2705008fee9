package dev.understudy.comparator.log;

import dev.understudy.proto.v1.EvidenceLogRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The evidence log of one rollout: a folder of segments, appended to and never rewritten. A segment
 * is named after the sequence of its first record.
 *
 * <p>{@link #append} returns once its records are on the disk. When it fails, nothing of it is in
 * the log, and the log can be tried again: that is how a full disk is survived. One thread appends;
 * {@link #read} may be called by any.
 */
public final class EvidenceLog implements AutoCloseable {
  /** A segment that has reached this length is followed by another. */
  public static final long SEGMENT_BYTES = 256L << 20;

  private static final Logger log = Logger.getLogger(EvidenceLog.class.getName());
  private static final String SUFFIX = ".evidence";

  /** A length of the log at which every record is whole. */
  private record Extent(
      List<Path> segments, long closedBytes, long lastSegmentBytes, long sequence) {}

  private final Path folder;
  private final LogFiles files;
  private final long segmentBytes;
  private LogFile current;
  private volatile Extent extent;
  // Set when a failed append could not be undone: to be undone before the next.
  private boolean unclean;

  private EvidenceLog(
      Path folder, LogFiles files, long segmentBytes, LogFile current, Extent extent) {
    this.folder = folder;
    this.files = files;
    this.segmentBytes = segmentBytes;
    this.current = current;
    this.extent = extent;
  }

  /**
   * Opens a log, makes it if there is none, cuts a torn tail off, and hands out what it holds.
   *
   * @throws DamagedLogException when it holds what no interrupted write explains: damaged frames,
   *     or records that are not numbered 1, 2, 3, …
   */
  public static EvidenceLog open(
      Path folder, LogFiles files, long segmentBytes, Consumer<EvidenceLogRecord> records)
      throws IOException {
    Files.createDirectories(folder);
    Sequenced sequenced = new Sequenced(records);
    try {
      return open(folder, files, segmentBytes, sequenced);
    } catch (DamagedLogException e) {
      throw e.after(sequenced.last);
    }
  }

  /** Lets only records through that are numbered 1, 2, 3, … */
  private static final class Sequenced implements Frames.Reader {
    private final Consumer<EvidenceLogRecord> records;
    private long last;

    Sequenced(Consumer<EvidenceLogRecord> records) {
      this.records = records;
    }

    @Override
    public @Nullable String accept(EvidenceLogRecord record) {
      if (record.getSequence() != last + 1) {
        return "holds record " + record.getSequence() + " (expected: " + (last + 1) + ")";
      }
      records.accept(record);
      last++;
      return null;
    }
  }

  private static EvidenceLog open(
      Path folder, LogFiles files, long segmentBytes, Sequenced sequenced) throws IOException {
    List<Path> segments = segments(folder);
    long closedBytes = 0;
    for (Path segment : segments.subList(0, Math.max(0, segments.size() - 1))) {
      try (LogFile file = files.open(segment)) {
        Frames.Scan scan = Frames.read(segment.toString(), file, file.size(), sequenced);
        closedBytes += scan.goodBytes();
        if (scan.tornBytes() > 0) {
          throw new DamagedLogException(
              segment.toString(), scan.goodBytes(), "is torn, and another segment follows");
        }
      }
    }
    if (segments.isEmpty()) {
      segments.add(segment(folder, 1));
    }
    Path last = segments.getLast();
    LogFile file = files.open(last);
    try {
      long good = repair(last, file, sequenced);
      return new EvidenceLog(
          folder,
          files,
          segmentBytes,
          file,
          new Extent(List.copyOf(segments), closedBytes, good, sequenced.last));
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static long repair(Path segment, LogFile file, Frames.Reader records) throws IOException {
    Frames.Scan scan = Frames.read(segment.toString(), file, file.size(), records);
    if (scan.tornBytes() > 0) {
      log.log(
          Level.WARNING,
          "{0}: cut {1} bytes of a write that was interrupted and never acknowledged",
          new Object[] {segment, Long.toString(scan.tornBytes())});
      file.truncate(scan.goodBytes());
    }
    if (scan.goodBytes() >= Frames.HEADER_BYTES) {
      return scan.goodBytes();
    }
    file.write(Frames.header(), 0);
    file.force();
    return Frames.HEADER_BYTES;
  }

  /** Number of the last record; 0 when there is none. */
  public long sequence() {
    return extent.sequence();
  }

  /**
   * Appends records, all or none.
   *
   * @throws IOException when they are not in the log, as on a full disk
   */
  public void append(List<EvidenceLogRecord> records) throws IOException {
    if (records.isEmpty()) {
      return;
    }
    Extent before = extent;
    if (unclean) {
      current.truncate(before.lastSegmentBytes());
      unclean = false;
    }
    if (before.lastSegmentBytes() >= segmentBytes) {
      before = roll(before);
    }
    ByteBuffer frame = Frames.encode(records);
    long end = before.lastSegmentBytes() + frame.remaining();
    try {
      current.write(frame, before.lastSegmentBytes());
      current.force();
    } catch (IOException | RuntimeException e) {
      undo(before, e);
      throw e;
    }
    extent =
        new Extent(
            before.segments(), before.closedBytes(), end, before.sequence() + records.size());
  }

  private void undo(Extent before, Exception cause) {
    unclean = true;
    try {
      current.truncate(before.lastSegmentBytes());
      unclean = false;
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private Extent roll(Extent before) throws IOException {
    Path next = segment(folder, before.sequence() + 1);
    LogFile file = files.open(next);
    try {
      file.truncate(0);
      file.write(Frames.header(), 0);
      file.force();
    } catch (IOException e) {
      file.close();
      throw e;
    }
    current.close();
    current = file;
    List<Path> segments = new ArrayList<>(before.segments());
    segments.add(next);
    Extent rolled =
        new Extent(
            List.copyOf(segments),
            before.closedBytes() + before.lastSegmentBytes(),
            Frames.HEADER_BYTES,
            before.sequence());
    extent = rolled;
    return rolled;
  }

  /** Length of all segments. */
  public long bytes() {
    Extent now = extent;
    return now.closedBytes() + now.lastSegmentBytes();
  }

  /** The folder that this log, and nothing of another rollout, is in. */
  public Path folder() {
    return folder;
  }

  /** Hands out every record that is in the log now, in sequence. */
  public void read(Consumer<EvidenceLogRecord> records) throws IOException {
    Extent now = extent;
    for (Path segment : now.segments()) {
      try (LogFile file = files.open(segment)) {
        boolean last = segment.equals(now.segments().getLast());
        long limit = last ? now.lastSegmentBytes() : file.size();
        Frames.Scan scan = Frames.scan(segment.toString(), file, limit, records);
        if (scan.tornBytes() > 0) {
          throw new DamagedLogException(
              segment.toString(), scan.goodBytes(), "was sound when it was written");
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    current.close();
  }

  private static Path segment(Path folder, long firstSequence) {
    return folder.resolve("%016d%s".formatted(firstSequence, SUFFIX));
  }

  private static List<Path> segments(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return new ArrayList<>(
          entries.filter(path -> path.toString().endsWith(SUFFIX)).sorted().toList());
    }
  }
}
