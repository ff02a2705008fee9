package dev.understudy.rollout.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.digest.VersionDigest;
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

  @Test
  void onlyNumberedDirectoriesAreVersionsAndTheLowestComesFirst() throws Exception {
    file("m/10/model.onnx", "x");
    file("m/9/model.onnx", "x");
    file("m/latest/model.onnx", "x");
    file("m/config.pbtxt", "x");
    List<CatalogVersion> found = RepositoryScan.scan(repository, "m", 5);
    assertEquals(List.of("9", "10"), found.stream().map(CatalogVersion::getVersion).toList());
    assertEquals(VersionDigest.of(repository.resolve("m/9")), found.getFirst().getDigest());
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
