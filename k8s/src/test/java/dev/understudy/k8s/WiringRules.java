package dev.understudy.k8s;

import dev.understudy.k8s.Manifests.Workload;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.KeyToPath;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How the documents must hang together: selectors select, mounts have volumes, volumes have what
 * they mount, and the services' configuration agrees with the pods it is mounted in: it listens on
 * the container's ports and no others, names files that are there, and calls addresses that a
 * Service answers. Keys of the configuration are not looked at, only what its values refer to.
 */
final class WiringRules {
  private static final Pattern ADDRESS = Pattern.compile("([a-z0-9.-]+):(\\d{2,5})");

  /** What to leave a process that says nothing of its own: its parts are given 10 s each. */
  private static final int UNSTATED_DRAIN_SECONDS = 60;

  private static final Pattern SECONDS = Pattern.compile("(\\d+)s?");

  private final Manifests manifests;
  private final List<String> problems = new ArrayList<>();

  private WiringRules(Manifests manifests) {
    this.manifests = manifests;
  }

  static List<String> problems(Manifests manifests) {
    var rules = new WiringRules(manifests);
    manifests.workloads().forEach(rules::workload);
    manifests.all(Service.class).forEach(rules::service);
    manifests.all(StatefulSet.class).forEach(rules::governed);
    for (PodDisruptionBudget budget : manifests.all(PodDisruptionBudget.class)) {
      rules.selected(
          "budget " + budget.getMetadata().getName(),
          manifests.workloads().stream()
              .filter(w -> Manifests.selects(budget.getSpec().getSelector(), w.labels())));
    }
    return rules.problems;
  }

  private void workload(Workload workload) {
    String name = workload.name();
    String account = workload.template().getSpec().getServiceAccountName();
    check(
        account != null && manifests.find(ServiceAccount.class, account) != null,
        name + ": serviceAccountName " + account + " (expected: one that is here)");
    check(
        workload.labels().entrySet().containsAll(workload.selector().entrySet()),
        name + ": selector " + workload.selector() + " (expected: of " + workload.labels() + ")");
    long budgets =
        manifests.all(PodDisruptionBudget.class).stream()
            .filter(b -> Manifests.selects(b.getSpec().getSelector(), workload.labels()))
            .count();
    check(budgets == 1, name + ": " + budgets + " disruption budgets (expected: 1)");
    for (Volume volume : workload.template().getSpec().getVolumes()) {
      volume(name, volume);
    }
    workload.containers().forEach(container -> mounts(workload, container));
    configuration(workload);
  }

  private void volume(String where, Volume volume) {
    if (volume.getConfigMap() != null) {
      String name = volume.getConfigMap().getName();
      check(
          manifests.find(ConfigMap.class, name) != null,
          where + ": ConfigMap " + name + " (expected: one that is here)");
    }
    if (volume.getPersistentVolumeClaim() != null) {
      String claim = volume.getPersistentVolumeClaim().getClaimName();
      check(
          manifests.find(PersistentVolumeClaim.class, claim) != null,
          where + ": claim " + claim + " (expected: one that is here)");
      check(
          Boolean.TRUE.equals(volume.getPersistentVolumeClaim().getReadOnly()),
          where + ": shared claim " + claim + " is writable (expected: readOnly)");
    }
    if (volume.getSecret() != null) {
      check(
          !volume.getSecret().getItems().isEmpty(),
          where + ": the whole of a Secret (expected: only the items that it needs)");
      check(
          Objects.equals(volume.getSecret().getDefaultMode(), 0440),
          where
              + ": mode of the Secret "
              + volume.getSecret().getDefaultMode()
              + " (expected: 288, which is 0440)");
    }
  }

  private void mounts(Workload workload, Container container) {
    Set<String> volumes = new HashSet<>(workload.claims());
    workload.template().getSpec().getVolumes().forEach(volume -> volumes.add(volume.getName()));
    Set<String> mounted = new HashSet<>();
    for (VolumeMount mount : container.getVolumeMounts()) {
      mounted.add(mount.getName());
    }
    check(
        volumes.equals(mounted),
        workload.name() + ": mounts " + mounted + " (expected: " + volumes + ")");
    Volume models = volume(workload, "models");
    if (models != null) {
      check(
          container.getVolumeMounts().stream()
              .filter(mount -> mount.getName().equals("models"))
              .allMatch(mount -> Boolean.TRUE.equals(mount.getReadOnly())),
          workload.name() + ": the mount of the models is writable (expected: readOnly)");
    }
  }

  private static @Nullable Volume volume(Workload workload, String name) {
    return workload.template().getSpec().getVolumes().stream()
        .filter(volume -> volume.getName().equals(name))
        .findFirst()
        .orElse(null);
  }

  private void configuration(Workload workload) {
    String where = workload.name();
    Container container = workload.template().getSpec().getContainers().getFirst();
    List<String> words = new ArrayList<>(container.getArgs());
    Integer drainSeconds = sum(words, "--drain-window-secs=", "--exit-timeout-secs=");
    for (Volume volume : workload.template().getSpec().getVolumes()) {
      ConfigMap map =
          volume.getConfigMap() == null
              ? null
              : manifests.find(ConfigMap.class, volume.getConfigMap().getName());
      if (map != null) {
        for (Map.Entry<String, String> file : map.getData().entrySet()) {
          Map<String, Object> tree = Yaml.documents(file.getKey(), file.getValue()).getFirst();
          scalars(tree, words);
          if (tree.get("drain") instanceof String drain) {
            drainSeconds = seconds(List.of(drain), "");
          }
        }
      }
    }
    drains(workload, container, Objects.requireNonNullElse(drainSeconds, UNSTATED_DRAIN_SECONDS));
    Set<Integer> listening = new TreeSet<>();
    for (String word : words) {
      Matcher address = ADDRESS.matcher(word);
      Matcher flag = Pattern.compile("--[a-z]+-port=(\\d+)").matcher(word);
      String value = word.startsWith("--") ? word.substring(word.indexOf('=') + 1) : word;
      if (flag.matches()) {
        listening.add(Integer.parseInt(flag.group(1)));
      } else if (address.matches() && address.group(1).equals("0.0.0.0")) {
        listening.add(Integer.parseInt(address.group(2)));
      } else if (address.matches() && address.group(1).equals("127.0.0.1")) {
        check(
            workload.ports().contains(Integer.valueOf(address.group(2))),
            where + ": calls itself at " + word + " (expected: one of its ports)");
      } else if (address.matches()) {
        called(where, address.group(1), Integer.parseInt(address.group(2)));
      } else if (value.startsWith("/")) {
        check(exists(workload, value), where + ": " + value + " (expected: on a mount)");
      }
    }
    Set<Integer> ports = new TreeSet<>(workload.ports());
    check(
        listening.equals(ports),
        where + ": listens on " + listening + " (expected: the container's ports " + ports + ")");
  }

  private void drains(Workload workload, Container container, int drainSeconds) {
    Long sleep =
        container.getLifecycle() == null || container.getLifecycle().getPreStop() == null
            ? null
            : container.getLifecycle().getPreStop().getSleep().getSeconds();
    Long grace = workload.template().getSpec().getTerminationGracePeriodSeconds();
    check(
        sleep != null && grace != null && grace > sleep + drainSeconds,
        workload.name()
            + ": grace "
            + grace
            + " s (expected: over preStop "
            + sleep
            + " s and drain "
            + drainSeconds
            + " s together)");
  }

  private static @Nullable Integer seconds(List<String> words, String prefix) {
    for (String word : words) {
      Matcher matcher =
          SECONDS.matcher(word.startsWith(prefix) ? word.substring(prefix.length()) : "");
      if (matcher.matches()) {
        return Integer.valueOf(matcher.group(1));
      }
    }
    return null;
  }

  private static @Nullable Integer sum(List<String> words, String first, String second) {
    Integer one = seconds(words, first);
    Integer two = seconds(words, second);
    return one == null || two == null ? null : Integer.valueOf(one + two);
  }

  private static void scalars(Object tree, List<String> out) {
    switch (tree) {
      case Map<?, ?> map -> map.values().forEach(value -> scalars(value, out));
      case List<?> list -> list.forEach(value -> scalars(value, out));
      default -> out.add(String.valueOf(tree));
    }
  }

  /** Whether a path of the configuration is a file of a mounted map or Secret, or in a volume. */
  private boolean exists(Workload workload, String path) {
    for (VolumeMount mount :
        workload.template().getSpec().getContainers().getFirst().getVolumeMounts()) {
      String root = mount.getMountPath();
      if (!path.equals(root) && !path.startsWith(root + "/")) {
        continue;
      }
      Volume volume = volume(workload, mount.getName());
      String file = path.substring(Math.min(path.length(), root.length() + 1));
      if (volume == null) {
        return true;
      }
      if (volume.getSecret() != null) {
        return volume.getSecret().getItems().stream()
            .map(KeyToPath::getPath)
            .anyMatch(file::equals);
      }
      if (volume.getConfigMap() != null) {
        ConfigMap map = manifests.find(ConfigMap.class, volume.getConfigMap().getName());
        return map != null && map.getData().containsKey(file);
      }
      return true;
    }
    return false;
  }

  /** A name is a Service, or a pod of a StatefulSet under its headless Service. */
  private void called(String where, String host, int port) {
    int dot = host.indexOf('.');
    String serviceName = dot < 0 ? host : host.substring(dot + 1);
    Service service = manifests.find(Service.class, serviceName);
    boolean answers =
        service != null && service.getSpec().getPorts().stream().anyMatch(p -> p.getPort() == port);
    boolean pod =
        dot < 0
            || manifests.all(StatefulSet.class).stream()
                .filter(set -> set.getSpec().getServiceName().equals(serviceName))
                .anyMatch(set ->
                    Stream.iterate(0, i -> i + 1)
                        .limit(set.getSpec().getReplicas())
                        .map(i -> set.getMetadata().getName() + "-" + i)
                        .anyMatch(host.substring(0, dot)::equals));
    check(
        answers && pod,
        where + ": calls " + host + ":" + port + " (expected: a Service and pod that are here)");
  }

  private void service(Service service) {
    String where = "service " + service.getMetadata().getName();
    List<Workload> behind =
        manifests.workloads().stream()
            .filter(
                w -> w.labels().entrySet().containsAll(service.getSpec().getSelector().entrySet()))
            .toList();
    selected(where, behind.stream());
    for (ServicePort port : service.getSpec().getPorts()) {
      IntOrString target = port.getTargetPort();
      boolean found =
          target != null
              && behind.stream()
                  .flatMap(w -> w.template().getSpec().getContainers().stream())
                  .flatMap(c -> c.getPorts().stream())
                  .anyMatch(p -> names(p, target) && p.getContainerPort().equals(port.getPort()));
      check(
          found,
          where
              + ": "
              + port.getPort()
              + " to "
              + target
              + " (expected: a port of the container with the same number)");
    }
  }

  private static boolean names(ContainerPort port, IntOrString target) {
    return target.getStrVal() != null && target.getStrVal().equals(port.getName());
  }

  private void governed(StatefulSet set) {
    String name = set.getSpec().getServiceName();
    check(
        manifests.find(Service.class, name) != null,
        set.getMetadata().getName() + ": serviceName " + name + " (expected: one that is here)");
  }

  private void selected(String where, Stream<Workload> workloads) {
    long count = workloads.count();
    check(count == 1, where + ": selects the pods of " + count + " workloads (expected: 1)");
  }

  private void check(boolean holds, String problem) {
    if (!holds) {
      problems.add(problem);
    }
  }
}
