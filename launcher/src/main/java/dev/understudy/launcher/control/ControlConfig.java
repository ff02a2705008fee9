package dev.understudy.launcher.control;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.Section;
import dev.understudy.collector.CollectorConfig;
import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.rollout.ControllerConfig;
import java.nio.file.Path;

/**
 * The configuration of the three services that make up control, one section each. Where they find
 * each other need not be said: within one process they know.
 *
 * @param comparator section {@code comparator}
 * @param controller section {@code controller}
 * @param collector section {@code collector}
 */
public record ControlConfig(
    ComparatorConfig comparator, ControllerConfig controller, CollectorConfig collector) {

  /**
   * Reads a file.
   *
   * @throws dev.understudy.chassis.config.ConfigException with all problems at once
   */
  public static ControlConfig read(Path file) {
    return ConfigFile.read(file, ControlConfig::of);
  }

  static ControlConfig of(Section root) {
    return new ControlConfig(
        ComparatorConfig.read(root.section("comparator")),
        ControllerConfig.read(root.section("controller")),
        CollectorConfig.read(root.section("collector")));
  }
}
