package dev.understudy.collector;

import dev.understudy.chassis.lifecycle.ServiceMain;

/** Runs the collector as a process: {@code --config FILE}. */
public final class CollectorMain {
  private CollectorMain() {}

  /** Runs until SIGTERM. */
  public static void main(String[] args) {
    ServiceMain.run(
        "collector",
        args,
        arguments -> {
          CollectorConfig config = CollectorConfig.read(arguments.requiredConfig());
          return () -> Collector.start(config);
        });
  }
}
