package dev.understudy.chassis.digest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VersionDigestTest {
  // printf hello | sha256sum
  private static final String HELLO =
      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

  @TempDir Path folder;

  @Test
  void oneFileIsItsOwnSum() throws Exception {
    Files.writeString(folder.resolve("model.onnx"), "hello");
    Files.writeString(folder.resolve(".model.onnx.partial"), "noise");
    assertEquals(HELLO, VersionDigest.of(folder));
  }

  @Test
  void severalFilesAreTheSumOfTheirSums() throws Exception {
    Files.writeString(folder.resolve("model.onnx"), "hello");
    Files.createDirectory(folder.resolve("data"));
    Files.writeString(folder.resolve("data").resolve("weights"), "hello");
    // printf '%s  data/weights\n%s  model.onnx\n' HELLO HELLO | sha256sum
    assertEquals(
        "9a7ff782056f603ede52ab5cbbbec8bf55a6222d787bf013045df4107f1d394e",
        VersionDigest.of(folder));
  }

  @Test
  void contentNamesAndNumberOfFilesCount() throws Exception {
    Files.writeString(folder.resolve("a"), "xy");
    Files.writeString(folder.resolve("b"), "z");
    String first = VersionDigest.of(folder);
    Files.writeString(folder.resolve("a"), "x");
    Files.writeString(folder.resolve("b"), "yz");
    String moved = VersionDigest.of(folder);
    assertNotEquals(first, moved, "bytes move from one file into the next");
    Files.move(folder.resolve("b"), folder.resolve("c"));
    assertNotEquals(moved, VersionDigest.of(folder), "a file gets another name");
  }

  @Test
  void aLinkStandsForWhatItLeadsTo() throws Exception {
    Path version = Files.createDirectory(folder.resolve("1"));
    Files.writeString(version.resolve("model.onnx"), "hello");
    assertEquals(
        HELLO, VersionDigest.of(Files.createSymbolicLink(folder.resolve("2"), Path.of("1"))));
  }

  @Test
  void aFolderWithoutFilesHasNoDigest() {
    assertThrows(IOException.class, () -> VersionDigest.of(folder));
  }
}
