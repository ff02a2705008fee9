package dev.understudy.k8s;

import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Works out who may connect to whom, as the NetworkPolicy API says: a pod that no policy of a
 * direction selects is open in that direction; a selected one takes what any of its policies
 * allows; a connection needs the leave of both ends.
 */
final class Reachability {
  /**
   * A pod, or somebody that could be one.
   *
   * @param name for people
   * @param inside whether it lives in Understudy's namespace, so that its policies hold for it
   * @param ports that others might try, such as {@code 8001/TCP}
   */
  record Peer(
      String name,
      boolean inside,
      Map<String, String> namespaceLabels,
      Map<String, String> labels,
      List<String> ports) {}

  private final List<NetworkPolicy> policies;

  Reachability(List<NetworkPolicy> policies) {
    this.policies = List.copyOf(policies);
  }

  /** Every connection that can be made, as {@code from -> to:port}, sorted. */
  NavigableSet<String> connections(List<Peer> peers) {
    TreeSet<String> connections = new TreeSet<>();
    for (Peer from : peers) {
      for (Peer to : peers) {
        for (String port : to.ports()) {
          boolean ours = from.inside() || to.inside();
          if (ours && leaves(from, to, port) && enters(from, to, port)) {
            connections.add(from.name() + " -> " + to.name() + ":" + port);
          }
        }
      }
    }
    return connections;
  }

  private boolean leaves(Peer from, Peer to, String port) {
    List<NetworkPolicy> selecting = selecting(from, "Egress");
    return selecting.isEmpty()
        || selecting.stream()
            .flatMap(policy -> policy.getSpec().getEgress().stream())
            .anyMatch(rule -> any(rule.getTo(), to) && covers(rule.getPorts(), port));
  }

  private boolean enters(Peer from, Peer to, String port) {
    List<NetworkPolicy> selecting = selecting(to, "Ingress");
    return selecting.isEmpty()
        || selecting.stream()
            .flatMap(policy -> policy.getSpec().getIngress().stream())
            .anyMatch(rule -> any(rule.getFrom(), from) && covers(rule.getPorts(), port));
  }

  private List<NetworkPolicy> selecting(Peer peer, String direction) {
    List<NetworkPolicy> selecting = new ArrayList<>();
    for (NetworkPolicy policy : policies) {
      if (peer.inside()
          && policy.getSpec().getPolicyTypes().contains(direction)
          && Manifests.selects(policy.getSpec().getPodSelector(), peer.labels())) {
        selecting.add(policy);
      }
    }
    return selecting;
  }

  /** No peers at all stand for everybody, and so does a block of addresses, whatever it holds. */
  private static boolean any(List<NetworkPolicyPeer> rules, Peer peer) {
    return rules.isEmpty() || rules.stream().anyMatch(rule -> matches(rule, peer));
  }

  private static boolean matches(NetworkPolicyPeer rule, Peer peer) {
    if (rule.getIpBlock() != null) {
      return true;
    }
    boolean place =
        rule.getNamespaceSelector() == null
            ? peer.inside()
            : Manifests.selects(rule.getNamespaceSelector(), peer.namespaceLabels());
    return place
        && (rule.getPodSelector() == null
            || Manifests.selects(rule.getPodSelector(), peer.labels()));
  }

  private static boolean covers(List<NetworkPolicyPort> rules, String port) {
    return rules.isEmpty() || rules.stream().anyMatch(rule -> covers(rule, port));
  }

  private static boolean covers(NetworkPolicyPort rule, String port) {
    int slash = port.indexOf('/');
    int number = Integer.parseInt(port.substring(0, slash));
    if (!Objects.requireNonNullElse(rule.getProtocol(), "TCP").equals(port.substring(slash + 1))) {
      return false;
    }
    if (rule.getPort() == null) {
      return true;
    }
    @Nullable Integer first = rule.getPort().getIntVal();
    if (first == null) {
      throw new IllegalArgumentException(rule.getPort() + " (expected: the port's number)");
    }
    return number >= first && number <= Objects.requireNonNullElse(rule.getEndPort(), first);
  }
}
