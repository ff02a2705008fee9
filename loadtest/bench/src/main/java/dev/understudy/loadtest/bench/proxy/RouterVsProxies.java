package dev.understudy.loadtest.bench.proxy;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Holds the router, with all its layers on, against the proxies that people know.
 *
 * <p><b>Setup.</b> One proxy at a time works; each is pinned to core 0 with one thread, backend,
 * generator and the takers of evidence to core 1. The JVMs warm up on both cores first. What is
 * compared is the CPU time of the whole process per request (compiler threads and collector
 * included), from the scheduler's books.
 *
 * <p><b>Claims.</b> Runs of all contestants are interleaved; run i of the router over run i of a
 * peer is one ratio, and what is told is the median of the ratios with a distribution-free interval
 * for the median from order statistics, at least 95 %. A machine that is busy with something else
 * shows as a wide interval, not as a wrong figure.
 *
 * <p><b>Honesty.</b> A router that lets go of evidence is quicker. A scenario has failed when a
 * call failed, when the taker has evidence of fewer calls than the router answered, warm-ups
 * included, or when more than 1 % of the copies were dropped; then the exit code is 3.
 */
public final class RouterVsProxies {
  private static final Gson GSON = new GsonBuilder().setPrettyPrinting().create();
  private static final int FEATURES = 256;

  /** One contestant. */
  private record Contestant(String name, int port, Stand stand) {}

  /** What a scenario asks of the generator, and whom it holds against whom. */
  private record Scenario(
      String name, String router, List<String> peers, Map<String, String> load, String payload) {}

  private final Path work;
  private final Stand.Config config;
  private final int pairs;
  private final String seconds;
  private final int warmup;
  private long sent;
  private long failures;
  private boolean failed;
  private final JsonObject results = new JsonObject();
  private final Map<String, Contestant> standing = new LinkedHashMap<>();

  private RouterVsProxies(
      Path home, Path jdk, int pairs, String seconds, int warmup, boolean realtime) {
    this.work = home.resolve("loadtest/bench/target/router-vs-proxies");
    this.config = new Stand.Config(home, work, jdk.resolve("bin/java"), realtime);
    this.pairs = pairs;
    this.seconds = seconds;
    this.warmup = warmup;
  }

  /** Runs the scenarios named, or all of them. */
  public static void main(String[] args) throws IOException, InterruptedException {
    List<String> wanted = new ArrayList<>();
    int pairs = 11;
    int warmup = 30;
    boolean realtime = false;
    String seconds = "3";
    for (String arg : Arrays.asList(args).subList(2, args.length)) {
      if (arg.startsWith("pairs=")) {
        pairs = Integer.parseInt(arg.substring(6));
      } else if (arg.startsWith("seconds=")) {
        seconds = arg.substring(8);
      } else if (arg.startsWith("warmup=")) {
        warmup = Integer.parseInt(arg.substring(7));
      } else if (arg.equals("realtime=yes")) {
        realtime = true;
      } else {
        wanted.add(arg);
      }
    }
    List<String> known = new ArrayList<>(scenarios().stream().map(Scenario::name).toList());
    known.add("start");
    for (String name : wanted) {
      if (!known.contains(name)) {
        System.err.println("scenario: " + name + " (expected: one of " + known + ")");
        System.exit(2);
      }
    }
    var bench =
        new RouterVsProxies(Path.of(args[0]), Path.of(args[1]), pairs, seconds, warmup, realtime);
    bench.prepare();
    List<Scenario> all = scenarios();
    for (Scenario scenario : all) {
      if (wanted.isEmpty() || wanted.contains(scenario.name())) {
        bench.run(scenario);
      }
    }
    if (wanted.isEmpty() || wanted.contains("start")) {
      bench.start();
    }
    Path json = Path.of(args[0]).resolve("loadtest/bench/target/router-vs-proxies.json");
    Files.writeString(json, GSON.toJson(bench.results));
    System.out.println("\nAll figures: " + Path.of(args[0]).relativize(json));
    if (bench.failed) {
      System.exit(3);
    }
  }

  private static List<Scenario> scenarios() {
    List<String> everybody = List.of("haproxy", "nginx", "nghttpx", "bare");
    return List.of(
        new Scenario("saturated", "router", everybody, Map.of(), "1k"),
        new Scenario("unique", "router", everybody, Map.of("headers", "unique"), "1k"),
        new Scenario("mirrored", "mirroring", List.of("haproxy"), Map.of(), "1k"),
        new Scenario(
            "open", "router", List.of("haproxy", "nghttpx"), Map.of("rate", "15000"), "1k"),
        new Scenario("large12k", "checking", List.of("haproxy"), Map.of(), "12k"),
        new Scenario(
            "large1m",
            "checking",
            List.of("haproxy"),
            Map.of("connections", "2", "streams", "4"),
            "1m"),
        new Scenario(
            "connections",
            "router",
            List.of("haproxy"),
            Map.of("connections", "200", "streams", "1", "rate", "10000", "idle", "2000"),
            "1k"));
  }

  private void prepare() throws IOException {
    Files.createDirectories(work);
    Inputs.write(work, FEATURES);
  }

  private void run(Scenario scenario) throws IOException, InterruptedException {
    System.out.printf("%n%s: %d interleaved runs of %s s%n", scenario.name(), pairs, seconds);
    sent = 0;
    failures = 0;
    try {
      String payload = scenario.payload();
      Stand backend = Stand.backend(config, 7000, payload);
      standing.put("backend", new Contestant("backend", 7000, backend));
      if (scenario.router().equals("mirroring")) {
        standing.put(
            "shadow", new Contestant("shadow", 7001, Stand.backend(config, 7001, payload)));
      }
      standing.put("sink", new Contestant("sink", 7090, Stand.sink(config, 7090)));
      for (String peer : scenario.peers()) {
        standing.put(peer, contestant(peer));
      }
      Stand router = Stand.router(config, 7110, scenario.router(), payload);
      standing.put("router", new Contestant("router", 7110, router));
      Thread.sleep(4_000);
      warm(scenario);
      Map<String, List<JsonObject>> runs = interleave(scenario);
      tell(scenario, runs, delivered());
    } finally {
      for (Contestant each : List.copyOf(standing.values()).reversed()) {
        each.stand().close();
      }
      standing.clear();
    }
  }

  private Contestant contestant(String name) throws IOException {
    return switch (name) {
      case "haproxy" -> new Contestant(name, 7101, Stand.haproxy(config));
      case "nginx" -> new Contestant(name, 7102, Stand.nginx(config));
      case "nghttpx" -> new Contestant(name, 7103, Stand.nghttpx(config));
      case "bare" -> new Contestant(name, 7120, Stand.bare(config, 7120, 7000));
      default -> throw new IllegalArgumentException("contestant: " + name);
    };
  }

  private void warm(Scenario scenario) throws IOException, InterruptedException {
    for (String name : List.of("bare", "router")) {
      Contestant each = standing.get(name);
      if (each != null) {
        JsonObject unused = load(scenario, each, String.valueOf(warmup));
        each.stand().pin(0);
        // Once more where it will work: the compiler's last requests are answered there.
        unused = load(scenario, each, "5");
      }
    }
  }

  private Map<String, List<JsonObject>> interleave(Scenario scenario)
      throws IOException, InterruptedException {
    List<String> order = new ArrayList<>(scenario.peers());
    order.add("router");
    Map<String, List<JsonObject>> runs = new LinkedHashMap<>();
    for (int i = 0; i < pairs; i++) {
      for (String name : order) {
        Contestant each = standing.get(name);
        if (each != null) {
          runs.computeIfAbsent(name, n -> new ArrayList<>()).add(load(scenario, each, seconds));
        }
      }
    }
    return runs;
  }

  private JsonObject load(Scenario scenario, Contestant to, String length)
      throws IOException, InterruptedException {
    Map<String, String> options = new LinkedHashMap<>(scenario.load());
    options.put("port", String.valueOf(to.port()));
    options.put("seconds", length);
    options.put("body", work.resolve("request-" + scenario.payload()).toString());
    options.put("keys", work.resolve("keys.txt").toString());
    options.put("processes", String.valueOf(to.stand().pid()));
    JsonObject run = Stand.generate(config, options);
    failures += run.get("errors").getAsLong() + run.get("failed_in_warmup").getAsLong();
    if (to.name().equals("router")) {
      sent += run.get("ended").getAsLong();
    }
    return run;
  }

  private Map<String, Long> delivered() throws IOException, InterruptedException {
    // Lineage leaves ten times a second, a block once: two seconds are enough for the last of both.
    Thread.sleep(2_500);
    Map<String, Long> counts = new LinkedHashMap<>();
    Path file = work.resolve("sink.txt");
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        int space = line.indexOf(' ');
        counts.put(line.substring(0, space), Long.parseLong(line.substring(space + 1)));
      }
    }
    return counts;
  }

  private void tell(
      Scenario scenario, Map<String, List<JsonObject>> runs, Map<String, Long> delivered) {
    JsonObject result = new JsonObject();
    System.out.printf(
        Locale.ROOT,
        "  %-9s %10s %9s %9s %9s %9s %8s   %s%n",
        "",
        "requests/s",
        "CPU us",
        "p50 us",
        "p99 us",
        "memory",
        "errors",
        "router's CPU over this");
    List<JsonObject> ours = runs.getOrDefault("router", List.of());
    runs.forEach((name, measured) -> {
      JsonObject told = new JsonObject();
      for (String figure :
          List.of("per_second", "cpu_us", "p50_us", "p99_us", "p999_us", "resident_mb")) {
        told.addProperty(figure, Ratio.median(Ratio.values(measured, figure)));
      }
      long errors = measured.stream().mapToLong(run -> run.get("errors").getAsLong()).sum();
      told.addProperty("errors", errors);
      String against = "";
      if (!name.equals("router")) {
        Ratio cpu = Ratio.of(ours, measured, "cpu_us");
        Ratio tail = Ratio.of(ours, measured, "p99_us");
        told.add("router_cpu_over_this", cpu.json());
        told.add("router_p99_over_this", tail.json());
        told.add("router_cpu_us_above_this", Ratio.difference(ours, measured, "cpu_us").json());
        against = cpu.text() + "   p99 " + tail.text();
      }
      System.out.printf(
          Locale.ROOT,
          "  %-9s %10.0f %9.2f %9.0f %9.0f %6.0f MB %8d   %s%n",
          name,
          told.get("per_second").getAsDouble(),
          told.get("cpu_us").getAsDouble(),
          told.get("p50_us").getAsDouble(),
          told.get("p99_us").getAsDouble(),
          told.get("resident_mb").getAsDouble(),
          errors,
          against);
      told.add("runs", GSON.toJsonTree(measured));
      result.add(name, told);
    });
    if (runs.containsKey("bare")) {
      System.out.println(
          "  the router's layers, us of CPU above bare: "
              + Ratio.difference(ours, runs.get("bare"), "cpu_us").text());
    }
    result.add("delivered", GSON.toJsonTree(delivered));
    System.out.println("  sent aside by the router: " + delivered);
    long assigned = delivered.getOrDefault("assigned", 0L);
    // A call that ends with the generator is evidence, and nobody was there for its answer.
    double evidence = sent == 0 ? 0 : Math.min(1, (double) assigned / sent);
    long pairs = delivered.getOrDefault("pairs", 0L);
    long copies = pairs + delivered.getOrDefault("droppedCopies", 0L);
    boolean mirrors = scenario.router().equals("mirroring");
    double mirrored = copies == 0 ? 0 : (double) pairs / copies;
    result.addProperty("sent", sent);
    result.addProperty("failures", failures);
    result.addProperty("evidence_delivered", evidence);
    System.out.printf(
        Locale.ROOT,
        "  evidence delivered: %d for %d calls answered (%.4f %%)%n",
        assigned,
        sent,
        100 * evidence);
    if (mirrors) {
      result.addProperty("mirrors_delivered", mirrored);
      System.out.printf(
          Locale.ROOT, "  mirrors delivered: %d of %d (%.2f %%)%n", pairs, copies, 100 * mirrored);
    }
    boolean bad = evidence < 1 || (mirrors && mirrored < 0.99) || failures > 0;
    result.addProperty("failed", bad);
    if (bad) {
      failed = true;
      System.out.println(
          "  FAILED (expected: no call fails, all evidence, 99 % of the mirrors); calls that"
              + " failed: "
              + failures);
    }
    results.add(scenario.name(), result);
  }

  /** Time to readiness, and the first thousand calls of a router that has just started. */
  private void start() throws IOException, InterruptedException {
    System.out.printf("%nstart: %d starts%n", pairs);
    Path cache = config.home().resolve("launcher/target/dist/router.aot");
    boolean made = Stand.makeCache(config);
    boolean used = made;
    long errors = 0;
    List<Double> ready = new ArrayList<>();
    List<Double> first = new ArrayList<>();
    List<Double> steady = new ArrayList<>();
    for (int i = 0; i < pairs; i++) {
      try (Stand _ = Stand.backend(config, 7000, "1k");
          Stand _ = Stand.sink(config, 7090)) {
        Thread.sleep(1_500);
        long began = System.nanoTime();
        try (Stand router = Stand.router(config, 7110, "router", "1k")) {
          router.awaitReady(7110, Duration.ofSeconds(30));
          ready.add((System.nanoTime() - began) / 1e9);
          used &= router.maps(cache);
          Map<String, String> options = new LinkedHashMap<>();
          options.put("port", "7110");
          options.put("rate", "1000");
          options.put("seconds", "1");
          options.put("warmup", "0");
          options.put("body", work.resolve("request-1k").toString());
          options.put("keys", work.resolve("keys.txt").toString());
          options.put("processes", String.valueOf(router.pid()));
          JsonObject early = Stand.generate(config, options);
          first.add(early.get("p99_us").getAsDouble());
          options.put("seconds", "5");
          options.put("warmup", "10");
          JsonObject late = Stand.generate(config, options);
          steady.add(late.get("p99_us").getAsDouble());
          errors += early.get("errors").getAsLong() + late.get("errors").getAsLong();
        }
      }
    }
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < first.size(); i++) {
      ratios.add(first.get(i) / steady.get(i));
    }
    Ratio ratio = Ratio.of(ratios);
    System.out.printf(
        Locale.ROOT,
        "  ready after %.2f s; p99 of the first 1,000 calls %.0f us, later %.0f us: %s%n",
        Ratio.median(ready),
        Ratio.median(first),
        Ratio.median(steady),
        ratio.text());
    System.out.println(
        "  AOT cache: " + (used ? "used" : made ? "made, not used" : "could not be made"));
    if (errors > 0) {
      failed = true;
      System.out.println("  FAILED; calls that failed: " + errors);
    }
    JsonObject result = new JsonObject();
    result.addProperty("aot_cache", used);
    result.addProperty("errors", errors);
    result.addProperty("ready_s", Ratio.median(ready));
    result.addProperty("first_p99_us", Ratio.median(first));
    result.addProperty("steady_p99_us", Ratio.median(steady));
    result.add("first_over_steady", ratio.json());
    results.add("start", result);
  }
}
