package dev.understudy.launcher.process;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * One service in a JVM of its own, started from this JVM's class path. It writes its log beside its
 * ready file, tells its real ports through the ready file, and ends when the process that started
 * it ends. Not thread-safe except where said.
 */
public final class ServiceProcess implements AutoCloseable {

  /** Names the process that a service must not outlive. */
  public static final String PARENT_PROPERTY = "understudy.parent";

  private static final Duration STOP_GRACE = Duration.ofSeconds(10);

  private final String name;
  private final Process process;
  private final Path readyFile;
  private final Path log;

  private ServiceProcess(String name, Process process, Path readyFile, Path log) {
    this.name = name;
    this.process = process;
    this.readyFile = readyFile;
    this.log = log;
  }

  /**
   * Starts {@code understudy ARGUMENTS --ready-file DIRECTORY/NAME.ready}.
   *
   * @param jvmOptions options of the new JVM, after those that every service gets
   * @throws IOException if the process cannot be started
   */
  public static ServiceProcess start(
      String name, Path directory, List<String> jvmOptions, List<String> arguments)
      throws IOException {
    Files.createDirectories(directory);
    Path ready = directory.resolve(name + ".ready");
    Path log = directory.resolve(name + ".log");
    Files.deleteIfExists(ready);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("-XX:+UseSerialGC");
    command.add("-D" + PARENT_PROPERTY + "=" + ProcessHandle.current().pid());
    for (String inherited : List.of("onnxruntime.native.path", "understudy.home")) {
      String value = System.getProperty(inherited);
      if (value != null) {
        command.add("-D" + inherited + "=" + value);
      }
    }
    command.addAll(jvmOptions);
    command.add("dev.understudy.launcher.Understudy");
    command.addAll(arguments);
    command.add("--ready-file");
    command.add(ready.toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    // Not on the command line: a hundred jars make it long, and ONNX Runtime 1.29 looks for words
    // in it by a recursive match that overflows a thread's native stack.
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    // The model server turns it off too, but only once ONNX Runtime has been loaded.
    builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
    Process process =
        builder
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .start();
    return new ServiceProcess(name, process, ready, log);
  }

  /**
   * Waits until the service has written its ready file.
   *
   * @return its ports by name
   * @throws IOException if it ended, or was not ready in time; the message quotes the end of its
   *     log
   */
  public Map<String, Integer> awaitReady(Duration limit) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    while (!Files.exists(readyFile)) {
      if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
        throw new IOException(name + " ended with " + process.exitValue() + ":\n" + tail());
      }
      if (System.nanoTime() - deadline > 0) {
        throw new IOException(
            name + " was not ready after " + limit.toSeconds() + " s:\n" + tail());
      }
    }
    Map<String, Integer> ports = new TreeMap<>();
    try {
      JsonObject ready = JsonParser.parseString(Files.readString(readyFile)).getAsJsonObject();
      ready.entrySet().stream()
          .filter(entry -> entry.getValue().isJsonPrimitive())
          .filter(entry -> entry.getValue().getAsJsonPrimitive().isNumber())
          .forEach(entry -> ports.put(entry.getKey(), entry.getValue().getAsInt()));
    } catch (JsonParseException | IllegalStateException e) {
      throw new IOException(name + " wrote no JSON object to " + readyFile, e);
    }
    return ports;
  }

  /** The service's name, as given. */
  public String name() {
    return name;
  }

  /** The operating system's number of the process. */
  public long pid() {
    return process.pid();
  }

  /** Whether the process runs (frozen counts as running). */
  public boolean alive() {
    return process.isAlive();
  }

  /** The file with everything the service printed. */
  public Path log() {
    return log;
  }

  /** Stops the process without ending it: connections stay open, nothing answers (SIGSTOP). */
  public void freeze() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** Lets a frozen process go on (SIGCONT). */
  public void thaw() throws IOException, InterruptedException {
    signal("CONT");
  }

  /** Ends the process at once, without any goodbye (SIGKILL). */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /**
   * Asks the service to drain and end (SIGTERM).
   *
   * @return its exit code, or -1 if it had to be killed after {@code limit}
   */
  public int terminate(Duration limit) throws InterruptedException {
    process.destroy();
    if (process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
      return process.exitValue();
    }
    kill();
    return -1;
  }

  private void signal(String signal) throws IOException, InterruptedException {
    int exit =
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    if (exit != 0) {
      throw new IOException("kill -" + signal + " " + process.pid() + " ended with " + exit);
    }
  }

  private String tail() throws IOException {
    if (!Files.exists(log)) {
      return "(it printed nothing)";
    }
    List<String> lines = Files.readAllLines(log);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  @Override
  public void close() {
    try {
      if (process.isAlive()) {
        signal("CONT");
        terminate(STOP_GRACE);
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
