package dev.understudy.rollout.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.rollout.policy.Steps;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanFileTest {
  private static final String FULL =
      """
      model: fraud-detector
      challenger: "2"
      intent: improved
      steps:
        - {mirror: 100%, minDuration: 30s, minSamples: 1000, maxDuration: 10m}
        - {setWeight: 5%, minDuration: 20s, maxDuration: 5m}
        - {pause: 10s}
        - {setWeight: 25%}
        - {pause: {}}
        - {setWeight: 50%}
      prove:
        failures: {margin: 1%, critical: true}
        latency: {quantile: 95, tolerance: 25%}
        changedDecisions: {band: 5%}
        quality: {loss: brier, margin: 0.002}
        divergence: {margin: 0.01}
      alpha: 0.02
      beta: 0.1
      control: [live, mirrored]
      watch: 45s
      guard: {consecutiveFailures: 7}
      failover: 20%
      unit: key
      keyMetadata: x-customer
      """;

  private static RolloutPlan parse(String yaml) {
    return PlanFile.parse("plan.yaml", yaml, model -> true);
  }

  private static List<String> problems(String yaml) {
    return assertThrows(
            ConfigException.class, () -> PlanFile.parse("plan.yaml", yaml, model -> false))
        .problems();
  }

  private static MetricSpec metric(RolloutPlan plan, MetricKind kind) {
    return plan.getMetricsList().stream()
        .filter(m -> m.getKind() == kind)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void readsEveryKey() {
    RolloutPlan plan = parse(FULL);
    assertEquals("fraud-detector", plan.getModel());
    assertEquals("2", plan.getChallengerVersion());
    assertEquals(Intent.IMPROVED, plan.getIntent());
    assertEquals(6, plan.getStepsCount());
    assertEquals(
        Step.newBuilder()
            .setSetMirrorBp(10_000)
            .setMinDurationMs(30_000)
            .setMinSamples(1_000)
            .setMaxDurationMs(600_000)
            .build(),
        plan.getSteps(0));
    assertEquals(500, plan.getSteps(1).getSetWeightBp());
    assertEquals(10_000, plan.getSteps(2).getPauseMs());
    assertEquals(Step.StepCase.PAUSE_MS, plan.getSteps(4).getStepCase());
    assertEquals(0, plan.getSteps(4).getPauseMs());
    assertEquals(0.02, plan.getAlpha());
    assertEquals(0.1, plan.getBeta());
    assertTrue(plan.getLiveControl());
    assertTrue(plan.getMirroredControl());
    assertEquals(45_000, plan.getWatchMs());
    assertEquals(7, plan.getGuardConsecutiveFailures());
    assertEquals(2_000, plan.getFailoverBp());
    assertEquals(RandomisationUnit.KEY, plan.getUnit());
    assertEquals("x-customer", plan.getKeyMetadata());
    assertEquals(0.01, metric(plan, MetricKind.FAILURES).getMargin());
    assertEquals(1, metric(plan, MetricKind.FAILURES).getLimit());
    assertEquals(0.95, metric(plan, MetricKind.LATENCY).getQuantile());
    assertEquals(0.25, metric(plan, MetricKind.LATENCY).getMargin());
    assertTrue(metric(plan, MetricKind.CHANGED_DECISIONS).getCritical());
    assertEquals(0.05, metric(plan, MetricKind.CHANGED_DECISIONS).getLimit());
    assertEquals(Loss.BRIER, metric(plan, MetricKind.QUALITY).getLoss());
    assertEquals(0.002, metric(plan, MetricKind.QUALITY).getMargin());
    assertFalse(metric(plan, MetricKind.DIVERGENCE).getCritical());
  }

  @Test
  void differenceOfABetterModelInformsAndDoesNotCountAgainstIt() {
    assertEquals(0, metric(parse(FULL), MetricKind.DIVERGENCE).getWeight());
    RolloutPlan same =
        parse(
            "{model: m, challenger: 2, intent: equivalent, steps: [{mirror: 100%}, {setWeight:"
                + " 50%}]}");
    assertEquals(1, metric(same, MetricKind.DIVERGENCE).getWeight());
    assertTrue(metric(same, MetricKind.DIVERGENCE).getCritical());
  }

  @Test
  void threeLinesAreEnoughWithThePreset() {
    RolloutPlan plan = parse("model: m\nchallenger: 2\npreset: safe-default\n");
    assertEquals("safe-default", plan.getPreset());
    assertEquals(Intent.EQUIVALENT, plan.getIntent());
    assertEquals(5, plan.getStepsCount());
    assertEquals(5_000, plan.getSteps(4).getSetWeightBp());
    assertEquals(0.01, plan.getAlpha());
    assertEquals(0.05, plan.getBeta());
    assertEquals(0.001, plan.getAlphaSplit());
  }

  @Test
  void latencyIsCriticalOnlyWithALiveControl() {
    String yaml = "{model: m, challenger: 2, preset: safe-default}";
    assertTrue(metric(parse(yaml), MetricKind.LATENCY).getCritical());
    RolloutPlan without = PlanFile.parse("plan.yaml", yaml, model -> false);
    assertFalse(without.getLiveControl());
    assertFalse(metric(without, MetricKind.LATENCY).getCritical());
  }

  @Test
  void latencyIsNeverCriticalWithStickyKeys() {
    String yaml = "{model: m, challenger: 2, preset: safe-default, unit: key, keyMetadata: x-id%s}";
    RolloutPlan plan = parse(yaml.formatted(""));
    assertTrue(plan.getLiveControl());
    assertFalse(metric(plan, MetricKind.LATENCY).getCritical());
    for (int step = 0; step < plan.getStepsCount(); step++) {
      assertFalse(Steps.measurable(plan, step, MetricKind.LATENCY), "step " + step);
    }
    String claimed = yaml.formatted(", prove: {latency: {critical: true}}");
    List<String> problems = assertThrows(ConfigException.class, () -> parse(claimed)).problems();
    assertTrue(problems.getFirst().contains("unit: request"), problems.toString());
  }

  @Test
  void everythingWrongIsSaidAtOnceWithItsLine() {
    List<String> problems =
        problems(
            """
            model: m
            challenger: latest
            steps:
              - {setWeight: 25%}
              - {setWeight: 25%}
              - {setWeight: 60%, minDuration: 5m, maxDuration: 1m}
              - {mirror: 10%, pause: 5s}
            prove:
              failures: {critical: false, margin: 0}
              changedDecisions: {}
            alpha: 0.7
            control: [live, sideways]
            wathc: 60s
            """);
    for (String expected :
        List.of(
            "plan.yaml:2: challenger: 'latest'",
            "intent: is missing",
            "plan.yaml:5: steps[1].setWeight: 25 % (expected: more than the step before, 25 %)",
            "plan.yaml:6: steps[2].setWeight: 60 % (expected: at most 50 %",
            "plan.yaml:6: steps[2].maxDuration",
            "plan.yaml:7: steps[3].mirror: a step is exactly one of",
            "plan.yaml:9: prove.failures.margin",
            "plan.yaml:10: prove.changedDecisions.band: is missing",
            "plan.yaml:11: alpha: 0.7",
            "plan.yaml:12: control: 'sideways'",
            "plan.yaml:12: control: live, but no control fleet",
            "plan.yaml:13: wathc: unknown key (did you mean 'watch'?)")) {
      assertTrue(
          problems.stream().anyMatch(p -> p.contains(expected)), expected + " not in " + problems);
    }
  }

  @Test
  void criticalMetricThatNoStepMeasuresIsRefused() {
    List<String> problems =
        problems("{model: m, challenger: 2, intent: equivalent, steps: [{setWeight: 5%}]}");
    assertEquals(1, problems.size(), problems.toString());
    assertTrue(
        problems.getFirst().contains("divergence is measured at no step (expected: a mirror step)"),
        problems.toString());
  }

  @Test
  void planWithoutAnyCriticalMetricIsRefused() {
    assertTrue(
        problems(
                "{model: m, challenger: 2, intent: improved, steps: [{setWeight: 5%}], prove:"
                    + " {failures: {critical: false}}}")
            .getFirst()
            .contains("nothing is critical"));
  }

  @Test
  void environmentOfTheControllerIsOutOfReach() {
    assertTrue(
        problems("{model: '${PATH}', challenger: 2, preset: safe-default}")
            .getFirst()
            .contains("PATH"));
  }

  @Test
  void hugePlanIsRefusedUnread() {
    assertTrue(problems("x".repeat(PlanFile.MAX_CHARACTERS + 1)).getFirst().contains("at most"));
  }

  @Test
  void digestCoversDefaultsAndNothingElse() {
    String once = Plans.digest(parse(FULL));
    assertEquals(64, once.length());
    assertEquals(once, Plans.digest(parse("# a comment\n" + FULL)));
    assertNotEquals(once, Plans.digest(parse(FULL.replace("45s", "46s"))));
  }
}
