package dev.understudy.launcher;

import dev.understudy.chassis.lifecycle.ServiceMain;
import dev.understudy.collector.CollectorMain;
import dev.understudy.comparator.ComparatorMain;
import dev.understudy.launcher.control.Control;
import dev.understudy.launcher.control.ControlConfig;
import dev.understudy.modelserver.ModelServerMain;
import dev.understudy.rollout.ControllerMain;
import dev.understudy.router.RouterMain;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;

/** The services by the names that the command line knows. Each reads its own arguments. */
final class Services {

  private static final Map<String, Consumer<String[]>> MAINS =
      Map.of(
          "model-server", ModelServerMain::main,
          "router", RouterMain::main,
          "comparator", ComparatorMain::main,
          "controller", ControllerMain::main,
          "collector", CollectorMain::main,
          "control", Services::control);

  private Services() {}

  /** Whether these arguments start a service, and do not ask for help or steer one that runs. */
  static boolean isService(String[] args) {
    if (!MAINS.containsKey(args[0])) {
      return false;
    }
    boolean help =
        !args[0].equals("model-server")
            && Arrays.stream(args).anyMatch(arg -> arg.equals("--help") || arg.equals("-h"));
    boolean steers = args[0].equals("router") && args.length > 1 && args[1].equals("champion-only");
    return !help && !steers;
  }

  /** Runs the service as this process; does not return while it runs. */
  static void run(String name, String[] args) {
    Consumer<String[]> main = MAINS.get(name);
    if (main == null) {
      throw new IllegalArgumentException("no service '" + name + "'");
    }
    main.accept(args);
  }

  private static void control(String[] args) {
    ServiceMain.run(
        "control",
        args,
        arguments -> {
          ControlConfig config = ControlConfig.read(arguments.requiredConfig());
          return () -> Control.start(config);
        });
  }
}
