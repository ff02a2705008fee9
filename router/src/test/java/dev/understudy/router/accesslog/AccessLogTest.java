package dev.understudy.router.accesslog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.router.accesslog.AccessLogSettings.Errors;
import dev.understudy.router.accesslog.AccessLogSettings.Naming;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AccessLogTest {
  @TempDir Path folder;

  private static Entry entry(String id, String clientId, String principal) {
    return new Entry(
        1_700_000_000_123L,
        id,
        clientId,
        principal,
        "fraud",
        "",
        "canary",
        "champion",
        "2",
        "OK",
        "",
        1_234_567,
        1_000_400,
        100,
        50,
        List.of("contract.amount"),
        true,
        "");
  }

  private AccessLogSettings settings(@Nullable Path file, double sample, Errors errors) {
    return new AccessLogSettings(file, sample, errors, Naming.CLEAR, null, 1 << 20, 3, 64);
  }

  private static String line(Naming naming, @Nullable String salt, Entry entry) {
    return new String(new Line(naming, salt).of(entry), StandardCharsets.UTF_8);
  }

  @Test
  void aLineHasEveryFieldInOneOrder() {
    assertEquals(
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"prediction_id\":\"p1\",\"request_id\":\"c1\","
            + "\"principal\":\"web\",\"model\":\"fraud\",\"asked_version\":null,"
            + "\"assigned_arm\":\"canary\",\"arm\":\"champion\",\"version\":\"2\","
            + "\"status\":\"OK\",\"reason\":null,\"total_us\":1235,\"upstream_us\":1000,"
            + "\"request_bytes\":100,\"response_bytes\":50,\"flags\":[\"contract.amount\"],"
            + "\"review_required\":true,\"trace_id\":null}\n",
        line(Naming.CLEAR, null, entry("p1", "c1", "web")));
  }

  @Test
  void whatCallersChooseCannotBreakALine() {
    String hostile = "a\"}\n{\"x\":\u0000\u2028" + "y".repeat(1000);
    String line = line(Naming.CLEAR, null, entry("p1", hostile, "web"));
    assertEquals(1, line.lines().count());
    JsonObject read = JsonParser.parseString(line).getAsJsonObject();
    assertEquals(hostile.substring(0, 256), read.get("request_id").getAsString());
    assertFalse(read.has("x"));
  }

  @Test
  void callersAreHashedUnderASaltOrLeftOut() {
    Entry entry = entry("p1", "", "web");
    JsonObject a =
        JsonParser.parseString(line(Naming.HASHED, "0123456789abcdef", entry)).getAsJsonObject();
    JsonObject b =
        JsonParser.parseString(line(Naming.HASHED, "fedcba9876543210", entry)).getAsJsonObject();
    assertTrue(a.get("principal").getAsString().matches("[0-9a-f]{16}"));
    assertNotEquals(a.get("principal"), b.get("principal"));
    assertTrue(
        JsonParser.parseString(line(Naming.NONE, null, entry))
            .getAsJsonObject()
            .get("principal")
            .isJsonNull());
  }

  @Test
  void linesAreWrittenWholeAndFilesAreTurnedOver() throws Exception {
    Path file = folder.resolve("deep/access.log");
    int size = line(Naming.CLEAR, null, entry("p00", "", "web")).length();
    RotatingFile rotating = new RotatingFile(file, 3L * size, 2);
    for (int i = 10; i < 22; i++) {
      rotating.write(new Line(Naming.CLEAR, null).of(entry("p" + i, "", "web")));
    }
    rotating.close();
    assertTrue(Files.readString(file).contains("p21"));
    assertEquals(3, Files.readAllLines(file).size());
    assertTrue(Files.readString(folder.resolve("deep/access.log.1")).contains("p18"));
    assertTrue(Files.readString(folder.resolve("deep/access.log.2")).contains("p15"));
    assertFalse(Files.exists(folder.resolve("deep/access.log.3")), "two are kept");
  }

  @Test
  void whatWaitsIsWrittenWhenTheLogIsClosedAndAppendedTo() throws Exception {
    Path file = folder.resolve("access.log");
    for (int round = 1; round <= 2; round++) {
      AccessLog log = AccessLog.start(settings(file, 1, Errors.ALL));
      for (int i = 0; i < 30; i++) {
        log.offer(entry("p" + i, "", "web"));
      }
      log.close();
      assertEquals(30, log.written());
      assertEquals(30 * round, Files.readAllLines(file).size());
    }
  }

  @Test
  void aFullRingAndADiskThatFailsCostLinesThatAreCounted() throws Exception {
    Path notAFolder = Files.writeString(folder.resolve("file"), "x");
    AccessLog log = AccessLog.start(settings(notAFolder.resolve("access.log"), 1, Errors.ALL));
    for (int i = 0; i < 5000; i++) {
      log.offer(entry("p" + i, "", "web"));
    }
    log.close();
    assertEquals(5000, log.failed() + log.dropped());
    assertTrue(log.failed() > 0);
    assertEquals(0, log.written());
  }

  @Test
  void standardOutputIsAPlaceToo() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    AccessLog log =
        AccessLog.start(
            settings(null, 1, Errors.ALL), new PrintStream(bytes, true, StandardCharsets.UTF_8));
    log.offer(entry("p1", "", "web"));
    log.close();
    assertTrue(bytes.toString(StandardCharsets.UTF_8).startsWith("{\"time\":"));
  }

  @Test
  void theSampleFollowsThePredictionIdAndErrorsAreAllThereIfSoWanted() {
    try (AccessLog log = AccessLog.start(settings(folder.resolve("a"), 0.1, Errors.ALL));
        AccessLog some = AccessLog.start(settings(folder.resolve("b"), 0.1, Errors.SAMPLED))) {
      int wanted = 0;
      int errors = 0;
      for (int i = 0; i < 5000; i++) {
        String id = "prediction-" + i;
        wanted += log.wants(id, false) ? 1 : 0;
        errors += some.wants(id, true) ? 1 : 0;
        assertTrue(log.wants(id, true));
        assertEquals(log.wants(id, false), some.wants(id, true));
      }
      assertTrue(wanted > 400 && wanted < 600, "about a tenth of 5000: " + wanted);
      assertEquals(wanted, errors);
    }
  }

  @Test
  void settingsAreReadWithTheirDefaultsAndRefusedByName() throws Exception {
    AccessLogSettings read = read("accessLog: {stdout: true}").orElseThrow();
    assertEquals(0.01, read.sample());
    assertEquals(Errors.ALL, read.errors());
    assertEquals(64L << 20, read.rotateBytes());
    assertEquals(Optional.empty(), read("{}"));
    assertEquals(
        "t:1: accessLog.file: missing (expected: file, or stdout: true)",
        problem("accessLog: {sample: 1}"));
    assertEquals(
        "t:1: accessLog.stdout: true beside a file (expected: one of file and stdout)",
        problem("accessLog: {stdout: true, file: a.log}"));
    assertEquals(
        "t:1: accessLog.saltFile: missing (expected with principal: hashed)",
        problem("accessLog: {stdout: true, principal: hashed}"));
    assertEquals(
        "t:1: accessLog.rotateBytes: 10 (expected: at least 4KiB)",
        problem("accessLog: {file: a.log, rotateBytes: 10B}"));
    Path salt = Files.writeString(folder.resolve("salt"), "0123456789abcdef\n");
    AccessLogSettings hashed =
        read("accessLog: {stdout: true, principal: hashed, saltFile: '" + salt + "'}")
            .orElseThrow();
    assertEquals("0123456789abcdef", hashed.salt());
    assertFalse(hashed.toString().contains("0123456789abcdef"));
  }

  private static Optional<AccessLogSettings> read(String yaml) {
    return ConfigFile.parse(
        "t", yaml, root -> Optional.ofNullable(AccessLogSettings.read(root.section("accessLog"))));
  }

  private static String problem(String yaml) {
    return String.join("\n", assertThrows(ConfigException.class, () -> read(yaml)).problems());
  }

  @Test
  void theFileIsNotForEverybodyToRead() throws Exception {
    Path file = folder.resolve("new.log");
    try (RotatingFile log = new RotatingFile(file, 1 << 20, 3)) {
      log.write("line\n".getBytes(StandardCharsets.UTF_8));
    }
    if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
      String rights =
          java.nio.file.attribute.PosixFilePermissions.toString(
              Files.getPosixFilePermissions(file));
      assertTrue(rights.startsWith("rw-") && rights.endsWith("---"), rights);
    }
    assertEquals("line\n", Files.readString(file));
  }
}
