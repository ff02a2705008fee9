package dev.understudy.launcher.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** All commands, and how they are run. */
public final class Commands {

  private Commands() {}

  @Command(
      name = "understudy",
      mixinStandardHelpOptions = true,
      version = "Understudy 0.1.0",
      description =
          "Serves ONNX models over gRPC and lets a new version prove itself on live traffic.",
      subcommands = {
        DemoCommand.class,
        ServiceCommands.ModelServer.class,
        ServiceCommands.Router.class,
        ServiceCommands.Control.class,
        ServiceCommands.Comparator.class,
        ServiceCommands.Collector.class,
        ServiceCommands.Controller.class,
        RolloutCommand.class,
        RolloutCommand.Rollback.class,
        CompareCommand.class,
        TapCommand.class,
        PairsCommand.class,
        DrillCommand.class,
        AuditCommand.class,
        StatisticsCommand.class,
        RouteCommand.class,
        DoctorCommand.class,
        InferCommand.class,
        LoadTestCommand.class,
        ModelsCommand.class,
        KeysCommand.class
      })
  static final class Root {
    private Root() {}
  }

  /** Runs the command that the arguments name; returns its exit code. */
  public static int execute(String... args) {
    return execute(System.out, System.err, args);
  }

  /** The same, printing elsewhere. */
  public static int execute(PrintStream out, PrintStream err, String... args) {
    CommandLine root = line();
    root.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    root.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    return root.execute(args);
  }

  static CommandLine line() {
    CommandLine root = new CommandLine(Root.class, new PrivateFactory());
    addHelp(root);
    root.setCaseInsensitiveEnumValuesAllowed(true);
    root.setExecutionExceptionHandler((e, command, parsed) -> {
      command.getErr().println("error: " + describe(e));
      return 1;
    });
    return root;
  }

  private static void addHelp(CommandLine command) {
    command.getCommandSpec().mixinStandardHelpOptions(true);
    command.getSubcommands().values().forEach(Commands::addHelp);
  }

  static String describe(Exception e) {
    String message = e.getMessage();
    return switch (e) {
      case java.nio.file.NoSuchFileException missing -> "no such file: " + missing.getMessage();
      default -> message == null ? e.getClass().getSimpleName() : message;
    };
  }

  /** Makes commands whose classes are not public. */
  private static final class PrivateFactory implements CommandLine.IFactory {
    @Override
    public <K> K create(Class<K> type) throws Exception {
      try {
        var constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
      } catch (NoSuchMethodException e) {
        return CommandLine.defaultFactory().create(type);
      }
    }
  }
}
