package dev.understudy.comparator;

import dev.understudy.chassis.lifecycle.ServiceMain;
import dev.understudy.comparator.config.ComparatorConfig;

/** Runs the comparator as a process: {@code --config FILE}. */
public final class ComparatorMain {
  private ComparatorMain() {}

  /** Does not return while the comparator runs. */
  public static void main(String[] args) {
    ServiceMain.run(
        "comparator",
        args,
        arguments -> {
          ComparatorConfig config = ComparatorConfig.read(arguments.requiredConfig());
          return () -> Comparator.start(config);
        });
  }
}
