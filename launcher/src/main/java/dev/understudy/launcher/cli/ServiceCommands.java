package dev.understudy.launcher.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/**
 * The services as the help names them. A service reads its own arguments: its main is called before
 * this class is reached, unless help is asked for.
 */
final class ServiceCommands {

  private ServiceCommands() {}

  abstract static class Service implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Unmatched List<String> rest;

    @Override
    public Integer call() {
      spec.commandLine().usage(spec.commandLine().getOut());
      return 2;
    }
  }

  @Command(
      name = "model-server",
      description = {
        "Serve a model repository (Triton's layout and flags) with ONNX Runtime.",
        "'understudy model-server --help' lists the flags."
      })
  static final class ModelServer extends Service {}

  @Command(
      name = "router",
      description = {
        "Admit, validate, split, forward, guard and mirror calls.",
        "understudy router --config router.yaml [--check-config] [--ready-file FILE]"
      },
      subcommands = {ChampionOnlyCommand.class, SuspectsCommand.class})
  static final class Router extends Service {}

  @Command(
      name = "control",
      description = {
        "Comparator, controller and collector in one process.",
        "understudy control --config control.yaml [--check-config] [--ready-file FILE]"
      })
  static final class Control extends Service {}

  @Command(
      name = "comparator",
      description = "The shadow comparator alone: --config comparator.yaml")
  static final class Comparator extends Service {}

  @Command(name = "collector", description = "The metrics collector alone: --config collector.yaml")
  static final class Collector extends Service {}

  @Command(
      name = "controller",
      description = "The rollout controller alone: --config controller.yaml")
  static final class Controller extends Service {}
}
