package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.Units;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.loadtest.LoadTest;
import dev.understudy.loadtest.drive.Mix;
import dev.understudy.loadtest.omission.OmissionDemo;
import dev.understudy.loadtest.report.Threshold;
import dev.understudy.loadtest.wire.Target;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code understudy loadtest MODEL}: measures any Open Inference Protocol server. */
@Command(
    name = "loadtest",
    sortOptions = false,
    description = {
      "Send calls at their scheduled times to any Open Inference Protocol server and report latency"
          + " from the scheduled send.",
      "With --compare A,B two targets take turns and the report says what B adds to A; with --sweep"
          + " the rate grows until the server no longer keeps up."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:every call ended OK, or no limit of --fail-if was passed",
      "1:a call failed (without --fail-if), or a target could not be reached",
      "2:the command line or a file is wrong",
      "3:a limit of --fail-if was passed"
    })
final class LoadTestCommand implements Callable<Integer> {
  private static final int WRONG = 2;

  @Spec CommandSpec spec;
  @Mixin LoadTestRequests requests;
  @Mixin LoadTestTarget target;
  @Mixin LoadTestLoad load;

  @Option(
      names = "--duration",
      description = "Measured time per target (default: 10s, or as long as the replay).")
  @Nullable String duration;

  @Option(
      names = "--warmup",
      defaultValue = "3s",
      description =
          "Time before it that is not measured; auto measures from the start and leaves out what"
              + " comes before the steady state (default: ${DEFAULT-VALUE}).")
  String warmup;

  @Option(
      names = "--slice",
      defaultValue = "1s",
      description = "Length of a turn with --compare (default: ${DEFAULT-VALUE}).")
  String slice;

  @Option(
      names = "--fail-if",
      paramLabel = "LIMIT",
      description =
          "Exit with 3 if this is so: 'p99>20ms', 'errors>0.1%%', 'rate<900', and with --compare"
              + " 'ratio-p99>1.1'; again for more.")
  List<String> failIf = new ArrayList<>();

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result as JSON.")
  @Nullable Path json;

  @Option(
      names = "--hlog",
      paramLabel = "FILE",
      description = "Write latencies as HdrHistogram log.")
  @Nullable Path hlog;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a report with charts, in one file.")
  @Nullable Path html;

  @Option(
      names = "--explain-omission",
      description = "Show, on a server with known stalls, what a closed loop leaves out.")
  boolean explainOmission;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    if (explainOmission) {
      OmissionDemo.run(Duration.ofSeconds(10)).print(out);
      return LoadTest.FINE;
    }
    LoadTest.Options options;
    try {
      options = options();
    } catch (StatusRuntimeException e) {
      return wrong(
          LoadTest.FAILED,
          "metadata of " + requests.models + ": " + RpcCommand.explain(e, target.target));
    } catch (IllegalArgumentException | ConfigException e) {
      return wrong(WRONG, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return wrong(WRONG, Commands.describe(e));
    }
    try (Interruption interruption = Interruption.begin()) {
      return new LoadTest(options, out, Terminal.attended(), interruption.asked()).run();
    } finally {
      out.flush();
    }
  }

  private int wrong(int code, String what) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("error: " + what);
    err.flush();
    return code;
  }

  private LoadTest.Options options() throws IOException {
    List<Target> targets = target.targets();
    var chosen = load.load();
    var sweep = load.sweep();
    List<Threshold> limits = failIf.stream().map(Threshold::parse).toList();
    ManagedChannel channel = Channels.open(targets.getFirst().address(), target.channel());
    List<Mix.Kind> kinds;
    try {
      kinds = requests.kinds(channel, load.seed);
    } finally {
      channel.shutdownNow();
    }
    return new LoadTest.Options(
        targets,
        kinds,
        target.principalWeights(),
        chosen,
        warmup.equals("auto") ? null : Units.duration(warmup),
        duration == null ? load.usualLength() : Units.duration(duration),
        Units.duration(slice),
        load.seed,
        load.spin,
        sweep,
        limits,
        new LoadTest.Outputs(json, hlog, html));
  }
}
