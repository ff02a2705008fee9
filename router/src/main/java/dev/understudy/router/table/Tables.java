package dev.understudy.router.table;

import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.routing.SplitCheck;
import dev.understudy.proto.tensor.Signature;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.guard.AnswerGuard;
import dev.understudy.router.slices.Disclosure;
import dev.understudy.router.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Checks a routing table and compiles it; a table is taken whole or not at all. Pure. */
public final class Tables {
  /** The denominator of weights. */
  public static final int WHOLE = 10_000;

  private static final long MOST_DELAY_MS = 3_600_000;

  private Tables() {}

  /**
   * Compiles a table.
   *
   * @param lineageIsKept whether a collector is configured, without which no call can be made to
   *     wait for its record
   * @param profiles names of the ways to connect to backends, the empty one included
   * @throws TableException naming the first fault
   */
  public static Map<String, ModelPlan> compile(
      RoutingTable table, boolean lineageIsKept, Set<String> profiles) {
    Map<String, ModelPlan> plans = compile(table, lineageIsKept);
    checkProfiles(plans, profiles);
    return plans;
  }

  /** Compiles a table of which it does not matter how backends are connected to. */
  static Map<String, ModelPlan> compile(RoutingTable table, boolean lineageIsKept) {
    Map<String, ModelPlan> plans = new HashMap<>();
    for (ModelRoute route : table.getModelsList()) {
      check(!route.getModel().isEmpty(), "a model without a name");
      ModelPlan plan = compile(route, lineageIsKept);
      check(
          plans.put(route.getModel(), plan) == null,
          "model '" + route.getModel() + "' is listed twice");
    }
    if (table.hasPassThrough()) {
      plans.put("", passThrough(table));
    }
    return Map.copyOf(plans);
  }

  private static void checkProfiles(Map<String, ModelPlan> plans, Set<String> profiles) {
    for (ModelPlan plan : plans.values()) {
      for (Arm arm : plan.route().getArmsList()) {
        check(
            profiles.contains(arm.getProfile()),
            (plan.passesThrough()
                    ? "pass-through"
                    : "model '" + plan.model() + "' arm '" + arm.getName() + "'")
                + " has profile '"
                + arm.getProfile()
                + "' (expected: one of "
                + new TreeSet<>(profiles)
                + ", as in upstreams: of router.yaml)");
      }
    }
  }

  private static ModelPlan passThrough(RoutingTable table) {
    PassThrough pass = table.getPassThrough();
    Arm arm =
        Arm.newBuilder()
            .setName("pass-through")
            .setRole(Role.CHAMPION)
            .addAllEndpoints(pass.getEndpointsList())
            .setProfile(pass.getProfile())
            .build();
    checkEndpoints("pass-through", arm);
    return new ModelPlan(
        ModelRoute.newBuilder().addArms(arm).build(),
        null,
        ArmPlan.passThrough(arm),
        null,
        null,
        List.of(),
        Selection.of(ModelRoute.getDefaultInstance(), Map.of()),
        new Split(""),
        new Disclosure(DataContract.getDefaultInstance(), ""),
        null,
        new AnswerGuard("", DataContract.getDefaultInstance()),
        null,
        hidden(table));
  }

  /** The names by which backends that calls pass through to know models that are listed. */
  private static Set<String> hidden(RoutingTable table) {
    Set<Target> passing = new HashSet<>();
    table.getPassThrough().getEndpointsList().forEach(e -> passing.add(Target.parse(e)));
    Set<String> names = new HashSet<>();
    for (ModelRoute route : table.getModelsList()) {
      for (Arm arm : route.getArmsList()) {
        if (!arm.getUpstreamModel().isEmpty()
            && arm.getEndpointsList().stream().anyMatch(e -> passing.contains(Target.parse(e)))) {
          names.add(arm.getUpstreamModel());
        }
      }
    }
    return Set.copyOf(names);
  }

  private static ModelPlan compile(ModelRoute route, boolean lineageIsKept) {
    String model = "model '" + route.getModel() + "'";
    Map<String, ArmPlan> arms = new HashMap<>();
    Map<Role, ArmPlan> byRole = new HashMap<>();
    for (Arm arm : route.getArmsList()) {
      String name = model + " arm '" + arm.getName() + "'";
      checkArm(name, arm);
      check(
          !arm.hasFault() || route.getOnControlLoss() != ControlLoss.HOLD,
          name
              + " has faults injected in a route that holds when the controller is lost (expected:"
              + " champion-only)");
      ArmPlan plan = ArmPlan.of(route.getModel(), arm);
      check(arms.put(arm.getName(), plan) == null, name + " is listed twice");
      boolean answers =
          arm.getRole() == Role.CHAMPION
              || arm.getRole() == Role.CANARY
              || arm.getRole() == Role.CONTROL
              || arm.getRole() == Role.BENCHMARK;
      check(
          byRole.put(arm.getRole(), plan) == null || !answers,
          model + " has more than one arm of role " + arm.getRole());
    }
    ArmPlan champion = byRole.get(Role.CHAMPION);
    if (champion == null) {
      throw new TableException(model + " has no champion");
    }
    long shares = (long) weight(route.getCanaryWeightBp()) + weight(route.getControlWeightBp());
    check(shares <= WHOLE, model + " gives away " + shares + "/10000 (expected: at most 10000)");
    ArmPlan canary = byRole.get(Role.CANARY);
    ArmPlan control = byRole.get(Role.CONTROL);
    check(route.getCanaryWeightBp() == 0 || canary != null, model + " has no canary to weigh");
    check(route.getControlWeightBp() == 0 || control != null, model + " has no control to weigh");
    checkHedging(model, route);
    if (route.hasContract()) {
      Contracts.verify(model, route.getContract());
    }
    SplitCheck.problems(
        route,
        (key, text) -> {
          throw new TableException(model + " " + key + ": " + text);
        });
    AnswerGuard guard = new AnswerGuard(route.getModel(), route.getContract());
    ArmPlan benchmark = byRole.get(Role.BENCHMARK);
    check(
        benchmark != null || !guard.asksBenchmark(),
        model + " has a contract that asks a benchmark, but no arm of role BENCHMARK");
    boolean strict =
        route.getLineageOverflow() == LineageOverflow.LINEAGE_BLOCK
            || route.getLineageOverflow() == LineageOverflow.LINEAGE_REFUSE;
    check(
        lineageIsKept || !strict,
        model + " demands lineage of every call, but this router has no collector");
    return new ModelPlan(
        route,
        signature(model, route),
        champion,
        canary,
        control,
        copies(model, route, arms),
        Selection.of(route, arms),
        new Split(route.getSalt()),
        new Disclosure(route.getContract(), route.getSalt()),
        ContractCheck.of(route.getContract()),
        guard,
        benchmark,
        Set.of());
  }

  private static int weight(int bp) {
    // Unsigned on the wire: a negative int is a huge weight.
    return bp < 0 ? Integer.MAX_VALUE : bp;
  }

  private static void checkArm(String name, Arm arm) {
    check(!arm.getName().isEmpty(), name + " has no name");
    check(
        switch (arm.getRole()) {
          case CHAMPION, CANARY, SHADOW, CONTROL, MIRRORED_CONTROL, BENCHMARK -> true;
          default -> false;
        },
        name + " has no role");
    check(isInteger(arm.getVersion()), name + " asks for version '" + arm.getVersion() + "'");
    checkFault(name, arm);
    checkEndpoints(name, arm);
  }

  private static void checkEndpoints(String name, Arm arm) {
    check(arm.getEndpointsCount() > 0, name + " has no endpoints");
    for (String endpoint : arm.getEndpointsList()) {
      try {
        var _ = Target.parse(endpoint);
      } catch (IllegalArgumentException e) {
        throw new TableException(name + " has endpoint " + e.getMessage());
      }
    }
  }

  private static void checkHedging(String model, ModelRoute route) {
    long delayMs = route.getHedging().getDelayMs();
    check(
        delayMs >= 0 && delayMs <= MOST_DELAY_MS,
        model
            + " hedges after "
            + Long.toUnsignedString(delayMs)
            + " ms (expected: 0 to "
            + MOST_DELAY_MS
            + ")");
    check(
        weight(route.getHedging().getBudgetBp()) <= WHOLE,
        model + " hedges more than the whole of its traffic");
  }

  private static void checkFault(String name, Arm arm) {
    if (!arm.hasFault()) {
      return;
    }
    check(
        arm.getRole() == Role.CANARY || arm.getRole() == Role.SHADOW,
        name + " has faults injected (expected: only a canary or a shadow has)");
    check(
        weight(arm.getFault().getErrorsBp()) <= WHOLE
            && weight(arm.getFault().getDelayBp()) <= WHOLE,
        name + " has faults injected into more than the whole of its traffic");
    long delayMs = arm.getFault().getDelayMs();
    check(
        delayMs >= 0 && delayMs <= MOST_DELAY_MS,
        name
            + " has answers held back for "
            + Long.toUnsignedString(delayMs)
            + " ms (expected: 0 to "
            + MOST_DELAY_MS
            + ")");
  }

  private static List<ArmPlan> copies(String model, ModelRoute route, Map<String, ArmPlan> arms) {
    List<ArmPlan> copies = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (String name : route.getMirror().getArmsList()) {
      ArmPlan arm = arms.get(name);
      if (arm == null) {
        throw new TableException(model + " mirrors to unknown arm '" + name + "'");
      }
      check(
          arm.role() == Role.SHADOW || arm.role() == Role.MIRRORED_CONTROL,
          model + " mirrors to arm '" + name + "' of role " + arm.role());
      check(seen.add(name), model + " mirrors twice to arm '" + name + "'");
      copies.add(arm);
    }
    check(
        weight(route.getMirror().getFractionBp()) <= WHOLE,
        model + " mirrors more than the whole of its traffic");
    double most = route.getMirror().getMostPerSecond();
    check(
        Double.isFinite(most) && most >= 0,
        model + " mirrors at most " + most + " requests per second (expected: 0 or more)");
    return List.copyOf(copies);
  }

  private static @Nullable SignatureCheck signature(String model, ModelRoute route) {
    if (!route.hasSignature()) {
      return null;
    }
    try {
      Signature signature =
          Signature.of(
              route.getSignature().getMetadata().toBuilder().setName(route.getModel()).build(),
              route.getSignature().getMaxBatchSize());
      ContractCheck contract = ContractCheck.of(route.getContract());
      String misfit = contract == null ? null : contract.misfit(signature);
      check(misfit == null, model + " has a contract that " + misfit);
      return new SignatureCheck(signature);
    } catch (IllegalArgumentException e) {
      throw new TableException(model + " has a signature that cannot be used: " + e.getMessage());
    }
  }

  /** Whether a text is a version number. */
  public static boolean isInteger(String version) {
    return !version.isEmpty()
        && version.length() <= 18
        && version.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  static void check(boolean ok, String text) {
    if (!ok) {
      throw new TableException(text);
    }
  }
}
