package dev.understudy.router.table;

import dev.understudy.proto.tensor.InferRequests;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Role;
import java.util.List;
import java.util.Map;

/**
 * One arm, ready to be sent to.
 *
 * @param arm as the table has it
 * @param model the model's name at the backend
 * @param tail what is put behind a request so that it asks for this version under that name
 * @param backends the addresses, joined: the key under which the arm's backends are found
 */
@SuppressWarnings("ArrayRecordComponent") // compared by identity
public record ArmPlan(Arm arm, String model, byte[] tail, String backends) {
  static ArmPlan of(String model, Arm arm) {
    boolean renamed = !arm.getUpstreamModel().isEmpty();
    String name = renamed ? arm.getUpstreamModel() : model;
    return new ArmPlan(
        arm,
        name,
        InferRequests.overrides(renamed ? name : null, arm.getVersion(), Map.of()),
        String.join(",", arm.getEndpointsList()));
  }

  /** What the arm does. */
  public Role role() {
    return arm.getRole();
  }

  /** The concrete version. */
  public String version() {
    return arm.getVersion();
  }

  /** {@code host:port} of each backend. */
  public List<String> endpoints() {
    return arm.getEndpointsList();
  }

  /** Whether the backend knows the model by another name. */
  public boolean renamed() {
    return !arm.getUpstreamModel().isEmpty();
  }
}
