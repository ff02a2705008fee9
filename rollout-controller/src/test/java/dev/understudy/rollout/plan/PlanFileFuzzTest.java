package dev.understudy.rollout.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.policy.Steps;
import java.nio.charset.StandardCharsets;

class PlanFileFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void anyTextIsAPlanThatCanBeCarriedOutOrIsRefusedWithProblems(byte[] bytes) {
    String yaml = new String(bytes, StandardCharsets.UTF_8);
    RolloutPlan plan;
    try {
      plan = PlanFile.parse("plan.yaml", yaml, model -> true);
    } catch (ConfigException e) {
      assertTrue(!e.problems().isEmpty());
      return;
    }
    assertTrue(plan.getStepsCount() > 0);
    for (int i = 0; i < plan.getStepsCount(); i++) {
      int canary = Steps.canaryWeightBp(plan, i);
      assertTrue(canary + (plan.getLiveControl() ? canary : 0) <= 10_000, "shares at step " + i);
    }
    assertTrue(plan.getAlpha() > 0 && plan.getAlpha() <= 0.5);
    assertEquals(64, Plans.digest(plan).length());
  }
}
