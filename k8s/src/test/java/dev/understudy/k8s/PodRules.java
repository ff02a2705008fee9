package dev.understudy.k8s;

import dev.understudy.k8s.Manifests.Workload;
import io.fabric8.kubernetes.api.model.Capabilities;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PodSecurityContext;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.SeccompProfile;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.TopologySpreadConstraint;
import io.fabric8.kubernetes.api.model.Volume;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What every pod must be: restricted as in the Pod Security Standard, with a read-only root
 * besides; probed; bounded; spread. Each problem is a line with the place, the value and the
 * expectation.
 */
final class PodRules {
  private final List<String> problems = new ArrayList<>();

  private PodRules() {}

  static List<String> problems(Manifests manifests) {
    var rules = new PodRules();
    for (Workload workload : manifests.workloads()) {
      rules.pod(workload);
      workload.containers().forEach(container -> rules.container(workload.name(), container));
      for (Container container : workload.template().getSpec().getContainers()) {
        rules.probes(workload, container);
      }
    }
    return rules.problems;
  }

  private void pod(Workload workload) {
    String where = workload.name();
    PodSpec pod = workload.template().getSpec();
    require(where, "hostNetwork", pod.getHostNetwork(), null);
    require(where, "hostPID", pod.getHostPID(), null);
    require(where, "hostIPC", pod.getHostIPC(), null);
    require(where, "automountServiceAccountToken", pod.getAutomountServiceAccountToken(), false);
    require(where, "enableServiceLinks", pod.getEnableServiceLinks(), false);
    PodSecurityContext context =
        Objects.requireNonNullElseGet(pod.getSecurityContext(), PodSecurityContext::new);
    require(where, "securityContext.runAsNonRoot", context.getRunAsNonRoot(), true);
    Long user = context.getRunAsUser();
    check(user != null && user > 0, where, "securityContext.runAsUser", user, "over 0");
    SeccompProfile seccomp =
        Objects.requireNonNullElseGet(context.getSeccompProfile(), SeccompProfile::new);
    require(where, "seccompProfile.type", seccomp.getType(), "RuntimeDefault");
    List<String> spread =
        pod.getTopologySpreadConstraints().stream()
            .filter(rule -> Manifests.selects(rule.getLabelSelector(), workload.labels()))
            .map(TopologySpreadConstraint::getTopologyKey)
            .toList();
    require(
        where,
        "topologySpreadConstraints over its own pods",
        spread,
        List.of("kubernetes.io/hostname", "topology.kubernetes.io/zone"));
    for (Volume volume : pod.getVolumes()) {
      check(volume.getHostPath() == null, where, "volume " + volume.getName(), "hostPath", "none");
      check(
          volume.getEmptyDir() == null || volume.getEmptyDir().getSizeLimit() != null,
          where,
          "volume " + volume.getName(),
          "emptyDir",
          "with a sizeLimit");
    }
  }

  private void container(String workload, Container container) {
    String where = workload + "/" + container.getName();
    SecurityContext context =
        Objects.requireNonNullElseGet(container.getSecurityContext(), SecurityContext::new);
    check(!Boolean.TRUE.equals(context.getPrivileged()), where, "privileged", "true", "not so");
    require(where, "allowPrivilegeEscalation", context.getAllowPrivilegeEscalation(), false);
    require(where, "readOnlyRootFilesystem", context.getReadOnlyRootFilesystem(), true);
    Capabilities capabilities =
        Objects.requireNonNullElseGet(context.getCapabilities(), Capabilities::new);
    require(where, "capabilities.drop", capabilities.getDrop(), List.of("ALL"));
    require(where, "capabilities.add", capabilities.getAdd(), List.of());
    check(
        !Boolean.FALSE.equals(context.getRunAsNonRoot()),
        where,
        "runAsNonRoot",
        "false",
        "what the pod says");
    Long user = context.getRunAsUser();
    check(user == null || user > 0, where, "runAsUser", user, "what the pod says, or over 0");
    check(
        context.getSeccompProfile() == null
            || "RuntimeDefault".equals(context.getSeccompProfile().getType()),
        where,
        "seccompProfile",
        context.getSeccompProfile(),
        "what the pod says");

    Map<String, Quantity> requests =
        container.getResources() == null ? Map.of() : container.getResources().getRequests();
    Map<String, Quantity> limits =
        container.getResources() == null ? Map.of() : container.getResources().getLimits();
    for (String resource : List.of("cpu", "memory", "ephemeral-storage")) {
      check(requests.containsKey(resource), where, "requests", requests, "with " + resource);
    }
    // Less than the limit would let the node promise memory that it does not have.
    require(where, "limits.memory", limits.get("memory"), requests.get("memory"));
    check(limits.containsKey("ephemeral-storage"), where, "limits", limits, "ephemeral-storage");
    String image = container.getImage();
    check(
        image.matches(".+(:[^:/]+|@sha256:[0-9a-f]{64})") && !image.endsWith(":latest"),
        where,
        "image",
        image,
        "a version or a digest");
  }

  private void probes(Workload workload, Container container) {
    String where = workload.name() + "/" + container.getName();
    probe(where, "startupProbe", container.getStartupProbe(), workload);
    probe(where, "readinessProbe", container.getReadinessProbe(), workload);
    probe(where, "livenessProbe", container.getLivenessProbe(), workload);
  }

  private void probe(String where, String name, @Nullable Probe probe, Workload workload) {
    if (probe == null || probe.getGrpc() == null) {
      problems.add(where + ": " + name + " " + probe + " (expected: one over gRPC)");
      return;
    }
    Integer port = probe.getGrpc().getPort();
    check(
        workload.ports().contains(port),
        where,
        name + ".grpc.port",
        port,
        "one of " + workload.ports());
    // The services register no other name with the health service; Kubernetes would get NOT_FOUND.
    require(where, name + ".grpc.service", probe.getGrpc().getService(), "");
  }

  private void require(
      String where, String what, @Nullable Object value, @Nullable Object expected) {
    check(Objects.equals(value, expected), where, what, value, String.valueOf(expected));
  }

  private void check(
      boolean holds, String where, String what, @Nullable Object value, String expected) {
    if (!holds) {
      problems.add(where + ": " + what + " " + value + " (expected: " + expected + ")");
    }
  }
}
