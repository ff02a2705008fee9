package dev.understudy.comparator.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.proto.v1.EvidenceLogRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Whatever a disk brings back, a scan ends, and what it calls sound is sound. */
class FramesFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void scan(byte[] bytes) throws IOException {
    List<EvidenceLogRecord> records = new ArrayList<>();
    Frames.Scan scan;
    try {
      scan = Frames.scan("fuzz", new MemoryFile(bytes), bytes.length, records::add);
    } catch (DamagedLogException e) {
      assertTrue(String.valueOf(e.getMessage()).startsWith("fuzz: the frame at byte "));
      return;
    }
    assertEquals(bytes.length, scan.goodBytes() + scan.tornBytes());
    List<EvidenceLogRecord> again = new ArrayList<>();
    byte[] sound = Arrays.copyOf(bytes, (int) scan.goodBytes());
    Frames.Scan second = Frames.scan("fuzz", new MemoryFile(sound), sound.length, again::add);
    assertEquals(new Frames.Scan(scan.goodBytes(), 0), second);
    assertEquals(records, again);
  }
}
