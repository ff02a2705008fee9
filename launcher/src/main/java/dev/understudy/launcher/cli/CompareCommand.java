package dev.understudy.launcher.cli;

import dev.understudy.chassis.config.Units;
import dev.understudy.launcher.offline.Compare;
import dev.understudy.launcher.offline.OfflineException;
import dev.understudy.launcher.offline.Subject;
import dev.understudy.proto.v1.Intent;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code understudy compare A B --data rows.csv}: two versions judged on a file. */
@Command(
    name = "compare",
    description = {
      "Let two versions answer the rows of a CSV file and judge B against A, with no server and no"
          + " customer involved unless you name a server.",
      "A and B are each a model.onnx, a version folder of a model repository, or"
          + " host:port/model[:version] of any Open Inference Protocol server."
    },
    footer = {
      "",
      "Exit codes: 0 proved, 1 against, 2 nothing was compared, 3 undecided or cannot be measured."
    })
final class CompareCommand implements Callable<Integer> {
  /** Files are served in this process, and that a server starts and stops is no news here. */
  private static final Logger SERVER = Logger.getLogger("dev.understudy.modelserver");

  @Spec CommandSpec spec;

  @Mixin Reach reach;

  @Parameters(index = "0", paramLabel = "A", description = "The version that is trusted.")
  String champion;

  @Parameters(index = "1", paramLabel = "B", description = "The version that is to be proved.")
  String challenger;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "CSV with a header: columns by feature or input name.")
  Path data;

  @Option(
      names = "--label",
      paramLabel = "COLUMN",
      description = "What turned out to be true, 0 to 1; quality then counts too.")
  @Nullable String label;

  @Option(names = "--id", paramLabel = "COLUMN", description = "What a row is called in reports.")
  @Nullable String id;

  @Option(
      names = "--ignore",
      split = ",",
      paramLabel = "COLUMN",
      description = "Columns that are no features.")
  @Nullable List<String> ignored;

  @Option(
      names = "--missing",
      paramLabel = "WHAT",
      defaultValue = "NAN",
      description =
          "Rows in which a feature is missing: nan sends NaN, skip leaves them out, refuse ends"
              + " (default: nan).")
  Compare.Missing missing;

  @Option(
      names = "--delimiter",
      paramLabel = "C",
      defaultValue = ",",
      description = "Between cells (default: a comma).")
  char delimiter;

  @Option(
      names = "--contract",
      paramLabel = "FILE",
      description =
          "Data contract: features, decision, slices (default: contract.yaml beside a version"
              + " folder).")
  @Nullable Path contract;

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "Rollout plan whose limits are to count, instead of the usual ones.")
  @Nullable Path plan;

  @Option(
      names = "--intent",
      paramLabel = "WHAT",
      defaultValue = "EQUIVALENT",
      description = "equivalent or improved (default: equivalent).")
  RolloutIntent intent;

  @Option(
      names = "--no-control",
      description = "Do not ask A twice; what A differs from itself by is then not known.")
  boolean noControl;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "0",
      description = "Rows per call (default: 1, or what the model's shape asks for).")
  int batch;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "9223372036854775807",
      description = "Rows that are read at most.")
  long limit;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "The order of rows and calls follows from it (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      defaultValue = "4",
      description = "Rows under way at once (default: ${DEFAULT-VALUE}).")
  int concurrency;

  @Option(
      names = "--timeout",
      defaultValue = "10s",
      description = "Deadline of each call (default: ${DEFAULT-VALUE}).")
  String timeout;

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description = "Write the evidence log, for rollout replay.")
  @Nullable Path log;

  @Option(
      names = "--output",
      paramLabel = "FORM",
      defaultValue = "TEXT",
      description = "text or json.")
  RolloutCommand.Output output;

  /** What is claimed about B. */
  enum RolloutIntent {
    EQUIVALENT,
    IMPROVED;

    Intent intent() {
      return this == IMPROVED ? Intent.IMPROVED : Intent.EQUIVALENT;
    }
  }

  @Override
  public Integer call() {
    SERVER.setLevel(Level.WARNING);
    return ReportOut.orNotCompared(spec.commandLine().getErr(), this::compare);
  }

  private int compare() throws IOException, OfflineException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    try {
      if (batch < 0 || limit < 1 || concurrency < 1) {
        throw new IllegalArgumentException(
            "--batch "
                + batch
                + ", --limit "
                + limit
                + ", --concurrency "
                + concurrency
                + " (expected: 1 or more)");
      }
      Compare.Result result = new Compare(options()).run();
      if (output == RolloutCommand.Output.TEXT) {
        out.printf(
            Locale.ROOT,
            "%,d rows of %s, %,d per call, in %.1f s%s%n%n",
            result.rows(),
            data,
            result.rowsPerCall(),
            result.nanos() / 1e9,
            result.skipped() == 0
                ? ""
                : String.format(Locale.ROOT, "; %,d rows with gaps left out", result.skipped()));
      }
      ReportOut.print(result.report(), output, out);
      if (output == RolloutCommand.Output.TEXT && log != null) {
        out.printf("%nEvidence log: %s (understudy rollout replay %s)%n", log, log);
      }
      return ReportOut.exitCode(result.report());
    } finally {
      out.flush();
    }
  }

  private Compare.Options options() throws IOException, OfflineException {
    return new Compare.Options(
        Subject.parse(champion),
        Subject.parse(challenger),
        reach.options(),
        data,
        delimiter,
        label,
        id,
        ignored == null ? Set.of() : Set.copyOf(ignored),
        missing,
        contract,
        plan,
        intent.intent(),
        !noControl,
        batch,
        limit,
        seed,
        concurrency,
        Units.duration(timeout),
        log);
  }
}
