package dev.understudy.chassis.lifecycle;

import dev.understudy.chassis.config.ConfigException;

/**
 * Makes a service in two steps, so that a configuration can be checked without opening anything:
 * {@code arguments -> { var config = Config.read(arguments); return () -> Service.start(config);
 * }}.
 */
@FunctionalInterface
public interface ServiceFactory {
  /**
   * Reads and checks the configuration. Opens no port, file for writing, or connection.
   *
   * @throws ConfigException if the configuration cannot be used
   */
  Startable configure(ServiceArguments arguments);

  /** A configured service that has not been started. */
  @FunctionalInterface
  interface Startable {
    /**
     * Starts the service. If it throws, it has closed what it had opened.
     *
     * @throws Exception if it cannot start, such as for a port in use
     */
    RunningService start() throws Exception;
  }
}
