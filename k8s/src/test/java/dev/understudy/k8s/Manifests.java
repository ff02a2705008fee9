package dev.understudy.k8s;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Rendered documents, typed. */
record Manifests(List<HasMetadata> documents) {

  /**
   * What makes pods.
   *
   * @param claims the names of the volumes that every pod claims for itself
   */
  record Workload(
      String name,
      int replicas,
      Map<String, String> selector,
      PodTemplateSpec template,
      List<String> claims) {
    Map<String, String> labels() {
      return template.getMetadata().getLabels();
    }

    /** The ordinary containers and those that run before them. */
    List<Container> containers() {
      List<Container> all = new ArrayList<>(template.getSpec().getContainers());
      all.addAll(template.getSpec().getInitContainers());
      return all;
    }

    List<Integer> ports() {
      return template.getSpec().getContainers().stream()
          .flatMap(container -> container.getPorts().stream())
          .map(ContainerPort::getContainerPort)
          .toList();
    }
  }

  <T extends HasMetadata> List<T> all(Class<T> type) {
    return documents.stream().filter(type::isInstance).map(type::cast).toList();
  }

  List<Workload> workloads() {
    List<Workload> workloads = new ArrayList<>();
    for (Deployment made : all(Deployment.class)) {
      workloads.add(
          new Workload(
              made.getMetadata().getName(),
              made.getSpec().getReplicas(),
              made.getSpec().getSelector().getMatchLabels(),
              made.getSpec().getTemplate(),
              List.of()));
    }
    for (StatefulSet made : all(StatefulSet.class)) {
      workloads.add(
          new Workload(
              made.getMetadata().getName(),
              made.getSpec().getReplicas(),
              made.getSpec().getSelector().getMatchLabels(),
              made.getSpec().getTemplate(),
              made.getSpec().getVolumeClaimTemplates().stream()
                  .map(claim -> claim.getMetadata().getName())
                  .toList()));
    }
    return workloads;
  }

  /** Whether a selector takes these labels; an empty one takes all, none takes nothing. */
  static boolean selects(@Nullable LabelSelector selector, Map<String, String> labels) {
    return selector != null
        && labels.entrySet().containsAll(selector.getMatchLabels().entrySet())
        && selector.getMatchExpressions().stream().allMatch(rule -> holds(rule, labels));
  }

  private static boolean holds(LabelSelectorRequirement rule, Map<String, String> labels) {
    String value = labels.get(rule.getKey());
    return switch (rule.getOperator()) {
      case "In" -> value != null && rule.getValues().contains(value);
      case "NotIn" -> value == null || !rule.getValues().contains(value);
      case "Exists" -> value != null;
      case "DoesNotExist" -> value == null;
      default ->
          throw new IllegalArgumentException(
              rule.getOperator() + " (expected: In, NotIn, Exists or DoesNotExist)");
    };
  }

  /** The document with this kind and name. */
  <T extends HasMetadata> @Nullable T find(Class<T> type, String name) {
    return all(type).stream()
        .filter(document -> Objects.equals(document.getMetadata().getName(), name))
        .findFirst()
        .orElse(null);
  }
}
