package dev.understudy.router;

import dev.understudy.chassis.lifecycle.ServiceMain;
import dev.understudy.router.config.RouterConfig;
import dev.understudy.router.warmup.WarmUp;

/** The router as a process. */
public final class RouterMain {
  private RouterMain() {}

  /** {@code --config FILE [--check-config] [--ready-file FILE]}. */
  public static void main(String[] args) {
    ServiceMain.run(
        "router",
        args,
        arguments -> {
          RouterConfig config = RouterConfig.read(arguments.requiredConfig());
          return () -> {
            WarmUp.run(config.warmUp());
            return Router.start(config);
          };
        });
  }
}
