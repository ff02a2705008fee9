package dev.understudy.rollout;

import dev.understudy.chassis.lifecycle.ServiceMain;

/** The rollout controller as a process of its own. */
public final class ControllerMain {
  private ControllerMain() {}

  /** Runs until SIGTERM: {@code --config FILE [--check-config] [--ready-file FILE]}. */
  public static void main(String[] args) {
    ServiceMain.run(
        "controller",
        args,
        arguments -> {
          ControllerConfig config = ControllerConfig.read(arguments.requiredConfig());
          return () -> Controller.start(config);
        });
  }
}
