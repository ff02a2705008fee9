package dev.understudy.k8s;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Each case breaks one thing in the base and expects the same checks to say so. */
class RefusalTest {
  private static final Object[] POD = {"spec", "template", "spec"};
  private static final Object[] CONTAINER = {"spec", "template", "spec", "containers", 0};

  private final List<Map<String, Object>> documents = Kustomization.render(BaseTest.BASE);

  @Test
  void anUnknownFieldIsRefused() {
    change("Deployment", "router", CONTAINER, c -> c.put("readinesProbe", Map.of()));
    unreadable("readinesProbe");
  }

  @Test
  void anUnknownFieldDeepInAPolicyIsRefused() {
    change(
        "NetworkPolicy",
        "router",
        new Object[] {"spec", "ingress", 0, "from", 0},
        from -> from.put("podSelecter", Map.of()));
    unreadable("podSelecter");
  }

  @Test
  void anUnknownKindIsRefused() {
    change("Service", "router", new Object[] {}, d -> d.put("kind", "Servise"));
    unreadable("Servise");
  }

  @Test
  void aValueOfTheWrongTypeIsRefused() {
    change("Deployment", "router", new Object[] {"spec"}, s -> s.put("replicas", "two"));
    unreadable("two");
  }

  @Test
  void aKeyThatStandsTwiceIsRefused() {
    assertThrows(YamlEngineException.class, () -> Yaml.documents("twice", "a: 1\na: 2\n"));
  }

  @Test
  void aFeatureThatTheRendererLacksIsRefused() {
    var patched = BaseTest.ROOT.resolve("k8s/src/test/resources/patched");
    String message =
        assertThrows(IllegalArgumentException.class, () -> Kustomization.render(patched))
            .getMessage();
    assertTrue(String.valueOf(message).contains("patches"), message);
  }

  @Test
  void aPrivilegedContainerIsFound() {
    context("router", c -> c.put("privileged", true));
    podProblem("router/router: privileged true");
  }

  @Test
  void aWritableRootIsFound() {
    context("router", c -> c.remove("readOnlyRootFilesystem"));
    podProblem("router/router: readOnlyRootFilesystem null");
  }

  @Test
  void aKeptCapabilityIsFound() {
    context("router", c -> c.put("capabilities", Map.of("drop", List.of("NET_RAW"))));
    podProblem("router/router: capabilities.drop [NET_RAW]");
  }

  @Test
  void rootIsFound() {
    change(
        "Deployment",
        "router",
        new Object[] {"spec", "template", "spec", "securityContext"},
        c -> c.put("runAsUser", 0));
    podProblem("router: securityContext.runAsUser 0");
  }

  @Test
  void aSecondContainerIsHeldToTheSame() {
    change(
        "StatefulSet",
        "model-server",
        POD,
        pod ->
            pod.put("initContainers", List.of(Map.of("name", "fetch", "image", "fetch:latest"))));
    podProblem("model-server/fetch: readOnlyRootFilesystem null");
    podProblem("model-server/fetch: image fetch:latest");
  }

  @Test
  void aMissingProbeIsFound() {
    change("StatefulSet", "control", CONTAINER, c -> c.remove("livenessProbe"));
    podProblem("control/control: livenessProbe null");
  }

  @Test
  void aProbeOfAnotherPortIsFound() {
    change(
        "StatefulSet",
        "control",
        new Object[] {"spec", "template", "spec", "containers", 0, "readinessProbe", "grpc"},
        grpc -> grpc.put("port", 9999));
    podProblem("control/control: readinessProbe.grpc.port 9999");
  }

  @Test
  void missingResourcesAreFound() {
    change("StatefulSet", "model-server", CONTAINER, c -> c.remove("resources"));
    podProblem("model-server/model-server: requests {}");
  }

  @Test
  void aLostSpreadIsFound() {
    change("Deployment", "router", POD, pod -> pod.remove("topologySpreadConstraints"));
    podProblem("router: topologySpreadConstraints");
  }

  @Test
  void aPathOfTheHostIsFound() {
    change(
        "Deployment",
        "router",
        new Object[] {"spec", "template", "spec", "volumes", 2},
        volume -> {
          volume.remove("emptyDir");
          volume.put("hostPath", Map.of("path", "/var"));
        });
    podProblem("router: volume state hostPath");
  }

  @Test
  void aWritableModelRepositoryIsFound() {
    change(
        "StatefulSet",
        "model-server",
        new Object[] {"spec", "template", "spec", "containers", 0, "volumeMounts", 1},
        mount -> mount.remove("readOnly"));
    wiringProblem("the mount of the models is writable");
  }

  @Test
  void aGraceShorterThanTheDrainIsFound() {
    change("Deployment", "router", POD, pod -> pod.put("terminationGracePeriodSeconds", 30));
    wiringProblem("router: grace 30 s");
  }

  @Test
  void aBudgetThatSelectsNothingIsFound() {
    change(
        "PodDisruptionBudget",
        "router",
        new Object[] {"spec", "selector", "matchLabels"},
        labels -> labels.put("app.kubernetes.io/component", "ruoter"));
    wiringProblem("budget router: selects the pods of 0 workloads");
  }

  @Test
  void aServiceToAPortThatNobodyOpensIsFound() {
    change(
        "Service",
        "control",
        new Object[] {"spec", "ports", 0},
        port -> port.put("targetPort", "compare"));
    wiringProblem("service control: 8101");
  }

  @Test
  void aSecretFileThatIsNotMountedIsFound() {
    configuration("control.yaml", "understudy/model-server", "understudy/api-keys");
    wiringProblem("control: /run/secrets/understudy/api-keys");
  }

  @Test
  void aListenerThatThePodDoesNotDeclareIsFound() {
    configuration("router.yaml", "0.0.0.0:9001", "0.0.0.0:9002");
    wiringProblem("router: listens on [8001, 8091, 9002]");
  }

  @Test
  void aCallToAServerBeyondTheReplicasIsFound() {
    configuration("control.yaml", "model-server-2.", "model-server-3.");
    wiringProblem("control: calls model-server-3.model-server:8001");
  }

  @Test
  void aCallToItselfAtNoPortOfItsOwnIsFound() {
    configuration("control.yaml", "controller: 127.0.0.1:8103", "controller: 127.0.0.1:8104");
    wiringProblem("control: calls itself at 127.0.0.1:8104");
  }

  @Test
  void anArrowTooManyIsSeen() {
    change(
        "NetworkPolicy",
        "control",
        new Object[] {"spec", "ingress", 2},
        rule ->
            rule.put(
                "ports", List.of(Map.of("port", 8101, "endPort", 8103), Map.of("port", 8080))));
    assertTrue(BaseTest.connections(read()).contains("operator -> control:8101/TCP"));
  }

  @Test
  void aRuleWithoutPortsIsSeenAsEveryPort() {
    change(
        "NetworkPolicy",
        "router",
        new Object[] {"spec", "ingress", 0},
        rule -> rule.remove("ports"));
    assertTrue(BaseTest.connections(read()).contains("client -> router:22/TCP"));
  }

  @Test
  void withoutTheDefaultANeighbourIsOpen() {
    assertFalse(BaseTest.connections(read()).contains("stranger -> neighbour:22/TCP"));
    documents.remove(document("NetworkPolicy", "default-deny"));
    assertTrue(BaseTest.connections(read()).contains("stranger -> neighbour:22/TCP"));
    assertTrue(BaseTest.connections(read()).contains("model-server -> dns:443/TCP"));
  }

  private void context(String name, Consumer<Map<String, Object>> change) {
    List<Object> path = new ArrayList<>(List.of(CONTAINER));
    path.add("securityContext");
    change("Deployment", name, path.toArray(), change);
  }

  private void configuration(String file, String from, String to) {
    for (Map<String, Object> document : documents) {
      if ("ConfigMap".equals(document.get("kind"))) {
        Yaml.map(document.get("data"))
            .computeIfPresent(file, (k, text) -> ((String) text).replace(from, to));
      }
    }
  }

  private void change(
      String kind, String name, Object[] path, Consumer<Map<String, Object>> change) {
    change.accept(Yaml.map(Yaml.at(document(kind, name), path)));
  }

  private Map<String, Object> document(String kind, String name) {
    return documents.stream()
        .filter(d -> kind.equals(d.get("kind")) && name.equals(Yaml.at(d, "metadata", "name")))
        .findFirst()
        .orElseThrow();
  }

  private Manifests read() {
    return TypedModels.readAll(documents);
  }

  private void unreadable(String word) {
    String message = assertThrows(IllegalArgumentException.class, this::read).getMessage();
    assertTrue(String.valueOf(message).contains(word), message);
  }

  private void podProblem(String beginning) {
    List<String> problems = PodRules.problems(read());
    assertTrue(problems.stream().anyMatch(p -> p.startsWith(beginning)), problems::toString);
  }

  private void wiringProblem(String part) {
    List<String> problems = WiringRules.problems(read());
    assertEquals(1, problems.stream().filter(p -> p.contains(part)).count(), problems::toString);
  }
}
