package dev.understudy.router.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.Eligibility;
import dev.understudy.proto.v1.Holdout;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RouteRule;
import dev.understudy.proto.v1.RoutingTable;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TablesTest {
  private static Arm.Builder arm(String name, Role role) {
    return Arm.newBuilder().setName(name).setRole(role).setVersion("1").addEndpoints("h:1");
  }

  private static int compile(ControlLoss onLoss, Arm.Builder canary) {
    ModelRoute.Builder route =
        ModelRoute.newBuilder()
            .setModel("m")
            .setOnControlLoss(onLoss)
            .setCanaryWeightBp(100)
            .addArms(arm("champion", Role.CHAMPION))
            .addArms(canary);
    return Tables.compile(RoutingTable.newBuilder().addModels(route).build(), false).size();
  }

  @Test
  void faultsAreNotInjectedByARouteThatOutlivesItsController() {
    Arm.Builder plain = arm("canary", Role.CANARY);
    Arm.Builder spoiled = plain.clone().setFault(InjectedFault.newBuilder().setErrorsBp(1));
    assertEquals(1, compile(ControlLoss.HOLD, plain));
    assertEquals(1, compile(ControlLoss.CHAMPION_ONLY, spoiled));
    String refusal =
        String.valueOf(
            assertThrows(TableException.class, () -> compile(ControlLoss.HOLD, spoiled))
                .getMessage());
    assertTrue(refusal.contains("arm 'canary' has faults injected in a route that holds"), refusal);
  }

  private static String refusal(ModelRoute.Builder route) {
    route.setModel("m").addArms(arm("champion", Role.CHAMPION));
    RoutingTable table = RoutingTable.newBuilder().addModels(route).build();
    return String.valueOf(
        assertThrows(TableException.class, () -> Tables.compile(table, false)).getMessage());
  }

  @Test
  void rulesRangesAndHoldOutsThatCannotBeUsedAreRefused() {
    RouteRule.Builder rule = RouteRule.newBuilder().setName("r").addPrincipals("p");
    assertEquals(
        "model 'm' rules: rule 'r' names arm 'shadow' (expected: an arm that answers: champion,"
            + " canary or control)",
        refusal(ModelRoute.newBuilder().addRules(rule.setArm("shadow"))));
    assertEquals(
        "model 'm' experiment: from 6000 to 5000 of 10000 (expected: 0 <= from < to <= 10000)",
        refusal(
            ModelRoute.newBuilder()
                .setEligibility(
                    Eligibility.newBuilder().setLayer("l").setFromBp(6000).setToBp(5000))));
    assertEquals(
        "model 'm' holdout: share 20000 of 10000 (expected: 0 to 10000)",
        refusal(
            ModelRoute.newBuilder()
                .setHoldout(Holdout.newBuilder().setSalt("h").setShareBp(20_000))));
  }

  @Test
  void aRuleMayNameAnArmThatComesWithTheNextRollout() {
    RouteRule.Builder rule =
        RouteRule.newBuilder().setName("r").addPrincipals("p").setArm("canary");
    ModelRoute.Builder route =
        ModelRoute.newBuilder()
            .setModel("m")
            .addRules(rule)
            .addArms(arm("champion", Role.CHAMPION));
    RoutingTable table = RoutingTable.newBuilder().addModels(route).build();
    Selection selection = Objects.requireNonNull(Tables.compile(table, false).get("m")).selection();
    assertNull(selection.targets().getFirst().arm());
    assertNull(selection.heldOut());
    assertNull(selection.eligible());
  }

  @Test
  void whatPassesThroughDoesNotReachAListedModelByAnotherName() {
    ModelRoute route =
        ModelRoute.newBuilder()
            .setModel("m")
            .addArms(
                arm("champion", Role.CHAMPION)
                    .clearEndpoints()
                    .addEndpoints("b:1")
                    .setUpstreamModel("m_prod"))
            .addArms(
                arm("shadow", Role.SHADOW)
                    .clearEndpoints()
                    .addEndpoints("c:1")
                    .setUpstreamModel("m_next"))
            .build();
    RoutingTable table =
        RoutingTable.newBuilder()
            .addModels(route)
            .setPassThrough(PassThrough.newBuilder().addEndpoints("a:1").addEndpoints("b:1"))
            .build();
    Snapshot snapshot =
        new Snapshot(table, Tables.compile(table, false), Long.MAX_VALUE, true, Set.of());
    assertNull(snapshot.plan("m_prod"));
    assertEquals("*", Objects.requireNonNull(snapshot.plan("m_next")).label());
    assertEquals("*", Objects.requireNonNull(snapshot.plan("other")).label());
    assertEquals("m", Objects.requireNonNull(snapshot.plan("m")).label());
  }
}
