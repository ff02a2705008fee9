package dev.understudy.collector.predictions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentTest {
  @TempDir Path folder;

  @Test
  void whatIsAppendedIsReadBackAndScannedInOrder() throws IOException {
    try (Segment segment = Segment.open(1, folder.resolve("a"))) {
      long first = segment.append(0, new byte[] {1, 2, 3});
      long second = segment.append(1, new byte[400_000]);
      segment.flush();
      assertArrayEquals(new byte[] {1, 2, 3}, segment.read(first).body().toByteArray());
      assertEquals(400_000, segment.read(second).body().size());
      assertEquals(1, segment.read(second).kind());
      assertEquals(List.of(first, second), offsets(segment));
    }
  }

  @Test
  void aTornTailEndsTheScanBeforeIt() throws IOException {
    Path file = folder.resolve("a");
    long second;
    try (Segment segment = Segment.open(1, file)) {
      segment.append(0, new byte[100]);
      second = segment.append(0, new byte[100]);
      segment.flush();
    }
    byte[] whole = Files.readAllBytes(file);
    for (int length = (int) second; length < whole.length; length += 7) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      try (Segment segment = Segment.open(1, file)) {
        assertEquals(second, segment.scan((offset, kind, body) -> {}), "cut at " + length);
      }
    }
  }

  @Test
  void everyFlippedBitIsNoticed() throws IOException {
    Path file = folder.resolve("a");
    try (Segment segment = Segment.open(1, file)) {
      segment.append(1, new byte[] {5, 6, 7, 8});
      segment.flush();
    }
    byte[] whole = Files.readAllBytes(file);
    for (int bit = 0; bit < whole.length * 8; bit++) {
      byte[] damaged = whole.clone();
      damaged[bit / 8] ^= (byte) (1 << (bit % 8));
      Files.write(file, damaged);
      try (Segment segment = Segment.open(1, file)) {
        assertThrows(IOException.class, () -> segment.read(0), "bit " + bit);
      }
    }
  }

  @Test
  void truncatingForgetsWhatWasBufferedAndWhatWasWritten() throws IOException {
    try (Segment segment = Segment.open(1, folder.resolve("a"))) {
      segment.append(0, new byte[10]);
      segment.flush();
      long length = segment.length();
      segment.append(0, new byte[10]);
      segment.flush();
      segment.append(0, new byte[10]);
      segment.truncate(length);
      assertEquals(length, segment.length());
      assertEquals(length, segment.append(0, new byte[1]));
      segment.flush();
      assertEquals(2, offsets(segment).size());
    }
  }

  @FuzzTest(maxDuration = "60s")
  void anyBytesAreScannedWithoutHarm(byte[] bytes) throws IOException {
    Path file = Files.createTempFile("segment", "");
    try {
      Files.write(file, bytes);
      try (Segment segment = Segment.open(1, file)) {
        long end = segment.scan((offset, kind, body) -> {});
        assertTrue(end >= 0 && end <= bytes.length);
      }
    } finally {
      Files.delete(file);
    }
  }

  private static List<Long> offsets(Segment segment) {
    List<Long> offsets = new ArrayList<>();
    segment.scan((offset, kind, body) -> offsets.add(offset));
    return offsets;
  }
}
