package dev.understudy.router.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
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
}
