package dev.understudy.modelserver;

import dev.understudy.chassis.lifecycle.ServiceMain;
import dev.understudy.modelserver.config.ModelServerConfig;
import java.util.Arrays;

/** The model server as a process. */
public final class ModelServerMain {
  private ModelServerMain() {}

  /** Serves until SIGTERM or SIGINT; {@code --help} lists the flags. */
  public static void main(String[] args) {
    if (Arrays.asList(args).contains("--help")) {
      System.out.print(ModelServerConfig.usage());
      return;
    }
    ServiceMain.run(
        "model-server",
        args,
        arguments -> {
          ModelServerConfig config = ModelServerConfig.parse(args);
          // What the parser has accepted is accounted for.
          ModelServerConfig.flags().forEach(arguments::options);
          return () -> ModelServer.start(config);
        });
  }
}
