package dev.understudy.launcher.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.security.ApiKeys;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class KeysCommandTest {
  @TempDir Path folder;

  private String keyFor(String principal) {
    CommandLine line = Commands.line();
    StringWriter out = new StringWriter();
    line.setOut(new PrintWriter(out, true));
    int code =
        line.execute(
            "keys",
            principal,
            "--file",
            folder.resolve("keys").toString(),
            "--secret-file",
            folder.resolve("secret").toString());
    assertEquals(0, code);
    return out.toString().strip();
  }

  @Test
  void keysAreMadeInFilesThatTheirOwnerAloneCanRead() throws Exception {
    String alices = keyFor("alice");
    String bobs = keyFor("bob");
    ApiKeys keys =
        ApiKeys.read(folder.resolve("keys"), Files.readString(folder.resolve("secret")).strip());
    assertEquals("alice", keys.principalOf(alices));
    assertEquals("bob", keys.principalOf(bobs));
    if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
      for (String name : new String[] {"keys", "secret"}) {
        assertEquals(
            "rw-------",
            PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(name))));
      }
    }
  }
}
