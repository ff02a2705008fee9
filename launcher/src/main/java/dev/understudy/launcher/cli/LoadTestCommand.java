package dev.understudy.launcher.cli;

import com.google.gson.JsonParseException;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Units;
import dev.understudy.loadtest.Arrivals;
import dev.understudy.loadtest.LoadTest;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code understudy loadtest MODEL}: load in an open loop, against one target or two in turns. */
@Command(
    name = "loadtest",
    description = {
      "Send calls at their scheduled times to any Open Inference Protocol server and report latency"
          + " from the scheduled send.",
      "With --compare A,B two targets take turns and the report says what B adds to A."
    })
final class LoadTestCommand implements Callable<Integer> {

  @Spec CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model's name.")
  String model;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_TARGET:-127.0.0.1:8001}",
      description = "Where to send (default: ${DEFAULT-VALUE}).")
  String target;

  @Option(
      names = "--compare",
      paramLabel = "A,B",
      description = "Two targets that take turns; the report says what B adds to A.")
  @Nullable String compare;

  @Option(names = "--version", defaultValue = "", description = "Model version.")
  String version;

  @Option(
      names = "--rate",
      defaultValue = "200",
      description = "Calls per second (default: ${DEFAULT-VALUE}).")
  double rate;

  @Option(
      names = "--arrivals",
      defaultValue = "poisson",
      description = "poisson or constant (default: ${DEFAULT-VALUE}).")
  String arrivals;

  @Option(
      names = "--duration",
      defaultValue = "10s",
      description = "Measured time per target (default: ${DEFAULT-VALUE}).")
  String duration;

  @Option(
      names = "--warmup",
      defaultValue = "3s",
      description = "Time before it that is not measured (default: ${DEFAULT-VALUE}).")
  String warmup;

  @Option(
      names = "--slice",
      defaultValue = "1s",
      description = "Length of a turn with --compare (default: ${DEFAULT-VALUE}).")
  String slice;

  @Option(
      names = "--timeout",
      defaultValue = "5s",
      description = "Deadline of each call (default: ${DEFAULT-VALUE}).")
  String timeout;

  @Option(
      names = "--max-outstanding",
      defaultValue = "10000",
      description = "Bound on calls without an answer; more are counted as not sent.")
  int maxOutstanding;

  @Option(
      names = "--rows",
      defaultValue = "1",
      description = "Rows per call when requests are made from the model's metadata.")
  int rows;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description = "JSON request to send, instead of random tensors.")
  @Nullable Path input;

  @Option(
      names = "--api-key",
      defaultValue = "${env:UNDERSTUDY_API_KEY:-}",
      description = "API key for a router that asks for one.")
  String apiKey;

  @Option(names = "--seed", defaultValue = "1", description = "Seed of arrivals and tensors.")
  long seed;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result as JSON.")
  @Nullable Path json;

  @Option(
      names = "--hlog",
      paramLabel = "FILE",
      description = "Write latencies as HdrHistogram log.")
  @Nullable Path hlog;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    LoadTest.Options options;
    try {
      List<HostPort> targets =
          compare == null
              ? List.of(HostPort.parse(target))
              : Arrays.stream(compare.split(",", -1)).map(HostPort::parse).toList();
      options =
          new LoadTest.Options(
              targets,
              model,
              version,
              rows,
              rate,
              Arrivals.Kind.valueOf(arrivals.toUpperCase(Locale.ROOT)),
              length(duration),
              length(warmup),
              length(slice),
              length(timeout),
              maxOutstanding,
              seed,
              input == null
                  ? null
                  : InferJson.request(Files.readString(input), model, version).toByteString(),
              apiKey,
              json,
              hlog);
    } catch (IllegalArgumentException | JsonParseException e) {
      spec.commandLine().getErr().println("error: " + e.getMessage());
      return 2;
    }
    try {
      return new LoadTest(options, out, Terminal.attended()).run();
    } finally {
      out.flush();
    }
  }

  private static Duration length(String text) {
    return Units.duration(text);
  }
}
