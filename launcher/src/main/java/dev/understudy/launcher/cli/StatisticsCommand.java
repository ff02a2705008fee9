package dev.understudy.launcher.cli;

import dev.understudy.evidence.simulation.Experiment;
import dev.understudy.evidence.simulation.Experiments;
import dev.understudy.evidence.simulation.Measured;
import dev.understudy.evidence.simulation.Pictures;
import dev.understudy.evidence.simulation.Table;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code understudy statistics …}: measures what verdicts promise, and draws it. */
@Command(
    name = "statistics",
    description = "Measure what verdicts promise, on simulated rollouts through the real judge.",
    subcommands = {StatisticsCommand.Simulate.class, StatisticsCommand.Draw.class})
final class StatisticsCommand {

  private StatisticsCommand() {}

  @Command(
      name = "simulate",
      description = {
        "Print, for every promise of docs/statistics.md, what so many simulated rollouts gave.",
        "The same seed and number of runs give the same table on any machine.",
        "Exit code 0: every promise was kept; 1: one was not; 2: bad arguments."
      })
  static final class Simulate implements Callable<Integer> {
    private static final int MOST_RUNS = 1_000_000;

    @Spec CommandSpec spec;

    @Option(
        names = "--runs",
        defaultValue = "400",
        description =
            "Rollouts of the cheapest experiments, at least 20; dearer ones get fewer in proportion"
                + " (default: ${DEFAULT-VALUE}).")
    int runs;

    @Option(
        names = "--seed",
        defaultValue = "" + Experiments.SEED,
        description = "Of all random numbers (default: ${DEFAULT-VALUE}).")
    long seed;

    @Option(
        names = "--only",
        defaultValue = "",
        paramLabel = "WORDS",
        description = "Only experiments whose name contains these words.")
    String only;

    @Override
    public Integer call() {
      if (runs < Experiment.LEAST_RUNS || runs > MOST_RUNS) {
        throw new ParameterException(
            spec.commandLine(),
            "--runs: " + runs + " (expected: " + Experiment.LEAST_RUNS + " to " + MOST_RUNS + ")");
      }
      List<Experiment> chosen =
          Experiments.all().stream()
              .filter(
                  e -> e.name().toLowerCase(Locale.ROOT).contains(only.toLowerCase(Locale.ROOT)))
              .toList();
      if (chosen.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(), "--only: \"" + only + "\" (expected: words of some name)");
      }
      PrintWriter progress = spec.commandLine().getErr();
      List<Measured> measured = new ArrayList<>();
      for (Experiment experiment : chosen) {
        measured.add(experiment.measure((double) runs / Experiments.MOST_RUNS, seed));
        if (Terminal.attended()) {
          progress.printf("\r%d of %d", measured.size(), chosen.size());
          progress.flush();
        }
      }
      if (Terminal.attended()) {
        progress.print("\r            \r");
        progress.flush();
      }
      PrintWriter out = spec.commandLine().getOut();
      out.print(Table.of(measured));
      out.printf(Locale.ROOT, "Seed %d.%n", seed);
      out.flush();
      return measured.stream().allMatch(Measured::kept) ? 0 : 1;
    }
  }

  @Command(
      name = "pictures",
      description =
          "Write the pictures of docs/statistics.md as SVG files; the same bytes on any machine.")
  static final class Draw implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where to.")
    Path directory;

    @Override
    public Integer call() throws IOException {
      Files.createDirectories(directory);
      for (Map.Entry<String, String> picture : Pictures.all().entrySet()) {
        Path file = directory.resolve(picture.getKey());
        Files.writeString(file, picture.getValue());
        spec.commandLine().getOut().println(file);
      }
      return 0;
    }
  }
}
