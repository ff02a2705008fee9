package dev.understudy.comparator.intake;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.comparator.log.LogFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PositionsTest {
  @TempDir Path folder;

  private Positions fresh() {
    return new Positions(folder, LogFiles.system());
  }

  @Test
  void theNewestPositionsAreReadBack() throws IOException {
    Positions positions = fresh();
    assertEquals(Map.of(), positions.load());
    Boot boot = new Boot("a", "1");
    for (long i = 1; i <= 5; i++) {
      positions.store(Map.of(boot, i));
      assertEquals(Map.of(boot, i), fresh().load());
    }
  }

  @Test
  void aFileCutAtAnyByteFallsBackToThePositionsBefore() throws IOException {
    Positions positions = fresh();
    positions.load();
    Boot boot = new Boot("a", "1");
    positions.store(Map.of(boot, 1L));
    positions.store(Map.of(boot, 2L));
    Path newest = folder.resolve("positions-0");
    byte[] whole = Files.readAllBytes(newest);
    for (int length = 0; length < whole.length; length++) {
      Files.write(newest, Arrays.copyOf(whole, length));
      assertEquals(Map.of(boot, 1L), fresh().load(), "cut at " + length);
    }
  }
}
