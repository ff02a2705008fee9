package dev.understudy.chassis.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import dev.understudy.chassis.config.ConfigException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class ServiceMainTest {
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(printed, true, StandardCharsets.UTF_8);
  private final List<String> events = new ArrayList<>();

  /** A service of one part, for a process of its own too. */
  static final class Sample {
    private Sample() {}

    public static void main(String[] args) {
      ServiceMain.run("sample", args, Sample::configure);
    }

    static ServiceFactory.Startable configure(ServiceArguments arguments) {
      var lifecycle = new Lifecycle("sample");
      lifecycle.onDrain(
          "sample", java.time.Duration.ofSeconds(1), grace -> System.out.println("drained"));
      return () -> RunningService.of(Map.of("grpc", 41234), lifecycle);
    }
  }

  private List<String> lines() {
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }

  private int execute(ServiceFactory factory, String... args) {
    return ServiceMain.execute(
        "sample",
        args,
        factory,
        err,
        (announce, stop) -> {
          announce.make();
          stop.run();
        });
  }

  @Test
  void aWrongConfigurationIsOneLinePerProblemAndCodeTwo() {
    int code =
        execute(arguments -> {
          throw new ConfigException(List.of("a.yaml:1: x", "a.yaml:2: y"));
        });
    assertEquals(2, code);
    assertEquals(List.of("sample: a.yaml:1: x", "sample: a.yaml:2: y"), lines());
  }

  @Test
  void argumentsThatNobodyClaimedAreRefused() {
    assertEquals(2, execute(Sample::configure, "--grpc-prot", "1"));
    assertEquals(
        List.of("sample: unknown argument: --grpc-prot", "sample: unknown argument: 1"), lines());
    assertEquals(2, execute(Sample::configure, "--config"));
    assertEquals(2, execute(Sample::configure, "--log-level", "loud"));
  }

  @Test
  void checkingAConfigurationStartsNothing() {
    int code =
        execute(
            arguments -> {
              assertEquals("1", arguments.option("--grpc-port"));
              assertEquals(List.of("a", "b"), arguments.options("--model"));
              assertEquals(Path.of("x.yaml"), arguments.requiredConfig());
              return () -> {
                throw new AssertionError("started");
              };
            },
            "--check-config",
            "--grpc-port=1",
            "--model",
            "a",
            "--config",
            "x.yaml",
            "--model=b");
    assertEquals(0, code);
  }

  @Test
  void aStartThatFailsIsOneLineAndCodeOne() {
    int code =
        execute(arguments ->
            () -> {
              throw new IOException("port 80: in use");
            });
    assertEquals(1, code);
    assertEquals(List.of("sample: cannot start: port 80: in use"), lines());
  }

  @Test
  void theReadyFileNamesThePortsWhileTheServiceRuns(@TempDir Path folder) {
    Path ready = folder.resolve("sub/ready.json");
    int code =
        ServiceMain.execute(
            "sample",
            new String[] {"--ready-file", ready.toString()},
            Sample::configure,
            err,
            (announce, stop) -> {
              announce.make();
              var json = JsonParser.parseString(Files.readString(ready)).getAsJsonObject();
              events.add("grpc " + json.get("grpc").getAsInt());
              assertEquals(ProcessHandle.current().pid(), json.get("pid").getAsLong());
              stop.run();
            });
    assertEquals(0, code);
    assertEquals(List.of("grpc 41234"), events);
    assertFalse(Files.exists(ready));
  }

  @Test
  @Timeout(60)
  void sigtermDrainsAndEndsTheProcessWithCodeZero(@TempDir Path folder) throws Exception {
    Path ready = folder.resolve("ready.json");
    Path log = folder.resolve("err.txt");
    Path out = folder.resolve("out.txt");
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                classPath,
                Sample.class.getName(),
                "--ready-file",
                ready.toString())
            .redirectOutput(out.toFile())
            .redirectError(log.toFile())
            .start();
    try {
      while (!Files.exists(ready)) {
        assertTrue(!process.waitFor(10, TimeUnit.MILLISECONDS), () -> read(log));
      }
      process.destroy();
      assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    } finally {
      process.destroyForcibly();
    }
    assertEquals(0, process.exitValue(), Files.readString(log));
    assertEquals("drained", Files.readString(out).strip());
    assertFalse(Files.exists(ready));
    assertTrue(Files.readString(log).contains("has stopped"));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aLogRecordIsOneLine() {
    var record = new LogRecord(Level.WARNING, "bad key: a\nERROR forged\u001b[0m");
    record.setLoggerName("dev.understudy.router.Stack");
    record.setInstant(java.time.Instant.EPOCH);
    assertEquals(
        "1970-01-01T00:00:00.000Z WARN  Stack bad key: a\\nERROR forged\\u001b[0m\n",
        new Logging.LineFormatter().format(record));
    record.setThrown(new IllegalStateException("x"));
    assertNotNull(record.getThrown());
    assertTrue(new Logging.LineFormatter().format(record).contains("\n    java.lang.Illegal"));
    assertThrows(ConfigException.class, () -> Logging.parse("loud"));
  }
}
