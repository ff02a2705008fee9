package dev.understudy.collector.predictions;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.PayloadRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The prediction log: records in append-only segments, found through an index by prediction id.
 *
 * <p>The index decides what exists. A group of records is written to its segment first and then
 * committed to the index together with the segment's new length; what a crash left behind that
 * length is cut off at the next start, and its sender, never having been told that it is stored,
 * sends it again. Segments that the index does not know (its file was lost) are scanned up to the
 * first record that is not whole and indexed again. When a record is damaged later, its checksum
 * says so and it counts as missing.
 *
 * <p>Ids of version 7 grow with time, so that inserts touch the right edge of the index and
 * dropping the oldest segment touches its left edge.
 *
 * <p>{@link #reader} may be used by any thread; everything else belongs to the write thread.
 */
public final class PredictionStore implements AutoCloseable {
  static final int LINEAGE = 0;
  static final int PAYLOAD = 1;

  private static final Logger log = Logger.getLogger(PredictionStore.class.getName());
  private static final String SUFFIX = ".segment";
  private static final int SWEEP_ROWS = 2_000;

  private static final Comparator<ByteString> ORDER =
      ByteString.unsignedLexicographicalComparator();

  private final Path folder;
  private final Database database;
  private final Retention retention;
  private final NavigableMap<Long, Segment> segments = new ConcurrentSkipListMap<>();
  private final AtomicLong droppedRecords = new AtomicLong();
  private final AtomicLong damagedRecords = new AtomicLong();
  private final AtomicLong cutBytes = new AtomicLong();
  private final AtomicLong storedBytes = new AtomicLong();
  private Segment active;
  private Progress progress;
  private Progress committed;

  /** What the index says of the active segment. */
  private record Progress(
      long bytes, long records, long lastMs, @Nullable ByteString min, @Nullable ByteString max) {
    static final Progress EMPTY = new Progress(0, 0, 0, null, null);

    Progress with(byte[] id, long bytes, long nowMs) {
      ByteString one = ByteString.copyFrom(id);
      ByteString low = min == null || ORDER.compare(one, min) < 0 ? one : min;
      ByteString high = max == null || ORDER.compare(one, max) > 0 ? one : max;
      return new Progress(bytes, records + 1, Math.max(lastMs, nowMs), low, high);
    }
  }

  /** All that is stored under one prediction id, the oldest first. */
  public record Found(List<LineageRecord> lineage, List<Payload> payloads) {
    /** Whether nothing is stored. */
    public boolean isEmpty() {
      return lineage.isEmpty() && payloads.isEmpty();
    }
  }

  /** A payload and when it arrived here. */
  public record Payload(PayloadRecord record, long arrivedMs) {}

  /**
   * Opens the segments in a folder and brings the index and the files together.
   *
   * @param nowMs stands in for the arrival of records that are indexed again
   */
  public static PredictionStore open(
      Path folder, Database database, Retention retention, long nowMs)
      throws IOException, SQLException {
    Files.createDirectories(folder);
    PredictionStore store = new PredictionStore(folder, database, retention);
    try {
      store.recover(nowMs);
      return store;
    } catch (IOException | SQLException e) {
      store.close();
      throw e;
    }
  }

  private PredictionStore(Path folder, Database database, Retention retention) throws IOException {
    this.folder = folder;
    this.database = database;
    this.retention = retention;
    long next = 1;
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(SUFFIX)).sorted().toList()) {
        String name = file.getFileName().toString();
        try {
          long number = Long.parseLong(name.substring(0, name.length() - SUFFIX.length()));
          segments.put(number, Segment.open(number, file));
          next = number + 1;
        } catch (NumberFormatException e) {
          log.warning(file + " is not a segment of mine and is left alone");
        }
      }
    }
    active = segments.isEmpty() ? create(next) : segments.lastEntry().getValue();
    progress = Progress.EMPTY;
    committed = Progress.EMPTY;
  }

  /** Appends the record of a call and indexes it. */
  public void addLineage(byte[] id, LineageRecord record, long nowMs)
      throws IOException, SQLException {
    add(LINEAGE, id, record.toByteArray(), nowMs);
    String request = record.getClientRequestId();
    if (!request.isEmpty()) {
      var statement =
          database.prepare(
              "INSERT INTO client_request VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET id ="
                  + " excluded.id");
      statement.setString(1, record.getPrincipal());
      statement.setString(2, request);
      statement.setBytes(3, id);
      statement.executeUpdate();
    }
  }

  /** Appends an answer and indexes it. */
  public void addPayload(byte[] id, PayloadRecord record, long nowMs)
      throws IOException, SQLException {
    add(PAYLOAD, id, record.toByteArray(), nowMs);
  }

  /** All records of a prediction, also those of the group that is being written. */
  public Found find(byte[] id) throws IOException, SQLException {
    active.flush();
    return find(database, id);
  }

  /** The newest prediction that a client named so, or null. */
  public byte @Nullable [] findByRequest(String principal, String request) throws SQLException {
    var statement =
        database.prepare("SELECT id FROM client_request WHERE principal = ? AND request = ?");
    statement.setString(1, principal);
    statement.setString(2, request);
    try (ResultSet row = statement.executeQuery()) {
      return row.next() ? row.getBytes(1) : null;
    }
  }

  /** Whether anything is stored under this id. */
  public boolean knows(byte[] id) throws SQLException {
    var statement = database.prepare("SELECT 1 FROM prediction WHERE id = ? LIMIT 1");
    statement.setBytes(1, id);
    try (ResultSet row = statement.executeQuery()) {
      return row.next();
    }
  }

  /** Looks up through a connection of its own; for any thread. */
  public Reader reader(Database reading) {
    return new Reader(reading);
  }

  /** Finds predictions beside the write thread. */
  public final class Reader implements AutoCloseable {
    private final Database reading;

    private Reader(Database reading) {
      this.reading = reading;
    }

    /** All committed records of a prediction. */
    public synchronized Found find(byte[] id) throws SQLException {
      return PredictionStore.this.find(reading, id);
    }

    /** What turned out to be true, or null. */
    public synchronized @Nullable Double outcome(byte[] id) throws SQLException {
      PreparedStatement statement = reading.prepare("SELECT value FROM outcome WHERE id = ?");
      statement.setBytes(1, id);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? (Double) row.getDouble(1) : null;
      }
    }

    @Override
    public synchronized void close() throws SQLException {
      reading.close();
    }
  }

  /** Records that retention has dropped since the start. */
  public long droppedRecords() {
    return droppedRecords.get();
  }

  /** Reads that met a damaged record. */
  public long damagedRecords() {
    return damagedRecords.get();
  }

  /** Bytes behind the last whole record that were cut off at the start. */
  public long cutBytes() {
    return cutBytes.get();
  }

  /** Bytes in segment files. */
  public long storedBytes() {
    return storedBytes.get();
  }

  /** Puts the group into its file and the segment's new length into the open transaction. */
  void beforeCommit() throws IOException, SQLException {
    active.flush();
    if (progress.bytes != committed.bytes) {
      save(active.number(), progress);
    }
  }

  void afterCommit() {
    storedBytes.addAndGet(progress.bytes - committed.bytes);
    committed = progress;
  }

  /** Cuts off what the failed group had written. */
  void afterRollback() throws IOException {
    progress = committed;
    active.truncate(committed.bytes);
  }

  /**
   * Begins a new segment when the active one is full or old, and drops segments beyond the bounds.
   * Nothing of a group may be open.
   */
  void roll(long nowMs) throws IOException, SQLException {
    long stale = nowMs - retention.maxAge().toMillis() / 8;
    if (progress.bytes >= retention.segmentBytes()
        || (progress.records > 0 && progress.lastMs < stale)) {
      active.force();
      active = create(active.number() + 1);
      progress = Progress.EMPTY;
      committed = Progress.EMPTY;
    }
  }

  /** One step of retention, inside a transaction; says whether there is more to do. */
  boolean sweep(long nowMs) throws IOException, SQLException {
    if (forgetRows()) {
      return true;
    }
    Segment oldest = segments.firstEntry().getValue();
    if (oldest == active) {
      return false;
    }
    var statement = database.prepare("SELECT records, last_ms FROM segment WHERE number = ?");
    statement.setLong(1, oldest.number());
    long records = 0;
    long lastMs = 0;
    try (ResultSet row = statement.executeQuery()) {
      if (row.next()) {
        records = row.getLong(1);
        lastMs = row.getLong(2);
      }
    }
    if (storedBytes.get() <= retention.maxBytes()
        && lastMs >= nowMs - retention.maxAge().toMillis()) {
      return false;
    }
    markDropped(oldest.number());
    segments.remove(oldest.number());
    storedBytes.addAndGet(-oldest.length());
    droppedRecords.addAndGet(records);
    oldest.delete();
    return true;
  }

  @Override
  public void close() throws IOException {
    IOException failure = null;
    for (Segment segment : segments.values()) {
      try {
        segment.close();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void add(int kind, byte[] id, byte[] body, long nowMs) throws IOException, SQLException {
    long offset = active.append(kind, body);
    index(id, kind, active.number(), offset, nowMs);
    progress = progress.with(id, active.length(), nowMs);
  }

  private void index(byte[] id, int kind, long segment, long offset, long nowMs)
      throws SQLException {
    var statement = database.prepare("INSERT OR REPLACE INTO prediction VALUES(?, ?, ?, ?, ?)");
    statement.setBytes(1, id);
    statement.setInt(2, kind);
    statement.setLong(3, segment);
    statement.setLong(4, offset);
    statement.setLong(5, nowMs);
    statement.executeUpdate();
  }

  private Found find(Database through, byte[] id) throws SQLException {
    var statement =
        through.prepare(
            "SELECT segment, position, arrived_ms FROM prediction WHERE id = ?"
                + " ORDER BY segment, position");
    statement.setBytes(1, id);
    List<LineageRecord> lineage = new ArrayList<>();
    List<Payload> payloads = new ArrayList<>();
    try (ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        Segment segment = segments.get(row.getLong(1));
        if (segment == null) {
          continue; // dropped by retention
        }
        try {
          Segment.Stored stored = segment.read(row.getLong(2));
          if (stored.kind() == LINEAGE) {
            lineage.add(LineageRecord.parseFrom(stored.body()));
          } else {
            payloads.add(new Payload(PayloadRecord.parseFrom(stored.body()), row.getLong(3)));
          }
        } catch (IOException e) {
          if (segments.containsKey(segment.number())) {
            damagedRecords.incrementAndGet();
            log.log(Level.WARNING, "A prediction cannot be read: {0}", e.getMessage());
          }
        }
      }
    }
    return new Found(lineage, payloads);
  }

  private void recover(long nowMs) throws IOException, SQLException {
    for (Segment segment : segments.values()) {
      Progress known = load(segment.number());
      if (known == null) {
        known = indexAgain(segment, nowMs);
      }
      if (segment.length() > known.bytes) {
        cutBytes.addAndGet(segment.length() - known.bytes);
        segment.truncate(known.bytes);
      }
      storedBytes.addAndGet(segment.length());
      if (segment == active) {
        progress = known;
        committed = known;
      }
    }
    for (long number : known()) {
      if (!segments.containsKey(number)) {
        // Dropped while its row could not be marked, or taken away by hand.
        markDropped(number);
      }
    }
    if (active.length() < progress.bytes) {
      // The machine failed before the disk had all of it: what is left stays readable.
      log.warning("Segment " + active.number() + " is shorter than its index says");
      active = create(active.number() + 1);
      progress = Progress.EMPTY;
      committed = Progress.EMPTY;
    }
    database.commit();
  }

  private Progress indexAgain(Segment segment, long nowMs) throws SQLException {
    List<SQLException> failures = new ArrayList<>();
    Progress[] found = {Progress.EMPTY};
    long end =
        segment.scan((offset, kind, body) -> {
          byte[] id = idOf(kind, body);
          if (id == null || !failures.isEmpty()) {
            return;
          }
          try {
            index(id, kind, segment.number(), offset, nowMs);
          } catch (SQLException e) {
            failures.add(e);
          }
          found[0] = found[0].with(id, offset + Segment.HEADER_BYTES + body.length, nowMs);
        });
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
    Progress known =
        new Progress(end, found[0].records, found[0].lastMs, found[0].min, found[0].max);
    save(segment.number(), known);
    if (known.records > 0) {
      log.info("Indexed " + known.records + " records of segment " + segment.number() + " again");
    }
    return known;
  }

  private static byte @Nullable [] idOf(int kind, byte[] body) {
    try {
      return PredictionId.parse(
          kind == LINEAGE
              ? LineageRecord.parseFrom(body).getPredictionId()
              : PayloadRecord.parseFrom(body).getPredictionId());
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  private List<Long> known() throws SQLException {
    List<Long> numbers = new ArrayList<>();
    try (ResultSet row = database.prepare("SELECT number FROM segment").executeQuery()) {
      while (row.next()) {
        numbers.add(row.getLong(1));
      }
    }
    return numbers;
  }

  private void markDropped(long number) throws SQLException {
    var drop = database.prepare("UPDATE segment SET dropped = 1 WHERE number = ?");
    drop.setLong(1, number);
    drop.executeUpdate();
  }

  private @Nullable Progress load(long number) throws SQLException {
    var statement =
        database.prepare(
            "SELECT bytes, records, last_ms, min_id, max_id FROM segment WHERE number = ?");
    statement.setLong(1, number);
    try (ResultSet row = statement.executeQuery()) {
      return row.next()
          ? new Progress(
              row.getLong(1), row.getLong(2), row.getLong(3), bytes(row, 4), bytes(row, 5))
          : null;
    }
  }

  private static @Nullable ByteString bytes(ResultSet row, int column) throws SQLException {
    byte[] bytes = row.getBytes(column);
    return bytes == null ? null : ByteString.copyFrom(bytes);
  }

  private void save(long number, Progress state) throws SQLException {
    var statement =
        database.prepare(
            "INSERT INTO segment(number, bytes, records, last_ms, min_id, max_id)"
                + " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes,"
                + " records = excluded.records, last_ms = excluded.last_ms,"
                + " min_id = excluded.min_id, max_id = excluded.max_id");
    statement.setLong(1, number);
    statement.setLong(2, state.bytes);
    statement.setLong(3, state.records);
    statement.setLong(4, state.lastMs);
    statement.setBytes(5, state.min == null ? null : state.min.toByteArray());
    statement.setBytes(6, state.max == null ? null : state.max.toByteArray());
    statement.executeUpdate();
  }

  /** Takes some index rows of dropped segments away. */
  private boolean forgetRows() throws SQLException {
    long number;
    byte[] min;
    byte[] max;
    var find =
        database.prepare("SELECT number, min_id, max_id FROM segment WHERE dropped = 1 LIMIT 1");
    try (ResultSet row = find.executeQuery()) {
      if (!row.next()) {
        return false;
      }
      number = row.getLong(1);
      min = row.getBytes(2);
      max = row.getBytes(3);
    }
    var delete =
        database.prepare(
            "DELETE FROM prediction WHERE (id, kind, segment, position) IN (SELECT id, kind,"
                + " segment, position FROM prediction WHERE id BETWEEN ? AND ? AND segment = ?"
                + " LIMIT "
                + SWEEP_ROWS
                + ")");
    delete.setBytes(1, min);
    delete.setBytes(2, max);
    delete.setLong(3, number);
    if (delete.executeUpdate() == 0) {
      var requests =
          database.prepare(
              "DELETE FROM client_request WHERE id BETWEEN ? AND ? AND NOT EXISTS"
                  + " (SELECT 1 FROM prediction WHERE prediction.id = client_request.id)");
      requests.setBytes(1, min);
      requests.setBytes(2, max);
      requests.executeUpdate();
      var gone = database.prepare("DELETE FROM segment WHERE number = ?");
      gone.setLong(1, number);
      gone.executeUpdate();
    }
    return true;
  }

  private Segment create(long number) throws IOException {
    Segment segment = Segment.open(number, folder.resolve("%010d%s".formatted(number, SUFFIX)));
    segments.put(number, segment);
    return segment;
  }
}
