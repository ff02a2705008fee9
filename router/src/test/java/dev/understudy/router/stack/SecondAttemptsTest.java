package dev.understudy.router.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.testing.ManualScheduler;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.Hedging;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.upstream.UpstreamSettings;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SecondAttemptsTest {
  private static ModelPlan hedging(int budgetBp) {
    ModelRoute route =
        ModelRoute.newBuilder()
            .setModel("m")
            .addArms(
                Arm.newBuilder()
                    .setName("champion")
                    .setRole(Role.CHAMPION)
                    .setVersion("1")
                    .addEndpoints("h:1"))
            .setHedging(Hedging.newBuilder().setBudgetBp(budgetBp))
            .build();
    return Tables.compile(RoutingTable.newBuilder().addModels(route).build(), false, Set.of(""))
        .values()
        .iterator()
        .next();
  }

  @Test
  void anotherHedgeBudgetIsNoFreshStartForTheOthers() {
    ManualTime time = new ManualTime();
    SecondAttempts seconds =
        new SecondAttempts(
            new UpstreamSettings.Retries(0, 0, 0), 1, ManualScheduler.on(time), time);
    SecondAttempts.Budgets before = seconds.of(hedging(100));
    assertTrue(before.rescues.take());
    assertFalse(before.rescues.take());
    assertFalse(before.takeHedge());
    SecondAttempts.Budgets after = seconds.of(hedging(200));
    assertNotSame(before, after);
    assertSame(before.latency, after.latency);
    assertSame(before.retry, after.retry);
    assertFalse(after.rescues.take(), "it was taken under the table before");
    assertEquals(2, seconds.refusedRescues(), "each is counted once");
    assertEquals(1, seconds.refusedHedges());
    assertSame(after, seconds.of(hedging(200)));
  }

  @Test
  void aHedgeThatIsGivenBackCanBeTaken() {
    ManualTime time = new ManualTime();
    SecondAttempts seconds =
        new SecondAttempts(
            new UpstreamSettings.Retries(0, 0, 0), 1, ManualScheduler.on(time), time);
    SecondAttempts.Budgets budgets = seconds.of(hedging(10_000));
    budgets.earnHedge();
    assertTrue(budgets.takeHedge());
    budgets.giveBackHedge();
    assertTrue(budgets.takeHedge());
    assertFalse(budgets.takeHedge());
  }
}
