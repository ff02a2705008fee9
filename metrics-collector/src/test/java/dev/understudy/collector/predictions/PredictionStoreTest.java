package dev.understudy.collector.predictions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.chassis.time.TimeOrderedIds;
import dev.understudy.proto.v1.LineageRecord;
import dev.understudy.proto.v1.PayloadRecord;
import dev.understudy.proto.v1.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PredictionStoreTest {
  private static final Retention SMALL =
      new Retention(20_000, Duration.ofDays(1), 5_000, 1_000, 1_000);

  @TempDir Path folder;
  private final ManualTime time = new ManualTime();
  private final TimeOrderedIds ids = new TimeOrderedIds(time, new Random(1));
  private Database database;
  private PredictionStore store;
  private WriteThread writer;

  @BeforeEach
  void open() throws Exception {
    open(SMALL);
  }

  @AfterEach
  void close() {
    writer.close();
  }

  @Test
  void findsTheRecordAndTheAnswersUnderOneId() throws Exception {
    byte[] id = id(ids.next());
    write(() -> {
      store.addLineage(id, lineage(id, "mine"), time.wallMillis());
      store.addPayload(id, payload(id, Role.CHAMPION), time.wallMillis());
      store.addPayload(id, payload(id, Role.SHADOW), time.wallMillis() + 7);
    });
    PredictionStore.Found found = read(id);
    assertEquals(1, found.lineage().size());
    assertEquals(
        List.of(Role.CHAMPION, Role.SHADOW),
        found.payloads().stream().map(one -> one.record().getRole()).toList());
    assertEquals(time.wallMillis() + 7, found.payloads().getLast().arrivedMs());
    byte[] byName = readByName("mine");
    assertNotNull(byName);
    assertArrayEquals(id, byName);
  }

  @Test
  void aRestartKeepsWhatWasCommittedAndCutsOffTheRest() throws Exception {
    byte[] id = id(ids.next());
    write(() -> store.addLineage(id, lineage(id, ""), time.wallMillis()));
    writer.close();
    Path segment = segments().getLast();
    long length = Files.size(segment);
    byte[] torn = java.util.Arrays.copyOf(Files.readAllBytes(segment), (int) length + 13);
    Files.write(segment, torn);
    open(SMALL);
    assertEquals(13, store.cutBytes());
    assertEquals(length, Files.size(segment));
    assertEquals(1, read(id).lineage().size());
    byte[] next = id(ids.next());
    write(() -> store.addLineage(next, lineage(next, ""), time.wallMillis()));
    assertEquals(1, read(next).lineage().size());
  }

  @Test
  void aLostIndexIsMadeAgainFromTheSegments() throws Exception {
    List<byte[]> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      byte[] id = id(ids.next());
      all.add(id);
      write(() -> store.addPayload(id, payload(id, Role.CANARY), time.wallMillis()));
    }
    writer.close();
    try (var files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().contains("collector.db")).toList()) {
        Files.delete(file);
      }
    }
    open(SMALL);
    for (byte[] id : all) {
      assertEquals(1, read(id).payloads().size());
    }
  }

  @Test
  void aDamagedRecordIsMissingAndCountedAndTheOthersStay() throws Exception {
    byte[] first = id(ids.next());
    byte[] second = id(ids.next());
    write(() -> {
      store.addLineage(first, lineage(first, ""), time.wallMillis());
      store.addLineage(second, lineage(second, ""), time.wallMillis());
    });
    Path segment = segments().getLast();
    byte[] bytes = Files.readAllBytes(segment);
    bytes[20] ^= 1;
    Files.write(segment, bytes);
    assertTrue(read(first).isEmpty());
    assertEquals(1, store.damagedRecords());
    assertFalse(read(second).isEmpty());
  }

  @Test
  void theOldestSegmentsGoWhenTheBytesAreUsedUp() throws Exception {
    byte[] first = id(ids.next());
    write(() -> store.addPayload(first, payload(first, Role.CHAMPION), time.wallMillis()));
    for (int i = 0; i < 600; i++) {
      byte[] id = id(ids.next());
      write(() -> store.addPayload(id, payload(id, Role.CHAMPION), time.wallMillis()));
    }
    byte[] last = id(ids.next());
    write(() -> store.addPayload(last, payload(last, Role.CHAMPION), time.wallMillis()));
    await(() -> store.storedBytes() <= SMALL.maxBytes() + SMALL.segmentBytes());
    assertTrue(store.droppedRecords() > 0);
    assertTrue(read(first).isEmpty());
    assertFalse(read(last).isEmpty());
    long onDisk = 0;
    for (Path segment : segments()) {
      onDisk += Files.size(segment);
    }
    assertEquals(store.storedBytes(), onDisk);
    await(() -> rows() < 602 - store.droppedRecords() + 1);
  }

  @Test
  void oldSegmentsGoByAge() throws Exception {
    byte[] old = id(ids.next());
    write(() -> store.addPayload(old, payload(old, Role.CHAMPION), time.wallMillis()));
    time.advance(Duration.ofDays(2));
    byte[] fresh = id(ids.next());
    await(() -> store.droppedRecords() == 1);
    write(() -> store.addPayload(fresh, payload(fresh, Role.CHAMPION), time.wallMillis()));
    assertTrue(read(old).isEmpty());
    assertFalse(read(fresh).isEmpty());
  }

  @Test
  void aFullDiskFailsTheWorkAndTheNextOneSucceedsWhenThereIsRoom() throws Exception {
    byte[] kept = id(ids.next());
    write(() -> store.addPayload(kept, payload(kept, Role.CHAMPION), time.wallMillis()));
    // SQLite's own bound stands in for a full disk: it fails with SQLITE_FULL in the same place.
    long pages = pragma("PRAGMA page_count");
    pragma("PRAGMA max_page_count=" + pages);
    int stored = 0;
    Exception failure = null;
    for (int i = 0; i < 400 && failure == null; i++) {
      byte[] id = id(ids.next());
      failure =
          failureOf(() -> store.addPayload(id, payload(id, Role.CHAMPION), time.wallMillis()));
      stored += failure == null ? 1 : 0;
    }
    assertNotNull(failure);
    assertTrue(failure.toString().contains("full"), failure::toString);
    pragma("PRAGMA max_page_count=1000000");
    byte[] next = id(ids.next());
    write(() -> store.addPayload(next, payload(next, Role.CHAMPION), time.wallMillis()));
    assertFalse(read(kept).isEmpty());
    assertFalse(read(next).isEmpty());
    assertEquals(stored + 2, rows());
  }

  // ---- helpers ----

  /** A change of the store. */
  interface Change {
    void make() throws SQLException, IOException;
  }

  private void open(Retention retention) throws Exception {
    Path file = folder.resolve("collector.db");
    database = Database.open(file);
    store =
        PredictionStore.open(folder.resolve("predictions"), database, retention, time.wallMillis());
    writer = new WriteThread(database, store, time, 1 << 20);
    writer.start();
  }

  private void write(Change change) throws Exception {
    Exception failure = failureOf(change);
    if (failure != null) {
      throw failure;
    }
  }

  private Exception failureOf(Change change) throws Exception {
    CompletableFuture<Exception> done = new CompletableFuture<>();
    assertTrue(
        writer.offer(
            new WriteThread.Work() {
              @Override
              public void apply() throws SQLException, IOException {
                change.make();
              }

              @Override
              public void committed() {
                done.complete(null);
              }

              @Override
              public void failed(Exception cause) {
                done.complete(cause);
              }
            },
            100));
    return done.get(20, TimeUnit.SECONDS);
  }

  private PredictionStore.Found read(byte[] id) throws Exception {
    try (var reader = store.reader(Database.openReader(folder.resolve("collector.db")))) {
      return reader.find(id);
    }
  }

  private byte @Nullable [] readByName(String name) throws Exception {
    AtomicReference<byte @Nullable []> found = new AtomicReference<>();
    write(() -> found.set(store.findByRequest("ana", name)));
    return found.get();
  }

  private long rows() throws Exception {
    return pragma("SELECT count(*) FROM prediction");
  }

  private long pragma(String sql) throws Exception {
    long[] value = new long[1];
    write(() -> {
      try (var row = database.prepare(sql).executeQuery()) {
        value[0] = row.next() ? row.getLong(1) : 0;
      }
    });
    return value[0];
  }

  private List<Path> segments() throws IOException {
    try (var files = Files.list(folder.resolve("predictions"))) {
      return files.sorted().toList();
    }
  }

  /** A condition that the write thread brings about. */
  interface Condition {
    boolean holds() throws Exception;
  }

  private void await(Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < deadline, "did not happen within 20 s");
      // Each empty work lets the write thread go round once.
      write(() -> {});
    }
  }

  private static byte[] id(String text) {
    byte[] id = PredictionId.parse(text);
    assertNotNull(id);
    assertEquals(text, PredictionId.format(id));
    return id;
  }

  private static LineageRecord lineage(byte[] id, String request) {
    return LineageRecord.newBuilder()
        .setPredictionId(PredictionId.format(id))
        .setPrincipal("ana")
        .setClientRequestId(request)
        .setModel("m")
        .build();
  }

  private static PayloadRecord payload(byte[] id, Role role) {
    return PayloadRecord.newBuilder()
        .setPredictionId(PredictionId.format(id))
        .setModel("m")
        .setRole(role)
        .addScores(0.25)
        .build();
  }
}
