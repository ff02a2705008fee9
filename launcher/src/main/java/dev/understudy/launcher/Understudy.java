package dev.understudy.launcher;

import dev.understudy.launcher.cli.Commands;
import dev.understudy.launcher.process.ServiceProcess;
import java.util.Arrays;

/** The command line's main. */
public final class Understudy {

  private Understudy() {}

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] args) {
    endWithParent();
    if (args.length > 0 && Services.isService(args)) {
      Services.run(args[0], Arrays.copyOfRange(args, 1, args.length));
      return;
    }
    System.exit(Commands.execute(args));
  }

  /** A service that another process of ours started must not outlive it, however that one ends. */
  private static void endWithParent() {
    Long parent = Long.getLong(ServiceProcess.PARENT_PROPERTY);
    if (parent != null) {
      ProcessHandle.of(parent)
          .ifPresentOrElse(
              handle -> {
                var _ = handle.onExit().thenRun(() -> System.exit(143));
              },
              () -> System.exit(143));
    }
  }
}
