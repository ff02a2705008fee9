package dev.understudy.rollout.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.proto.v1.WatchSpec;
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

  private static final String SHORT = "{model: m, challenger: 2, preset: safe-default%s}";

  private static RolloutPlan with(String more) {
    return parse(SHORT.formatted(more));
  }

  private static String problem(String more) {
    return String.join("\n", assertThrows(ConfigException.class, () -> with(more)).problems());
  }

  @Test
  void severalLossesAreJudgedBesideEachOtherEachInItsUnit() {
    RolloutPlan plan =
        with(
            """
            , prove: {quality: [
              {loss: log, margin: 0.5},
              {loss: value, name: money, margin: -3, critical: true,
               values: {truePositive: 90, falsePositive: -5, trueNegative: 0, falseNegative: -100}},
              {}]}\
            """);
    List<MetricSpec> qualities =
        plan.getMetricsList().stream().filter(m -> m.getKind() == MetricKind.QUALITY).toList();
    assertEquals(
        List.of("quality-log", "money", "quality-brier"),
        qualities.stream().map(MetricSpec::getName).toList());
    assertEquals(Loss.LOG, qualities.get(0).getLoss());
    assertEquals(0.5, qualities.get(0).getMargin());
    MetricSpec money = qualities.get(1);
    assertEquals(Loss.VALUE, money.getLoss());
    assertEquals(-3, money.getMargin(), "a rise of the mean value by 3 is claimed");
    assertEquals(0, money.getLimit());
    assertEquals(-100, money.getValue().getFalseNegative());
    assertEquals(0.002, qualities.get(2).getMargin());
    assertEquals(
        "quality",
        metric(with(", prove: {quality: {loss: zero-one}}"), MetricKind.QUALITY).getName());
  }

  @Test
  void marginOfALossIsLessThanTheGreatestLossThereIs() {
    String values =
        "values: {truePositive: 1, falsePositive: -1, trueNegative: 0, falseNegative: 0}";
    assertEquals(
        1.9,
        metric(
                with(", prove: {quality: {loss: value, margin: 1.9, " + values + "}}"),
                MetricKind.QUALITY)
            .getMargin());
    for (String[] wrong :
        new String[][] {
          {"{loss: value, margin: 2, " + values + "}", "less than 2.0"},
          {"{loss: value, " + values + "}", "prove.quality.margin: is missing"},
          {"{loss: value, margin: 1}", "values.falseNegative: is missing"},
          {
            "{loss: value, margin: 1, values:"
                + " {truePositive: 1, falsePositive: 1, trueNegative: 1, falseNegative: 1}}",
            "all values are equal"
          },
          {"{loss: brier, margin: 1}", "less than 1.0"},
          {"{loss: log, margin: 7}", "less than 6.9"},
          {"{loss: brier, " + values + "}", "only with loss: value"},
          {"[{loss: log}, {loss: log}]", "a name that no other metric has"},
          {"[{name: latency}]", "a name that no other metric has"},
          {"[{name: 'a b'}]", "letters, digits"}
        }) {
      String problem = problem(", prove: {quality: " + wrong[0] + "}");
      assertTrue(problem.contains(wrong[1]), wrong[0] + ": " + problem);
    }
  }

  @Test
  void formerChampionKeepsAShareOfTheWatchWhereAFleetHoldsIt() {
    assertEquals(500, with("").getWatchKeptBp());
    assertEquals(600_000, with("").getWatchMs());
    assertEquals(500, with(", watch: 90s").getWatchKeptBp());
    RolloutPlan said = with(", watch: {for: 20m, keep: 12%}");
    assertEquals(1_200, said.getWatchKeptBp());
    assertEquals(1_200_000, said.getWatchMs());
    assertEquals(0, with(", watch: {keep: 0%}").getWatchKeptBp());
    assertEquals(0, with(", watch: 0s").getWatchKeptBp());
    assertEquals(0, with(", unit: key, keyMetadata: x-id").getWatchKeptBp());
    String without = SHORT.formatted("");
    assertEquals(0, PlanFile.parse("plan.yaml", without, model -> false).getWatchKeptBp());
    assertEquals(
        800,
        PlanFile.parse("plan.yaml", SHORT.formatted(", watch: {keep: 8%}"), model -> false)
            .getWatchKeptBp(),
        "the champion's servers hold both versions");
    assertTrue(problem(", watch: {keep: 60%}").contains("at most 50 %"));
    assertTrue(problem(", watch: {for: 10ms, keep: 5%}").contains("1s at least"));
    WatchSpec watch = Plans.watch(said, 77);
    assertEquals(1_200, watch.getHorizonSeconds());
    assertEquals(1_200, watch.getKeptBp());
    assertEquals(77, watch.getStartedUnixMs());
    assertEquals(0.01, watch.getAlpha());
  }

  @Test
  void drillIsReadWithItsFaultAndSaidToTheJudge() {
    RolloutPlan quiet = with(", drill: {}");
    assertTrue(quiet.hasDrill());
    assertFalse(quiet.getDrill().hasFault());
    RolloutPlan loud = with(", drill: {errors: 20%, delay: 50ms}");
    assertEquals(
        InjectedFault.newBuilder().setErrorsBp(2_000).setDelayBp(10_000).setDelayMs(50).build(),
        loud.getDrill().getFault());
    assertFalse(with("").hasDrill());
    assertEquals(
        List.of(true, false),
        java.util.stream.Stream.of(loud, with(""))
            .map(p ->
                Plans.evaluation(p, "r", 1, "2", "", "", DataContract.getDefaultInstance(), 0, 0))
            .map(EvaluationSpec::getDrill)
            .toList());
    assertNotEquals(Plans.digest(quiet), Plans.digest(loud));
    assertNotEquals(Plans.digest(quiet), Plans.digest(with("")));
    assertTrue(problem(", drill: {delayShare: 10%}").contains("delayShare"));
    assertTrue(problem(", drill: {delay: 61s}").contains("at most 60s"));
    assertTrue(problem(", drill: {errors: 5%}, steps: [{mirror: 10%}]").contains("spoils nothing"));
  }

  @Test
  void drillWaitsForNobodyAndEndsWhenTheControllerIsLost() {
    assertTrue(problem(", drill: {}, onControlLoss: hold").contains("champion-only"));
    String steps = ", drill: {}, steps: [{mirror: 9%}, {setWeight: 5%}, {pause: %s}]";
    assertTrue(problem(steps.replace("%s", "{}")).contains("a pause without an end"));
    assertTrue(with(steps.replace("%s", "10s")).hasDrill());
    assertFalse(with(", onControlLoss: hold").hasDrill());
  }

  @Test
  void guardKnowsHowLongAChallengerMayBeOutOfReach() {
    assertEquals(5, with("").getGuardUnavailableSeconds());
    RolloutPlan plan = with(", guard: {unavailableSeconds: 9}");
    assertEquals(9, plan.getGuardUnavailableSeconds());
    assertEquals(
        9,
        Plans.evaluation(plan, "r", 1, "1", "", "", DataContract.getDefaultInstance(), 0, 0)
            .getGuardUnavailableSeconds());
  }

  @Test
  void judgeIsToldTheLongestAttemptOfThePlanElseTheModelElseTheRouter() {
    RolloutPlan silent = with("");
    RolloutPlan says = with(", tryTimeout: 1s");
    DataContract none = DataContract.getDefaultInstance();
    assertEquals(
        1_000, Plans.evaluation(says, "r", 1, "1", "", "", none, 250, 0).getLongestAttemptMs());
    assertEquals(
        250, Plans.evaluation(silent, "r", 1, "1", "", "", none, 250, 0).getLongestAttemptMs());
    assertEquals(
        5_000, Plans.evaluation(silent, "r", 1, "1", "", "", none, 0, 0).getLongestAttemptMs());
  }

  @Test
  void digestCoversDefaultsAndNothingElse() {
    String once = Plans.digest(parse(FULL));
    assertEquals(64, once.length());
    assertEquals(once, Plans.digest(parse("# a comment\n" + FULL)));
    assertNotEquals(once, Plans.digest(parse(FULL.replace("45s", "46s"))));
  }
}
