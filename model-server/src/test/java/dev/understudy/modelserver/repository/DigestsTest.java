package dev.understudy.modelserver.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DigestsTest {
  // printf hello | sha256sum
  private static final String HELLO =
      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

  @TempDir Path folder;

  @Test
  void oneFileIsItsOwnSum() throws Exception {
    Files.writeString(folder.resolve("model.onnx"), "hello");
    Files.writeString(folder.resolve(".model.onnx.partial"), "noise");
    assertEquals(HELLO, Digests.of(folder));
  }

  @Test
  void severalFilesAreTheSumOfTheirSums() throws Exception {
    Files.writeString(folder.resolve("model.onnx"), "hello");
    Files.createDirectory(folder.resolve("data"));
    Files.writeString(folder.resolve("data").resolve("weights"), "hello");
    // printf '%s  data/weights\n%s  model.onnx\n' HELLO HELLO | sha256sum
    assertEquals(
        "9a7ff782056f603ede52ab5cbbbec8bf55a6222d787bf013045df4107f1d394e", Digests.of(folder));
  }
}
