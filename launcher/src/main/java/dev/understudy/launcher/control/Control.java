package dev.understudy.launcher.control;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.Lifecycle;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.collector.Collector;
import dev.understudy.comparator.Comparator;
import dev.understudy.rollout.Controller;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Comparator, controller and collector in one process. They keep their own ports and speak gRPC
 * with each other as they would across hosts: whoever can reach the comparator still cannot promote
 * a model. Each is told where the others listen, unless its section says otherwise.
 */
public final class Control {

  private Control() {}

  /**
   * Starts all three, in the order in which they need each other.
   *
   * @throws Exception if one cannot start; those that had started are closed
   */
  public static RunningService start(ControlConfig config) throws Exception {
    Lifecycle lifecycle = new Lifecycle("control");
    try {
      RunningService comparator =
          lifecycle.add("comparator", Comparator.start(config.comparator()));
      HostPort evidence = at(config.comparator().listen(), comparator);
      RunningService controller =
          lifecycle.add(
              "controller",
              Controller.start(
                  config.controller().evidence() == null
                      ? config.controller().withEvidence(evidence)
                      : config.controller()));
      HostPort controllerAt = at(config.controller().listen(), controller);
      RunningService collector =
          lifecycle.add(
              "collector",
              Collector.start(
                  config
                      .collector()
                      .withPeers(
                          otherwise(config.collector().evidence(), evidence),
                          otherwise(config.collector().controller(), controllerAt))));
      return RunningService.of(
          Map.of(
              "comparator", port(comparator, "grpc"),
              "controller", port(controller, "grpc"),
              "collector", port(collector, "grpc"),
              "http", port(collector, "http")),
          lifecycle);
    } catch (Exception e) {
      lifecycle.close();
      throw e;
    }
  }

  private static HostPort at(HostPort listen, RunningService service) {
    return listen.withPort(port(service, "grpc"));
  }

  private static HostPort otherwise(@Nullable HostPort said, HostPort known) {
    return said == null ? known : said;
  }

  private static int port(RunningService service, String name) {
    Integer port = service.ports().get(name);
    if (port == null) {
      throw new IllegalStateException("no port '" + name + "' among " + service.ports());
    }
    return port;
  }
}
