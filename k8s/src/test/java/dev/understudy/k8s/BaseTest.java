package dev.understudy.k8s;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.k8s.Manifests.Workload;
import dev.understudy.k8s.Reachability.Peer;
import io.fabric8.kubernetes.api.model.KeyToPath;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class BaseTest {
  static final Path ROOT = Path.of(System.getProperty("understudy.root"));
  static final Path BASE = ROOT.resolve("k8s/base");

  private final Manifests base = TypedModels.readAll(Kustomization.render(BASE));

  @Test
  void routerControlAndModelServerAreThere() {
    Map<String, Integer> replicas = new TreeMap<>();
    base.workloads().forEach(workload -> replicas.put(workload.name(), workload.replicas()));
    assertEquals(Map.of("router", 2, "control", 1, "model-server", 3), replicas);
    assertEquals(
        Map.of(
            "router", List.of(8001, 8091, 9001),
            "control", List.of(8101, 8102, 8103, 8080),
            "model-server", List.of(8001, 8002)),
        base.workloads().stream().collect(Collectors.toMap(Workload::name, Workload::ports)));
  }

  @Test
  void everyPodIsRestrictedProbedBoundedAndSpread() {
    assertEquals(List.of(), PodRules.problems(base));
  }

  @Test
  void whatIsReferredToIsThere() {
    assertEquals(List.of(), WiringRules.problems(base));
  }

  @Test
  void theNamespaceTakesOnlyRestrictedPods() {
    Namespace namespace = base.all(Namespace.class).getFirst();
    assertEquals("understudy", namespace.getMetadata().getName());
    assertEquals(
        "restricted",
        namespace.getMetadata().getLabels().get("pod-security.kubernetes.io/enforce"));
    base.documents().stream()
        .filter(document -> !(document instanceof Namespace))
        .forEach(document ->
            assertEquals(
                "understudy",
                document.getMetadata().getNamespace(),
                () -> document.getMetadata().getName()));
  }

  @Test
  void exactlyTheArrowsOfTheArchitectureCanBeDrawn() {
    assertEquals(
        new TreeSet<>(
            Set.of(
                "client -> router:8001/TCP",
                "router -> model-server:8001/TCP",
                "router -> control:8101/TCP",
                "router -> control:8102/TCP",
                "router -> control:8103/TCP",
                "control -> model-server:8001/TCP",
                "outcomes -> control:8102/TCP",
                "operator -> control:8103/TCP",
                "operator -> control:8080/TCP",
                "operator -> router:8091/TCP",
                "monitoring -> router:9001/TCP",
                "monitoring -> control:8080/TCP",
                "monitoring -> model-server:8002/TCP",
                "router -> dns:53/UDP",
                "router -> dns:53/TCP",
                "control -> dns:53/UDP",
                "control -> dns:53/TCP")),
        connections(base));
  }

  @Test
  void everyPortIsReachedBySomebody() {
    Set<String> connections = connections(base);
    for (Workload workload : base.workloads()) {
      for (int port : workload.ports()) {
        String arrow = " -> " + workload.name() + ":" + port + "/TCP";
        assertTrue(connections.stream().anyMatch(c -> c.endsWith(arrow)), arrow);
      }
    }
  }

  @Test
  void onlyWhoNeedsATokenMountsIt() {
    Map<String, Set<String>> tokens = new TreeMap<>();
    for (Workload workload : base.workloads()) {
      workload.template().getSpec().getVolumes().stream()
          .filter(volume -> volume.getSecret() != null)
          .forEach(volume -> {
            assertEquals("understudy-tokens", volume.getSecret().getSecretName());
            tokens.put(
                workload.name(),
                new TreeSet<>(
                    volume.getSecret().getItems().stream().map(KeyToPath::getKey).toList()));
          });
    }
    assertEquals(Set.of("model-server"), tokens.get("model-server"));
    assertEquals(Set.of("control", "router", "model-server"), tokens.get("control"));
    assertEquals(
        Set.of("api-keys", "api-keys-secret", "router", "router-admin", "model-server"),
        tokens.get("router"),
        "not the one that commands");
  }

  @Test
  void aLackOfRoutesOrModelsRestartsNobody() {
    Workload router =
        base.workloads().stream().filter(w -> w.name().equals("router")).findFirst().orElseThrow();
    var container = router.template().getSpec().getContainers().getFirst();
    assertEquals(8001, container.getReadinessProbe().getGrpc().getPort());
    assertEquals(8091, container.getLivenessProbe().getGrpc().getPort());
    assertEquals(8091, container.getStartupProbe().getGrpc().getPort());
    Workload server =
        base.workloads().stream()
            .filter(w -> w.name().equals("model-server"))
            .findFirst()
            .orElseThrow();
    assertTrue(
        server
            .template()
            .getSpec()
            .getContainers()
            .getFirst()
            .getArgs()
            .contains("--strict-readiness=false"));
  }

  /** Holds our rendering against the real one where kubectl is installed. */
  @Test
  void kubectlRendersTheSame() throws IOException, InterruptedException {
    Assumptions.assumeTrue(
        Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "kubectl"))),
        "no kubectl on the PATH");
    Path out = Files.createTempFile("rendered", ".yaml");
    try {
      Process process =
          new ProcessBuilder("kubectl", "kustomize", BASE.toString())
              .redirectOutput(out.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue());
      String text = Files.readString(out, StandardCharsets.UTF_8);
      assertEquals(byName(Yaml.documents("kubectl", text)), byName(Kustomization.render(BASE)));
    } finally {
      Files.delete(out);
    }
  }

  private static Map<String, Map<String, Object>> byName(List<Map<String, Object>> documents) {
    TreeMap<String, Map<String, Object>> byName = new TreeMap<>();
    for (Map<String, Object> document : documents) {
      byName.put(document.get("kind") + "/" + Yaml.at(document, "metadata", "name"), document);
    }
    assertEquals(documents.size(), byName.size());
    return byName;
  }

  /** All connections among our pods and everybody who might want one. */
  static Set<String> connections(Manifests manifests) {
    Map<String, String> here = Map.of("kubernetes.io/metadata.name", "understudy");
    List<String> some = List.of("22/TCP", "53/UDP", "443/TCP");
    List<Peer> peers = new ArrayList<>();
    for (Workload workload : manifests.workloads()) {
      List<String> ports = new ArrayList<>(some);
      workload.ports().forEach(port -> ports.add(port + "/TCP"));
      peers.add(new Peer(workload.name(), true, here, workload.labels(), ports));
    }
    peers.add(outside("client", Map.of("understudy.dev/clients", "true"), Map.of()));
    peers.add(outside("outcomes", Map.of("understudy.dev/outcomes", "true"), Map.of()));
    peers.add(outside("monitoring", Map.of("understudy.dev/monitoring", "true"), Map.of()));
    peers.add(outside("operator", Map.of("understudy.dev/operators", "true"), Map.of()));
    peers.add(outside("false router", Map.of(), Map.of("app.kubernetes.io/component", "router")));
    peers.add(new Peer("neighbour", true, here, Map.of(), some));
    peers.add(outside("stranger", Map.of(), Map.of()));
    peers.add(
        new Peer(
            "dns",
            false,
            Map.of("kubernetes.io/metadata.name", "kube-system"),
            Map.of("k8s-app", "kube-dns"),
            List.of("53/UDP", "53/TCP", "443/TCP")));
    return new Reachability(manifests.all(NetworkPolicy.class)).connections(peers);
  }

  private static Peer outside(
      String name, Map<String, String> namespaceLabels, Map<String, String> labels) {
    return new Peer(
        name, false, namespaceLabels, labels, List.of("22/TCP", "53/UDP", "53/TCP", "443/TCP"));
  }
}
