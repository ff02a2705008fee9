package dev.understudy.launcher.demo;

import dev.understudy.launcher.process.ServiceProcess;
import dev.understudy.modelkit.FraudModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The services of the demonstration as processes on loopback: three model servers (the champion's
 * fleet, the challenger's, the control's), control, and a router. All take free ports.
 */
public final class Stage implements AutoCloseable {

  static final Duration START_LIMIT = Duration.ofSeconds(60);

  /** Small heaps, and the first compiler tier only: five JVMs share two cores here. */
  private static final List<String> JVM =
      List.of("-Xmx256m", "-Xss512k", "-XX:TieredStopAtLevel=1", "-Xshare:auto");

  private final Path directory;
  private final List<ServiceProcess> started = new ArrayList<>();
  private final ServiceProcess champion;
  private final ServiceProcess challenger;
  private final ServiceProcess control;
  private final ServiceProcess house;
  private final ServiceProcess router;
  private final Map<String, Integer> serverPorts;
  private final Map<String, Integer> housePorts;
  private final Map<String, Integer> routerPorts;

  private Stage(Path directory, Path repository, int pagePort)
      throws IOException, InterruptedException {
    this.directory = directory;
    try {
      champion = modelServer("champion", repository);
      challenger = modelServer("challenger", repository);
      control = modelServer("control", repository);
      int championPort = port(champion, "grpc");
      int challengerPort = port(challenger, "grpc");
      int controlPort = port(control, "grpc");
      serverPorts =
          Map.of("champion", championPort, "challenger", challengerPort, "control", controlPort);
      house =
          start(
              "control-plane",
              List.of(
                  "control",
                  "--config",
                  write(
                          "control.yaml",
                          controlYaml(
                              repository, championPort, challengerPort, controlPort, pagePort))
                      .toString()));
      housePorts = house.awaitReady(START_LIMIT);
      router =
          start(
              "router",
              List.of("router", "--config", write("router.yaml", routerYaml()).toString()));
      routerPorts = router.awaitReady(START_LIMIT);
    } catch (IOException | InterruptedException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Starts everything and waits until it is ready. */
  public static Stage open(Path directory, Path repository, int pagePort)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    return new Stage(directory, repository, pagePort);
  }

  private ServiceProcess modelServer(String name, Path repository) throws IOException {
    return start(
        name,
        List.of(
            "model-server",
            "--model-repository",
            repository.toString(),
            "--model-control-mode",
            "explicit",
            "--load-model",
            FraudModels.MODEL,
            "--server-name",
            name,
            "--grpc-port",
            "0",
            "--metrics-port",
            "0"));
  }

  private ServiceProcess start(String name, List<String> arguments) throws IOException {
    ServiceProcess process = ServiceProcess.start(name, directory, JVM, arguments);
    started.add(process);
    return process;
  }

  private static int port(ServiceProcess process, String name)
      throws IOException, InterruptedException {
    Integer port = process.awaitReady(START_LIMIT).get(name);
    if (port == null) {
      throw new IOException(process.name() + " names no port '" + name + "' in its ready file");
    }
    return port;
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  private String controlYaml(
      Path repository, int championPort, int challengerPort, int controlPort, int pagePort) {
    return """
    comparator:
      listen: 127.0.0.1:0
      state: %1$s/comparator
      clockSkew: 300ms
    controller:
      listen: 127.0.0.1:0
      state: %1$s/controller
      lease: 20s
      models:
        fraud-detector:
          repository: %2$s
          contract: %2$s/fraud-detector/contract.yaml
          champion: "1"
          payloads: 100%%
          tryTimeout: 2s
          fleets:
            champion: ["127.0.0.1:%3$d"]
            challenger: ["127.0.0.1:%4$d"]
            control: ["127.0.0.1:%5$d"]
    collector:
      listen: 127.0.0.1:0
      http: 127.0.0.1:%6$d
      state: %1$s/collector
    """
        .formatted(directory, repository, championPort, challengerPort, controlPort, pagePort);
  }

  private String routerYaml() throws IOException {
    return """
    name: router-1
    listen: 127.0.0.1:0
    admin: 127.0.0.1:0
    metrics: 127.0.0.1:0
    state: %s/router
    controller: 127.0.0.1:%d
    evidence: 127.0.0.1:%d
    collector: 127.0.0.1:%d
    """
        .formatted(
            directory, housePort("controller"), housePort("comparator"), housePort("collector"));
  }

  /** Where a model server listens: {@code champion}, {@code challenger} or {@code control}. */
  public int serverPort(String name) throws IOException {
    return named(serverPorts, name, "model servers");
  }

  /** A port of the control process by name. */
  public int housePort(String name) throws IOException {
    return named(housePorts, name, "control");
  }

  /** A port of the router by name. */
  public int routerPort(String name) throws IOException {
    return named(routerPorts, name, "router");
  }

  private static int named(Map<String, Integer> ports, String name, String process)
      throws IOException {
    Integer port = ports.get(name);
    if (port == null) {
      throw new IOException(process + " names no port '" + name + "' but " + ports.keySet());
    }
    return port;
  }

  /** The model server that answers for the champion. */
  public ServiceProcess championServer() {
    return champion;
  }

  /** The model server of canary and shadow. */
  public ServiceProcess challengerServer() {
    return challenger;
  }

  /** The model server of the control arm. */
  public ServiceProcess controlServer() {
    return control;
  }

  /** Comparator, collector and controller. */
  public ServiceProcess controlProcess() {
    return house;
  }

  /** The router. */
  public ServiceProcess router() {
    return router;
  }

  /** Where logs, configurations and state are. */
  public Path directory() {
    return directory;
  }

  @Override
  public void close() {
    // The router first: it drains while everything behind it still answers.
    for (int i = started.size() - 1; i >= 0; i--) {
      started.get(i).close();
    }
  }
}
