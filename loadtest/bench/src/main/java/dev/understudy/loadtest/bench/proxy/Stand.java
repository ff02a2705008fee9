package dev.understudy.loadtest.bench.proxy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A process of the benchmark, and how each kind of them is started. */
final class Stand implements AutoCloseable {
  private static final String HEAP = "-Xms256m -Xmx256m";

  /**
   * Where things are.
   *
   * @param realtime whether every process runs before all others of the machine, so that what else
   *     goes on there takes no part
   */
  record Config(Path home, Path work, Path java, boolean realtime) {
    List<String> command(List<String> plain) {
      List<String> whole = new ArrayList<>();
      if (realtime) {
        whole.addAll(List.of("chrt", "-f", "10"));
      }
      whole.addAll(plain);
      return whole;
    }
  }

  private final Process process;

  private Stand(Process process) {
    this.process = process;
  }

  static Stand backend(Config config, int port, String payload) throws IOException {
    return start(
        config,
        "backend-" + payload + "-" + port,
        Map.of(),
        pinned(
            1,
            config.work().resolve("wire").toString(),
            "serve",
            "port=" + port,
            "reply=" + config.work().resolve("reply"),
            "metadata=" + config.work().resolve("metadata")));
  }

  static Stand haproxy(Config config) throws IOException {
    return start(
        config,
        "haproxy",
        Map.of(),
        pinned(0, "haproxy", "-db", "-f", bench(config).resolve("haproxy.cfg").toString()));
  }

  static Stand nginx(Config config) throws IOException {
    Files.copy(
        bench(config).resolve("nginx.conf"),
        config.work().resolve("nginx.conf"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    return start(
        config,
        "nginx",
        Map.of(),
        pinned(0, "nginx", "-p", config.work() + "/", "-c", "nginx.conf"));
  }

  static Stand nghttpx(Config config) throws IOException {
    return start(
        config,
        "nghttpx",
        Map.of(),
        pinned(
            0,
            "nghttpx",
            "--single-process",
            "--no-conf",
            "-f127.0.0.1,7103;no-tls",
            "-b127.0.0.1,7000;;proto=h2",
            "-n1",
            "--no-ocsp"));
  }

  static Stand bare(Config config, int port, int backend) throws IOException {
    return java(config, "bare", "-XX:+UseSerialGC " + HEAP, BareProxy.class, port, backend);
  }

  static Stand sink(Config config, int port) throws IOException {
    Path file = config.work().resolve("sink.txt");
    Files.deleteIfExists(file);
    return java(config, "sink", "-XX:+UseSerialGC -Xmx256m", Sink.class, port, file);
  }

  /**
   * A router with every layer on.
   *
   * @param kind {@code router}; {@code mirroring}, with a tenth of the calls copied; {@code
   *     checking}, with the signature alone, as for large messages
   */
  static Stand router(Config config, int port, String kind, String payload) throws IOException {
    Path work = config.work();
    boolean mirroring = kind.equals("mirroring");
    String contract =
        kind.equals("checking") ? "" : "    contract: " + work.resolve("contract.yaml") + "\n";
    Path file =
        Files.writeString(
            work.resolve("router-" + kind + ".yaml"),
            configuration(work, port, mirroring, contract));
    return start(
        config,
        "router-" + payload,
        Map.of("UNDERSTUDY_JAVA_OPTS", HEAP, "UNDERSTUDY_BUILD", "never"),
        List.of(config.home().resolve("understudy").toString(), "router", "--config", "" + file));
  }

  static String configuration(Path work, int port, boolean mirroring, String contract) {
    return """
    name: bench
    listen: 127.0.0.1:%d
    admin: 127.0.0.1:%d
    eventLoops: 1
    evidence: 127.0.0.1:7090
    collector: 127.0.0.1:7090
    auth: {keys: %s, secret: %s, others: {models: ["*"]}}
    limits:
      requestsPerSecond: 1000000
      burst: 1000000
      bytesPerSecond: 10GiB
      concurrentCalls: 100000
      models: {fraud-detector: {requestsPerSecond: 1000000, bytesPerSecond: 10GiB}}
      methods: {infer: {requestsPerSecond: 1000000, bytesPerSecond: 10GiB}}
    connections: {calls: 4096}
    queues: {lineageRecords: 1000000, comparisons: 64MiB}
    mirror: {copies: 4096}
    models:
      fraud-detector:
        champion: {version: 1, endpoints: ["127.0.0.1:7000"]}
        canary: {version: 2, weight: 10%%, endpoints: ["127.0.0.1:7000"]}
        rules:
          - {name: nobody, headers: [{name: x-team, anyOf: [nobody]}], arm: champion}
    %s%s\
    """
        .formatted(
            port,
            port + 1,
            work.resolve("keys"),
            work.resolve("secret"),
            mirroring
                ? "    shadow: {version: 3, mirror: 10%, endpoints: [\"127.0.0.1:7001\"]}\n"
                : "",
            contract);
  }

  private static Stand java(
      Config config, String name, String flags, Class<?> main, Object... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    if (main == Sink.class) {
      command.addAll(List.of("taskset", "-c", "1"));
    }
    command.add(config.java().toString());
    command.addAll(Arrays.asList(flags.split(" ", -1)));
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            main.getName()));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return start(config, name, Map.of(), command);
  }

  private static List<String> pinned(int core, String... command) {
    List<String> whole = new ArrayList<>(List.of("taskset", "-c", String.valueOf(core)));
    whole.addAll(Arrays.asList(command));
    return whole;
  }

  private static Path bench(Config config) {
    return config.home().resolve("loadtest/bench/router-vs-proxies");
  }

  private static Stand start(
      Config config, String name, Map<String, String> environment, List<String> command)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(config.command(command));
    builder.directory(config.work().toFile());
    builder.environment().putAll(environment);
    builder.environment().merge("PATH", ":/usr/sbin", String::concat);
    builder.redirectErrorStream(true);
    builder.redirectOutput(Redirect.to(config.work().resolve(name + ".log").toFile()));
    return new Stand(builder.start());
  }

  /** Whether a file is mapped into the process. */
  boolean maps(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid() + "/maps"))) {
      return lines.anyMatch(line -> line.endsWith(file.toString()));
    }
  }

  /** Makes what the JVM keeps of a warm-up for later starts; false when that failed. */
  static boolean makeCache(Config config) throws IOException, InterruptedException {
    Path log = config.work().resolve("aot-cache.log");
    return new ProcessBuilder(config.home().resolve("dev/aot-cache").toString())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(log.toFile()))
            .start()
            .waitFor()
        == 0;
  }

  long pid() {
    return process.pid();
  }

  /** Moves every thread to one core. */
  void pin(int core) throws IOException, InterruptedException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid() + "/task"))) {
      for (Path task : tasks.toList()) {
        run(List.of("taskset", "-p", "-c", String.valueOf(core), task.getFileName().toString()));
      }
    }
  }

  /** Waits until the server says that it serves. */
  void awaitReady(int port, Duration patience) throws IOException, InterruptedException {
    long until = System.nanoTime() + patience.toNanos();
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
    try {
      while (!serves(channel)) {
        if (System.nanoTime() > until || !process.isAlive()) {
          throw new IOException("port " + port + " does not serve");
        }
        channel.resetConnectBackoff();
        Thread.sleep(2);
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static boolean serves(ManagedChannel channel) {
    try {
      return HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(1, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus()
          == ServingStatus.SERVING;
    } catch (StatusRuntimeException notYet) {
      return false;
    }
  }

  /** Runs the generator to its end. */
  static JsonObject generate(Config config, Map<String, String> options)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of("taskset", "-c", "1", config.work().resolve("wire").toString(), "load"));
    options.forEach((name, value) -> command.add(name + "=" + value));
    String out = run(config.command(command));
    int brace = out.indexOf('{');
    if (brace < 0) {
      throw new IOException("the generator said: " + out);
    }
    return JsonParser.parseString(out.substring(brace)).getAsJsonObject();
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectError(Redirect.DISCARD).start();
    try (var out = process.getInputStream()) {
      String text = new String(out.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      process.waitFor();
      return text;
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        process.waitFor(5, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
