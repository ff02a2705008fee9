package dev.understudy.comparator.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.comparator.testing.FullDisk;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceLogTest {
  @TempDir Path folder;

  private final List<EvidenceLogRecord> read = new ArrayList<>();

  private EvidenceLog open(LogFiles files, long segmentBytes) throws IOException {
    read.clear();
    return EvidenceLog.open(folder.resolve("log"), files, segmentBytes, read::add);
  }

  private EvidenceLog open() throws IOException {
    return open(LogFiles.system(), EvidenceLog.SEGMENT_BYTES);
  }

  private static EvidenceLogRecord record(long sequence) {
    return EvidenceLogRecord.newBuilder()
        .setSequence(sequence)
        .setRolloutId("r")
        .setBlock(JoinedBlock.newBuilder().setSecond(1000 + sequence))
        .build();
  }

  private static List<EvidenceLogRecord> records(long from, long to) {
    List<EvidenceLogRecord> records = new ArrayList<>();
    for (long i = from; i <= to; i++) {
      records.add(record(i));
    }
    return records;
  }

  private Path segment() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("log"))) {
      return files.sorted().toList().getLast();
    }
  }

  @Test
  void whatWasAppendedIsThereAfterOpeningAgain() throws IOException {
    try (EvidenceLog log = open()) {
      log.append(records(1, 3));
      log.append(records(4, 4));
      assertEquals(4, log.sequence());
    }
    try (EvidenceLog log = open()) {
      assertEquals(records(1, 4), read);
      log.append(records(5, 5));
    }
    try (EvidenceLog log = open()) {
      assertEquals(5, log.sequence());
    }
  }

  @Test
  void cutAtAnyByteTheLogHoldsWholeAppendsAndCanGoOn() throws IOException {
    try (EvidenceLog log = open()) {
      log.append(records(1, 2));
      log.append(records(3, 5));
    }
    byte[] whole = Files.readAllBytes(segment());
    for (int length = 0; length < whole.length; length++) {
      Files.write(segment(), Arrays.copyOf(whole, length));
      try (EvidenceLog log = open()) {
        assertTrue(read.isEmpty() || read.equals(records(1, 2)), "cut at " + length);
        log.append(records(log.sequence() + 1, log.sequence() + 1));
      }
      try (EvidenceLog log = open()) {
        assertEquals(log.sequence(), read.size());
        assertEquals(read.size(), read.getLast().getSequence());
      }
    }
  }

  @Test
  void garbageAfterTheLastAppendIsCut() throws IOException {
    try (EvidenceLog log = open()) {
      log.append(records(1, 2));
    }
    byte[] whole = Files.readAllBytes(segment());
    byte[] withZeros = Arrays.copyOf(whole, whole.length + 4096);
    Files.write(segment(), withZeros);
    try (EvidenceLog log = open()) {
      assertEquals(2, log.sequence());
    }
    assertEquals(whole.length, Files.size(segment()));
  }

  @Test
  void aFlippedBitBeforeSoundRecordsIsDamageAndTheFileIsLeftAlone() throws IOException {
    try (EvidenceLog log = open()) {
      log.append(records(1, 2));
      log.append(records(3, 4));
    }
    byte[] bytes = Files.readAllBytes(segment());
    bytes[Frames.HEADER_BYTES + Frames.PREFIX_BYTES + 3] ^= 1;
    Files.write(segment(), bytes);
    assertThrows(DamagedLogException.class, this::open);
    assertEquals(bytes.length, Files.size(segment()));
  }

  @Test
  void anyFlippedBitBeforeTheLastAppendIsDamageAndNothingIsCut() throws IOException {
    int beforeLast;
    try (EvidenceLog log = open()) {
      log.append(records(1, 2));
      log.append(records(3, 4));
      beforeLast = (int) log.bytes();
      log.append(records(5, 6));
    }
    byte[] sound = Files.readAllBytes(segment());
    for (int bit = 0; bit < 8 * beforeLast; bit++) {
      byte[] bytes = sound.clone();
      bytes[bit / 8] ^= (byte) (1 << (bit % 8));
      Files.write(segment(), bytes);
      var e = assertThrows(DamagedLogException.class, this::open, "bit " + bit);
      assertEquals(sound.length, Files.size(segment()));
      boolean inSecond = bit / 8 >= (beforeLast + Frames.HEADER_BYTES) / 2;
      String position =
          inSecond ? "records 1 to 2 before it are sound" : "no record before it is sound";
      assertTrue(String.valueOf(e.getMessage()).contains(position), e.getMessage());
      assertTrue(String.valueOf(e.getMessage()).contains(segment().toString()), e.getMessage());
    }
  }

  @Test
  void aRecordThatIsMissingOrThereTwiceIsDamage() throws IOException {
    for (long second : new long[] {3, 1}) {
      Files.deleteIfExists(folder.resolve("log").resolve("0000000000000001.evidence"));
      try (EvidenceLog log = open()) {
        log.append(records(1, 1));
        log.append(records(second, second));
      }
      var e = assertThrows(DamagedLogException.class, this::open);
      assertTrue(
          String.valueOf(e.getMessage())
              .endsWith(
                  "holds record " + second + " (expected: 2); records 1 to 1 before it are sound"),
          e.getMessage());
    }
  }

  @Test
  void aSegmentThatIsMissingIsDamage() throws IOException {
    try (EvidenceLog log = open(LogFiles.system(), 100)) {
      for (int i = 1; i <= 20; i++) {
        log.append(records(i, i));
      }
    }
    List<Path> segments;
    try (Stream<Path> files = Files.list(folder.resolve("log"))) {
      segments = files.sorted().toList();
    }
    Files.delete(segments.get(1));
    assertThrows(DamagedLogException.class, this::open);
  }

  @Test
  void aForeignFileIsRefused() throws IOException {
    Files.createDirectories(folder.resolve("log"));
    Files.writeString(folder.resolve("log").resolve("1.evidence"), "something else");
    assertThrows(DamagedLogException.class, this::open);
  }

  @Test
  void aFullDiskLosesNothingAndTheLogGoesOnWhenThereIsRoom() throws IOException {
    FullDisk disk = new FullDisk();
    try (EvidenceLog log = open(disk, EvidenceLog.SEGMENT_BYTES)) {
      log.append(records(1, 2));
      disk.full(true);
      assertThrows(IOException.class, () -> log.append(records(3, 4)));
      assertEquals(2, log.sequence());
      disk.full(false);
      log.append(records(3, 5));
    }
    open().close();
    assertEquals(records(1, 5), read);
  }

  @Test
  void aSegmentThatIsFullIsFollowedByAnother() throws IOException {
    FullDisk disk = new FullDisk();
    try (EvidenceLog log = open(disk, 100)) {
      for (int i = 1; i <= 20; i++) {
        if (i % 5 == 0) {
          disk.full(true);
          List<EvidenceLogRecord> refused = records(i, i);
          assertThrows(IOException.class, () -> log.append(refused));
          disk.full(false);
        }
        log.append(records(i, i));
      }
      List<EvidenceLogRecord> live = new ArrayList<>();
      log.read(live::add);
      assertEquals(records(1, 20), live);
    }
    try (Stream<Path> files = Files.list(folder.resolve("log"))) {
      assertTrue(files.count() > 3);
    }
    try (EvidenceLog log = open(disk, 100)) {
      assertEquals(records(1, 20), read);
      assertEquals(20, log.sequence());
    }
  }

  @Test
  void foldersAreNamedSafelyWhateverTheIdIs() {
    assertEquals("r-fraud-8_b", LogFolder.of("fraud-8_b"));
    assertEquals("r-%2E%2E%2Fetc", LogFolder.of("../etc"));
    assertEquals("r-%C3%A4", LogFolder.of("ä"));
    assertNull(LogFolder.of(""));
    assertNull(LogFolder.of("x".repeat(300)));
  }
}
