package dev.understudy.comparator.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.comparator.log.EvidenceFile.NotWholeException;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.JoinedBlock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvidenceFileTest {
  @TempDir Path folder;

  @Test
  void whatWasWrittenIsReadAndReadingChangesNothing() throws IOException {
    Path file = written(1000);
    byte[] before = Files.readAllBytes(file);
    List<EvidenceLogRecord> read = new ArrayList<>();
    assertEquals(1000, EvidenceFile.read(file, read::add));
    assertEquals(record(1), read.getFirst());
    assertEquals(record(1000), read.getLast());
    assertArrayEquals(before, Files.readAllBytes(file));
    assertFalse(Files.exists(folder.resolve("f.evidence.part")));
  }

  @Test
  void theFolderOfAComparatorIsReadAsItLies() throws IOException {
    Path log = folder.resolve("r-1");
    try (EvidenceLog written = EvidenceLog.open(log, LogFiles.system(), 64, record -> {})) {
      for (int i = 1; i <= 20; i++) {
        written.append(List.of(record(i)));
      }
    }
    List<EvidenceLogRecord> read = new ArrayList<>();
    assertEquals(20, EvidenceFile.read(log, read::add));
    assertEquals(record(20), read.getLast());
  }

  @Test
  void everyCutIsRefusedWithTheLastGoodRecord() throws IOException {
    Path file = written(600);
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length < whole.length; length += 97) {
      Files.write(file, Arrays.copyOf(whole, length));
      List<EvidenceLogRecord> read = new ArrayList<>();
      try {
        EvidenceFile.read(file, read::add);
      } catch (NotWholeException e) {
        assertEquals(read.size(), e.lastGood());
        assertTrue(String.valueOf(e.getMessage()).contains(file.toString()), e.getMessage());
        continue;
      }
      // Cut exactly between two frames: nothing is damaged, and what is there is whole.
      assertEquals(0, read.size() % 256);
    }
  }

  @Test
  void aFlippedBitIsRefusedWithPositionAndLastGoodRecord() throws IOException {
    Path file = written(600);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 4;
    Files.write(file, bytes);
    List<EvidenceLogRecord> read = new ArrayList<>();
    NotWholeException e =
        assertThrows(NotWholeException.class, () -> EvidenceFile.read(file, read::add));
    assertEquals(256, e.lastGood());
    assertEquals(256, read.size());
    assertTrue(
        String.valueOf(e.getMessage()).endsWith("; the last good record is 256"), e.getMessage());
    assertTrue(String.valueOf(e.getMessage()).contains("the frame at byte "), e.getMessage());
  }

  @Test
  void foreignEmptyAndMissingFilesAreRefused() throws IOException {
    Path foreign = Files.writeString(folder.resolve("foreign"), "something else altogether");
    NotWholeException e =
        assertThrows(NotWholeException.class, () -> EvidenceFile.read(foreign, record -> {}));
    assertEquals(0, e.lastGood());
    assertTrue(
        String.valueOf(e.getMessage()).contains("does not begin as an evidence log"),
        e.getMessage());
    Path empty = written(0);
    assertThrows(NotWholeException.class, () -> EvidenceFile.read(empty, record -> {}));
    assertThrows(
        NoSuchFileException.class, () -> EvidenceFile.read(folder.resolve("none"), record -> {}));
    Path bare = Files.createDirectory(folder.resolve("bare"));
    assertThrows(NoSuchFileException.class, () -> EvidenceFile.read(bare, record -> {}));
  }

  @Test
  void recordsOutOfSequenceAreNeitherWrittenNorRead() throws IOException {
    try (EvidenceFile.Writer writer = EvidenceFile.write(folder.resolve("g.evidence"))) {
      writer.add(record(1));
      assertThrows(IllegalArgumentException.class, () -> writer.add(record(3)));
    }
    // Without finish the name is not taken.
    assertFalse(Files.exists(folder.resolve("g.evidence")));

    Path log = folder.resolve("r-2");
    try (EvidenceLog written = EvidenceLog.open(log, LogFiles.system(), 1 << 20, record -> {})) {
      written.append(List.of(record(1), record(2), record(4)));
    }
    NotWholeException e =
        assertThrows(NotWholeException.class, () -> EvidenceFile.read(log, record -> {}));
    assertEquals(2, e.lastGood());
    assertTrue(
        String.valueOf(e.getMessage()).contains("record 4 follows (expected: 3)"), e.getMessage());
  }

  @Test
  void whatAKilledWriterLeftIsPutAside() throws IOException {
    Path file = folder.resolve("h.evidence");
    for (int records = 1; records <= 2; records++) {
      try (EvidenceFile.Writer killed = EvidenceFile.write(file)) {
        for (int i = 1; i <= records; i++) {
          killed.add(record(i));
        }
        killed.flush();
      }
    }
    // This one has got no further than its header, which nobody misses.
    EvidenceFile.write(file).close();
    try (EvidenceFile.Writer writer = EvidenceFile.write(file)) {
      writer.add(record(1));
      writer.finish();
    }
    assertEquals(1, EvidenceFile.read(file, record -> {}));
    assertEquals(1, EvidenceFile.read(folder.resolve("h.evidence.part.1"), record -> {}));
    assertEquals(2, EvidenceFile.read(folder.resolve("h.evidence.part.2"), record -> {}));
    assertFalse(Files.exists(folder.resolve("h.evidence.part")));
    assertFalse(Files.exists(folder.resolve("h.evidence.part.3")));
  }

  private Path written(int records) throws IOException {
    Path file = folder.resolve("f.evidence");
    try (EvidenceFile.Writer writer = EvidenceFile.write(file)) {
      for (int i = 1; i <= records; i++) {
        writer.add(record(i));
      }
      writer.finish();
    }
    return file;
  }

  private static EvidenceLogRecord record(long sequence) {
    return EvidenceLogRecord.newBuilder()
        .setSequence(sequence)
        .setRolloutId("r")
        .setBlock(JoinedBlock.newBuilder().setSecond(1000 + sequence))
        .build();
  }
}
