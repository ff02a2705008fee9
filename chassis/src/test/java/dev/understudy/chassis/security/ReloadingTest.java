package dev.understudy.chassis.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReloadingTest {
  @TempDir Path folder = Path.of(".");
  private Path left = Path.of("left");
  private Path right = Path.of("right");

  @BeforeEach
  void write() throws Exception {
    left = Files.writeString(folder.resolve("left"), "a");
    right = Files.writeString(folder.resolve("right"), "a");
  }

  /** Two files that belong together: they hold the same. */
  private Reloading<String> pair() {
    return Reloading.open(
        "pair",
        List.of(left, right),
        contents -> {
          String one = new String(contents.get(0), StandardCharsets.UTF_8);
          String other = new String(contents.get(1), StandardCharsets.UTF_8);
          if (!one.equals(other)) {
            throw new ConfigException(one + " is not " + other);
          }
          return one;
        });
  }

  @Test
  void contentCountsAndTimeDoesNot() throws Exception {
    Reloading<String> pair = pair();
    Files.setLastModifiedTime(left, FileTime.fromMillis(0));
    assertFalse(pair.poll());
    FileTime before = Files.getLastModifiedTime(right);
    Files.writeString(left, "b");
    Files.writeString(right, "b");
    Files.setLastModifiedTime(right, before);
    assertTrue(pair.poll());
    assertEquals("b", pair.get());
    assertEquals(1, pair.reloads());
    assertEquals(0, pair.failures());
  }

  @Test
  void aPairThatIsHalfWrittenIsGivenUntilTheNextLook() throws Exception {
    Reloading<String> pair = pair();
    Files.writeString(left, "b");
    assertFalse(pair.poll());
    Files.writeString(right, "b");
    assertTrue(pair.poll());
    assertEquals("b", pair.get());
    assertEquals(0, pair.failures());
  }

  @Test
  void whatStaysBrokenIsCountedOnceAndTheOldValueStays() throws Exception {
    Reloading<String> pair = pair();
    Files.writeString(left, "broken");
    for (int i = 0; i < 5; i++) {
      assertFalse(pair.poll());
    }
    assertEquals("a", pair.get());
    assertEquals(1, pair.failures());
    Files.writeString(left, "broken otherwise");
    assertFalse(pair.poll());
    assertFalse(pair.poll());
    assertEquals(2, pair.failures());
    Files.writeString(left, "a");
    assertFalse(pair.poll());
    assertEquals("a", pair.get());
    Files.writeString(left, "broken");
    assertFalse(pair.poll());
    assertFalse(pair.poll());
    assertEquals(3, pair.failures());
  }

  @Test
  void aFileThatIsGoneIsAFailureToo() throws Exception {
    Reloading<String> pair = pair();
    Files.delete(left);
    assertFalse(pair.poll());
    assertEquals(0, pair.failures());
    for (int i = 0; i < 3; i++) {
      assertFalse(pair.poll());
    }
    assertEquals("a", pair.get());
    assertEquals(1, pair.failures());
    Files.writeString(left, "b");
    Files.writeString(right, "b");
    assertTrue(pair.poll());
  }

  @Test
  void theFirstValueMustBeThere() throws Exception {
    Files.writeString(left, "b");
    assertEquals(List.of("b is not a"), assertThrows(ConfigException.class, this::pair).problems());
    Files.delete(left);
    String said = assertThrows(ConfigException.class, this::pair).problems().getFirst();
    assertTrue(said.startsWith("pair: " + left), said);
    Files.write(left, new byte[Reloading.MAX_FILE_BYTES + 1]);
    said = assertThrows(ConfigException.class, this::pair).problems().getFirst();
    assertTrue(said.endsWith("too large (expected: at most 4194304 bytes)"), said);
  }
}
