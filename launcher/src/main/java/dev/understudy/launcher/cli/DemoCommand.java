package dev.understudy.launcher.cli;

import dev.understudy.launcher.demo.Demo;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code understudy demo}: three rollouts on live traffic in under two minutes. */
@Command(
    name = "demo",
    description = {
      "Three rollouts on live traffic: one that earns the job, one that is stopped in the shadow,"
          + " and one that is rolled back.",
      "Exit code 0: all three ended so; 1: one did not; 3: the evidence stayed undecided."
    })
final class DemoCommand implements Callable<Integer> {

  @Spec CommandSpec spec;

  @Option(names = "--keep", description = "Go on serving afterwards, until Ctrl-C.")
  boolean keep;

  @Option(
      names = "--rate",
      defaultValue = "300",
      description = "Payments per second (default: ${DEFAULT-VALUE}).")
  double rate;

  @Option(
      names = "--page-port",
      defaultValue = "0",
      paramLabel = "PORT",
      description = "Port of the live page (default: a free one).")
  int pagePort;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "For models, logs and state (default: .understudy/demo beside the program).")
  @Nullable Path directory;

  @Option(names = "--plain", description = "No live line, even on a terminal.")
  boolean plain;

  @Override
  public Integer call() throws Exception {
    Path home = Path.of(System.getProperty("understudy.home", System.getProperty("user.dir", ".")));
    Path where = directory == null ? home.resolve(".understudy/demo") : directory;
    boolean terminal = !plain && Terminal.attended();
    return new Demo(spec.commandLine().getOut(), terminal, where.toAbsolutePath(), rate, pagePort)
        .run(keep);
  }
}
