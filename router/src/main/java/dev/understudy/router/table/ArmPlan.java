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
 * @param routed the model's name in the table; empty for models that pass through
 * @param model the model's name at the backend
 * @param upstreamVersion the version's name at the backend; empty: none is asked for
 * @param tail what is put behind a request so that it asks for this version under that name
 * @param backends the key under which the arm's backends are found: all that makes them
 */
@SuppressWarnings("ArrayRecordComponent") // compared by identity
public record ArmPlan(
    Arm arm, String routed, String model, String upstreamVersion, byte[] tail, String backends) {
  private static final String NO_VERSION = "-";

  static ArmPlan of(String model, Arm arm) {
    boolean renamed = !arm.getUpstreamModel().isEmpty();
    String name = renamed ? arm.getUpstreamModel() : model;
    String version =
        switch (arm.getUpstreamVersion()) {
          case "" -> arm.getVersion();
          case NO_VERSION -> "";
          default -> arm.getUpstreamVersion();
        };
    return new ArmPlan(
        arm,
        model,
        name,
        version,
        InferRequests.overrides(renamed ? name : null, version, Map.of()),
        key(name, version, arm));
  }

  /** The arm that stands for every model that the table does not list: nothing is changed. */
  static ArmPlan passThrough(Arm arm) {
    return new ArmPlan(arm, "", "", "", new byte[0], key("", "", arm));
  }

  private static String key(String model, String version, Arm arm) {
    return String.join(
        "\n",
        model,
        version,
        arm.getVersion(),
        arm.getProfile(),
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

  /** As {@link Target} reads them. */
  public List<String> endpoints() {
    return arm.getEndpointsList();
  }

  /** Whether the backend knows the model by another name. */
  public boolean renamed() {
    return !arm.getUpstreamModel().isEmpty();
  }

  /** The name of the way in which backends are connected to; empty for the default one. */
  public String profile() {
    return arm.getProfile();
  }

  /** Whether the backend knows the version by another name, or by none. */
  public boolean reversioned() {
    return !arm.getUpstreamVersion().isEmpty();
  }
}
