package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.config.Units;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.evidence.fold.Relabel;
import dev.understudy.evidence.fold.Relabelled;
import dev.understudy.proto.v1.CatalogModel;
import dev.understudy.proto.v1.CatalogServiceGrpc;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListModelsRequest;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/**
 * {@code understudy drill …}: rehearsals on the user's own system. Exit codes: 0 the drill did what
 * it must, 3 it did not, 1 it could not be held, 2 the command line is wrong.
 */
@Command(
    name = "drill",
    description = {
      "Rehearse on your own traffic: the champion against itself, perhaps with injected faults.",
      "Nothing is ever promoted. Ctrl-C takes the canary out."
    },
    subcommands = {
      DrillCommand.Aa.class,
      DrillCommand.Regression.class,
      DrillCommand.Rollback.class
    })
final class DrillCommand {
  private static final int FAILED = 3;
  private static final Pattern SHARE = Pattern.compile("\\d{1,3}(\\.\\d+)?%|0?\\.\\d+|[01]");

  private DrillCommand() {}

  /** What all drills have in common. */
  abstract static class Drill extends RolloutCommand.ToController {
    private static final Duration GRACE = Duration.ofMinutes(3);

    @Parameters(paramLabel = "MODEL", description = "The model whose champion is drilled.")
    String model;

    @Option(
        names = "--share",
        paramLabel = "SHARE",
        defaultValue = "10%",
        description = "The canary's share of the calls (default: ${DEFAULT-VALUE}).")
    String share;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      Duration duration = duration(length());
      share("--share", share);
      check();
      String champion = champion(controller);
      boolean text = output == RolloutCommand.Output.TEXT;
      if (text) {
        out().println(DrillResult.announce(model, champion, share, length(), faultWords()));
        out().flush();
      }
      DrillRun run =
          new DrillRun(
              controller,
              line -> {
                if (text) {
                  out().println(line);
                  out().flush();
                }
              });
      RolloutStatus ended = run.run(plan(champion), duration.plus(GRACE));
      DrillResult result = finish(ended);
      boolean passed = passed(result);
      if (text) {
        out().println();
        lines(result).forEach(out()::println);
        out().println();
        out().println(passed ? "The drill passed." : "The drill FAILED.");
      } else {
        printJson(result.json(kind(), passed));
      }
      return passed ? 0 : FAILED;
    }

    abstract String kind();

    abstract String length();

    /** Refuses what cannot be drilled, before anything happens. */
    abstract void check() throws IOException;

    /** The plan's {@code drill} section. */
    abstract String faultYaml();

    /** What happens on the canary; empty when nothing does. */
    abstract String faultWords();

    abstract DrillResult finish(RolloutStatus ended) throws Exception;

    abstract boolean passed(DrillResult result);

    abstract List<String> lines(DrillResult result);

    /** One canary step that lasts as long as the drill; evidence ends it earlier. */
    private String plan(String champion) {
      return """
      model: %s
      challenger: "%s"
      intent: improved
      drill: %s
      steps: [{setWeight: "%s", minDuration: %s, maxDuration: %s, minSamples: 0}]
      """
          .formatted(model, champion, faultYaml(), share, length(), length());
    }

    private String champion(RolloutServiceBlockingStub controller) {
      var models =
          CatalogServiceGrpc.newBlockingStub(controller.getChannel())
              .withDeadlineAfter(5, TimeUnit.SECONDS)
              .listModels(ListModelsRequest.getDefaultInstance());
      for (CatalogModel candidate : models.getModelsList()) {
        if (candidate.getModel().equals(model)) {
          return candidate.getChampionVersion();
        }
      }
      throw wrong(
          "model '"
              + model
              + "' (expected: one of "
              + String.join(
                  ", ", models.getModelsList().stream().map(CatalogModel::getModel).toList())
              + ")");
    }

    Duration duration(String given) {
      try {
        Duration duration = Units.duration(given);
        if (duration.compareTo(Duration.ofSeconds(1)) >= 0) {
          return duration;
        }
      } catch (IllegalArgumentException | ArithmeticException malformed) {
        // Said below.
      }
      throw wrong("--duration: '" + given + "' (expected: 1s at least, such as 60s or 5m)");
    }

    void share(String option, String given) {
      if (!SHARE.matcher(given).matches()) {
        throw wrong(option + ": '" + given + "' (expected: a share such as 10% or 0.1)");
      }
    }

    ParameterException wrong(String problem) {
      return new ParameterException(spec.commandLine(), problem);
    }
  }

  @Command(
      name = "aa",
      description = {
        "Try the champion against itself with nothing changed, then measure on the recorded"
            + " traffic",
        "how often the judge would have raised a false alarm."
      })
  static final class Aa extends Drill {
    @Option(
        names = "--duration",
        paramLabel = "TIME",
        defaultValue = "60s",
        description = "How long (default: ${DEFAULT-VALUE}).")
    String duration;

    @Option(
        names = "--comparator",
        paramLabel = "HOST:PORT",
        defaultValue = "${env:UNDERSTUDY_COMPARATOR:-127.0.0.1:8101}",
        description = "Whose evidence log is read (default: ${DEFAULT-VALUE}).")
    String comparator;

    @Option(
        names = "--comparator-token-file",
        paramLabel = "FILE",
        description = "Its bearer token; without it that of --token-file.")
    @Nullable Path comparatorTokenFile;

    @Option(
        names = "--copies",
        paramLabel = "N",
        defaultValue = "1000",
        description = "Relabelled copies of the log (default: ${DEFAULT-VALUE}).")
    int copies;

    @Option(
        names = "--seed",
        paramLabel = "N",
        defaultValue = "1",
        description = "Of the relabelling (default: ${DEFAULT-VALUE}).")
    long seed;

    @Override
    String kind() {
      return "aa";
    }

    @Override
    String length() {
      return duration;
    }

    @Override
    void check() throws IOException {
      if (copies < 1 || copies > Relabel.MAX_COPIES) {
        throw wrong("--copies: " + copies + " (expected: 1 to " + Relabel.MAX_COPIES + ")");
      }
      // Better to hear now that the log cannot be read than after the drill.
      ManagedChannel channel = open();
      try {
        var _ = evidence(channel).listEvaluations(ListEvaluationsRequest.getDefaultInstance());
      } catch (StatusRuntimeException e) {
        throw new IOException(
            "the comparator at " + comparator + " does not answer: " + e.getStatus().getCode(), e);
      } finally {
        channel.shutdownNow();
      }
    }

    @Override
    String faultYaml() {
      return "{}";
    }

    @Override
    String faultWords() {
      return "";
    }

    @Override
    DrillResult finish(RolloutStatus ended) throws Exception {
      DrillResult result = new DrillResult(ended, null);
      if (!result.ranToItsEnd() && !result.stoppedByEvidence()) {
        return result;
      }
      List<EvidenceLogRecord> records = new ArrayList<>();
      ManagedChannel channel = open();
      try {
        EvidenceServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(2, TimeUnit.MINUTES)
            .readLog(ReadLogRequest.newBuilder().setRolloutId(ended.getRolloutId()).build())
            .forEachRemaining(records::add);
      } finally {
        channel.shutdownNow();
      }
      Relabelled alarms = Relabel.measure(records, copies, seed);
      return new DrillResult(ended, alarms);
    }

    @Override
    boolean passed(DrillResult result) {
      Relabelled alarms = result.alarms();
      return result.ranToItsEnd() && alarms != null && alarms.keepsThePromise();
    }

    @Override
    List<String> lines(DrillResult result) {
      return result.aaLines();
    }

    private ManagedChannel open() throws IOException {
      return Channels.open(
          HostPort.parse(comparator),
          options(comparatorTokenFile == null ? tokenFile : comparatorTokenFile));
    }

    private static EvidenceServiceBlockingStub evidence(ManagedChannel channel) {
      return EvidenceServiceGrpc.newBlockingStub(channel).withDeadlineAfter(5, TimeUnit.SECONDS);
    }
  }

  /** A drill with a fault. */
  abstract static class Faulty extends Drill {
    @Option(
        names = "--duration",
        paramLabel = "TIME",
        defaultValue = "2m",
        description = "The longest it may take to be found (default: ${DEFAULT-VALUE}).")
    String duration;

    @Option(
        names = "--errors",
        paramLabel = "SHARE",
        defaultValue = "20%",
        description =
            "Share of the canary's answers that become errors (default: ${DEFAULT-VALUE}; 0%% for"
                + " none).")
    String errors;

    @Option(
        names = "--delay",
        paramLabel = "TIME",
        description = "Hold the canary's answers back by so much, such as 50ms.")
    @Nullable String delay;

    @Override
    String length() {
      return duration;
    }

    @Override
    void check() {
      share("--errors", errors);
      if (delay != null) {
        duration("--delay", delay);
      } else if (errors.matches("[0.]+%?")) {
        throw wrong("--errors: " + errors + " (expected: more than 0%, or a --delay)");
      }
    }

    private void duration(String option, String given) {
      try {
        var _ = Units.duration(given);
      } catch (IllegalArgumentException | ArithmeticException malformed) {
        throw wrong(option + ": '" + given + "' (expected: a time such as 50ms)");
      }
    }

    @Override
    String faultYaml() {
      return "{errors: \"" + errors + "\"" + (delay == null ? "}" : ", delay: " + delay + "}");
    }

    @Override
    String faultWords() {
      return errors
          + " of the answers become errors"
          + (delay == null ? "" : ", and all are held back by " + delay);
    }

    @Override
    DrillResult finish(RolloutStatus ended) {
      return new DrillResult(ended, null);
    }
  }

  @Command(
      name = "regression",
      description = "Inject faults on the canary and measure how long the judge takes to stop it.")
  static final class Regression extends Faulty {
    @Override
    String kind() {
      return "regression";
    }

    @Override
    boolean passed(DrillResult result) {
      return result.stoppedByEvidence();
    }

    @Override
    List<String> lines(DrillResult result) {
      return result.faultLines(false);
    }
  }

  @Command(
      name = "rollback",
      description =
          "Inject faults on the canary and measure how long it takes until no router sends it"
              + " anything.")
  static final class Rollback extends Faulty {
    @Override
    String kind() {
      return "rollback";
    }

    @Override
    boolean passed(DrillResult result) {
      return result.stoppedByEvidence() && result.toZeroMillis() >= 0;
    }

    @Override
    List<String> lines(DrillResult result) {
      return result.faultLines(true);
    }
  }
}
