package dev.understudy.rollout.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.CatalogVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RepositoryScanTest {
  @TempDir Path repository;

  private void file(String path, String text) throws IOException {
    Path file = repository.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private String digest() throws IOException {
    return VersionDigest.of(repository.resolve("m/1"));
  }

  @Test
  void digestCoversContentNamesAndNumberOfFiles() throws Exception {
    file("m/1/model.onnx", "abc");
    String one = digest();
    assertEquals(one, digest());
    file("m/1/model.onnx", "abd");
    assertNotEquals(one, digest());
    file("m/1/model.onnx", "abc");
    assertEquals(one, digest());
    file("m/1/data/weights", "");
    String two = digest();
    assertNotEquals(one, two);
    Files.move(repository.resolve("m/1/data/weights"), repository.resolve("m/1/data/weight"));
    assertNotEquals(two, digest());
  }

  @Test
  void bytesCannotMoveFromOneFileIntoTheNext() throws Exception {
    file("m/1/a", "xy");
    file("m/1/b", "z");
    String one = digest();
    file("m/1/a", "x");
    file("m/1/b", "yz");
    assertNotEquals(one, digest());
  }

  @Test
  void onlyNumberedDirectoriesAreVersionsAndTheLowestComesFirst() throws Exception {
    file("m/10/model.onnx", "x");
    file("m/9/model.onnx", "x");
    file("m/latest/model.onnx", "x");
    file("m/config.pbtxt", "x");
    List<CatalogVersion> found = RepositoryScan.scan(repository, "m", 5);
    assertEquals(List.of("9", "10"), found.stream().map(CatalogVersion::getVersion).toList());
  }

  @Test
  void missingModelEmptyVersionAndWrongCardAreSaid() throws Exception {
    assertThrows(ConfigException.class, () -> RepositoryScan.scan(repository, "none", 5));
    Files.createDirectories(repository.resolve("m/1"));
    assertThrows(ConfigException.class, () -> RepositoryScan.scan(repository, "m", 5));
    file("m/1/model.onnx", "x");
    file("m/card.yaml", "owner: [a, b]");
    assertThrows(ConfigException.class, () -> RepositoryScan.scan(repository, "m", 5));
  }
}
