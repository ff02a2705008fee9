package dev.understudy.rollout.plan;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.Section;
import dev.understudy.proto.v1.ControlLoss;
import dev.understudy.proto.v1.Drill;
import dev.understudy.proto.v1.InjectedFault;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.rollout.policy.Steps;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a rollout plan from YAML. Everything wrong is reported at once, with its line. What a plan
 * leaves out is filled in here, so that the finished {@link RolloutPlan} says all that was decided
 * and its digest covers the defaults too.
 *
 * <pre>{@code
 * model: fraud-detector
 * challenger: "2"
 * intent: improved                 # or equivalent
 * steps:
 *   - {mirror: 100%, minDuration: 30s, minSamples: 1000, maxDuration: 10m}
 *   - {setWeight: 5%}
 *   - {pause: 10s}                 # pause: {} waits until it is promoted by hand
 *   - {setWeight: 50%}
 * prove:
 *   failures: {margin: 1%, critical: true}
 *   changedDecisions: {band: 5%}
 * }</pre>
 *
 * <p>The environment of the process is never read: a plan comes from a caller.
 */
public final class PlanFile {
  /** The longest plan, in characters. */
  public static final int MAX_CHARACTERS = 64 << 10;

  /** The most steps of a plan. */
  public static final int MAX_STEPS = 64;

  static final double DEFAULT_ALPHA = 0.01;
  static final double DEFAULT_BETA = 0.05;
  static final double DEFAULT_ALPHA_SPLIT = 0.001;
  static final Duration DEFAULT_WATCH = Duration.ofMinutes(1);
  static final int DEFAULT_GUARD_FAILURES = 20;
  static final int DEFAULT_GUARD_SECONDS = 5;
  static final double DEFAULT_KEEP = 0.05;
  private static final double MOST_KEPT = 0.5;
  private static final Duration LEAST_WATCH = Duration.ofSeconds(1);
  private static final Duration MOST_DELAY = Duration.ofSeconds(60);
  private static final Duration DEFAULT_MIN_DURATION = Duration.ofSeconds(30);
  private static final Duration DEFAULT_MAX_DURATION = Duration.ofHours(1);
  private static final int DEFAULT_MIN_SAMPLES = 100;
  private static final int BP = 10_000;

  private static final Pattern VERSION = Pattern.compile("[1-9]\\d{0,17}");
  private static final Pattern METADATA_KEY = Pattern.compile("[0-9a-z_.-]{1,64}");
  private static final Set<String> CONTROLS = Set.of("live", "mirrored", "none");

  private enum Intents {
    IMPROVED,
    EQUIVALENT
  }

  private enum Units {
    REQUEST,
    KEY
  }

  private enum Losses {
    CHAMPION_ONLY,
    HOLD
  }

  private PlanFile() {}

  /**
   * Reads a plan.
   *
   * @param name stands in the messages where a file name would
   * @param hasControlFleet says of a model whether a live control arm can be had; the default of
   *     {@code control}
   * @throws ConfigException with all problems at once
   */
  public static RolloutPlan parse(String name, String yaml, Predicate<String> hasControlFleet) {
    if (yaml.length() > MAX_CHARACTERS) {
      throw new ConfigException(
          name + ": " + yaml.length() + " characters (expected: at most " + MAX_CHARACTERS + ")");
    }
    return ConfigFile.parse(name, yaml, Map.of(), root -> read(root, hasControlFleet));
  }

  private static RolloutPlan read(Section root, Predicate<String> hasControlFleet) {
    RolloutPlan.Builder plan = RolloutPlan.newBuilder();
    plan.setModel(root.string("model"));
    String challenger = root.string("challenger");
    if (!challenger.isEmpty() && !VERSION.matcher(challenger).matches()) {
      root.problem("challenger", "'" + challenger + "' (expected: a version number such as \"2\")");
    }
    plan.setChallengerVersion(challenger);

    Preset preset = preset(root, plan);
    intent(root, plan, preset);
    control(root, plan, hasControlFleet);
    unit(root, plan);
    steps(root, plan, preset);
    plan.setAlpha(probability(root, "alpha", DEFAULT_ALPHA));
    plan.setBeta(probability(root, "beta", DEFAULT_BETA));
    plan.setAlphaSplit(probability(root, "alphaSplit", DEFAULT_ALPHA_SPLIT));
    Metrics.read(root, plan);
    watch(root, plan, preset, hasControlFleet);
    Section guard = root.section("guard");
    plan.setGuardConsecutiveFailures(
        guard.integer("consecutiveFailures", DEFAULT_GUARD_FAILURES, 1, 1_000_000));
    plan.setGuardUnavailableSeconds(
        guard.integer("unavailableSeconds", DEFAULT_GUARD_SECONDS, 1, 3_600));
    plan.setOnControlLoss(
        root.choice("onControlLoss", Losses.class, Losses.CHAMPION_ONLY) == Losses.HOLD
            ? ControlLoss.HOLD
            : ControlLoss.CHAMPION_ONLY);
    // Rescuing the canary's whole share gives the champion no more than it had before the rollout.
    plan.setFailoverBp(basisPoints(root.ratio("failover", 1)));
    plan.setTryTimeoutMs(root.duration("tryTimeout", Duration.ZERO).toMillis());
    plan.setPayloadSampleBp(basisPoints(root.ratio("payloads", 0)));
    drill(root, plan);
    checkReach(root, plan);
    return plan.build();
  }

  /**
   * How long a promotion is watched, and the share that the former champion keeps meanwhile. With a
   * control fleet, which holds the former champion anyway, a share is kept unless the plan says
   * otherwise; without one the champion's servers, which hold both versions, would serve it, and
   * that is for the plan to ask for. Callers with sticky keys are not moved back by default.
   */
  private static void watch(
      Section root,
      RolloutPlan.Builder plan,
      @Nullable Preset preset,
      Predicate<String> hasControlFleet) {
    Duration length = preset == null ? DEFAULT_WATCH : preset.watch();
    boolean spare = hasControlFleet.test(plan.getModel());
    double keep = spare && plan.getUnit() == RandomisationUnit.REQUEST ? DEFAULT_KEEP : 0;
    if (!root.has("watch") || root.isScalar("watch")) {
      length = root.duration("watch", length);
    } else {
      Section watch = root.section("watch");
      length = watch.duration("for", length);
      keep = watch.ratio("keep", keep);
      if (keep > MOST_KEPT) {
        watch.problem("keep", percent(basisPoints(keep)) + " (expected: at most 50 %)");
      }
      if (keep > 0 && length.compareTo(LEAST_WATCH) < 0 && watch.has("keep")) {
        watch.problem("keep", "with a watch under 1s (expected: for: 1s at least, or keep: 0%)");
      }
    }
    plan.setWatchMs(length.toMillis());
    plan.setWatchKeptBp(length.compareTo(LEAST_WATCH) < 0 ? 0 : basisPoints(keep));
  }

  /** A rehearsal: the champion against itself, perhaps with faults injected at the router. */
  private static void drill(Section root, RolloutPlan.Builder plan) {
    if (!root.has("drill")) {
      return;
    }
    Section section = root.section("drill");
    int errors = basisPoints(section.ratio("errors", 0));
    Duration delay = section.duration("delay", Duration.ZERO);
    int delayed = basisPoints(section.ratio("delayShare", delay.isZero() ? 0 : 1));
    if (delay.compareTo(MOST_DELAY) > 0) {
      section.problem("delay", delay.toSeconds() + "s (expected: at most 60s)");
    }
    if (delayed > 0 == delay.isZero()) {
      section.problem("delayShare", "without its other half (expected: delay and a share above 0)");
    }
    Drill.Builder drill = Drill.newBuilder();
    if (errors > 0 || delayed > 0) {
      drill.setFault(
          InjectedFault.newBuilder()
              .setErrorsBp(errors)
              .setDelayBp(delayed)
              .setDelayMs(delay.toMillis()));
      if (plan.getStepsList().stream().noneMatch(step -> step.getSetWeightBp() > 0)) {
        section.problem(
            errors > 0 ? "errors" : "delay", "spoils nothing (expected: a setWeight step above 0)");
      }
    }
    // Nobody may be there to end a drill: neither a person at a step nor the controller.
    if (plan.getStepsList().stream()
        .anyMatch(step -> step.getStepCase() == Step.StepCase.PAUSE_MS && step.getPauseMs() == 0)) {
      root.problem("steps", "a pause without an end (expected: a duration, as in every drill)");
    }
    if (plan.getOnControlLoss() == ControlLoss.HOLD) {
      root.problem(
          "onControlLoss",
          "hold, with a drill (expected: champion-only, so that it ends when the controller is"
              + " lost)");
    }
    plan.setDrill(drill);
  }

  private static @Nullable Preset preset(Section root, RolloutPlan.Builder plan) {
    String name = root.optionalString("preset");
    if (name == null) {
      return null;
    }
    Preset preset = Preset.named(name);
    if (preset == null) {
      root.problem("preset", "'" + name + "' (expected: one of " + Preset.names() + ")");
      return null;
    }
    plan.setPreset(name);
    return preset;
  }

  private static void intent(Section root, RolloutPlan.Builder plan, @Nullable Preset preset) {
    if (!root.has("intent") && preset == null) {
      root.problem("intent", "is missing (expected: one of improved, equivalent)");
      return;
    }
    Intents intent = root.choice("intent", Intents.class, Intents.EQUIVALENT);
    plan.setIntent(intent == Intents.IMPROVED ? Intent.IMPROVED : Intent.EQUIVALENT);
  }

  private static void control(
      Section root, RolloutPlan.Builder plan, Predicate<String> hasControlFleet) {
    if (!root.has("control")) {
      plan.setLiveControl(hasControlFleet.test(plan.getModel()));
      return;
    }
    List<String> words =
        root.isScalar("control")
            ? List.of(root.string("control").strip())
            : root.strings("control");
    Set<String> kinds = new LinkedHashSet<>();
    for (String word : words) {
      String kind = word.toLowerCase(Locale.ROOT);
      if (!CONTROLS.contains(kind)) {
        root.problem("control", "'" + word + "' (expected: live, mirrored, none, or a list)");
      } else if (!kinds.add(kind)) {
        root.problem("control", "'" + word + "' stands twice");
      }
    }
    if (kinds.contains("none") && kinds.size() > 1) {
      root.problem("control", kinds + " (expected: none alone, or live and mirrored)");
    }
    plan.setLiveControl(kinds.contains("live"));
    plan.setMirroredControl(kinds.contains("mirrored"));
    if (plan.getLiveControl() && !hasControlFleet.test(plan.getModel())) {
      root.problem(
          "control",
          "live, but no control fleet is configured for model '"
              + plan.getModel()
              + "' (expected: models."
              + plan.getModel()
              + ".fleets.control in the controller's configuration, or control: none)");
    }
  }

  private static void unit(Section root, RolloutPlan.Builder plan) {
    boolean byKey = root.choice("unit", Units.class, Units.REQUEST) == Units.KEY;
    plan.setUnit(byKey ? RandomisationUnit.KEY : RandomisationUnit.REQUEST);
    String key = root.string("keyMetadata", "");
    if (byKey && !METADATA_KEY.matcher(key).matches()) {
      root.problem(
          "keyMetadata",
          "'" + key + "' (expected: the request metadata that carries the key, in lower case)");
    } else if (!byKey && !key.isEmpty()) {
      root.problem("keyMetadata", "'" + key + "' (expected: only with unit: key)");
    }
    plan.setKeyMetadata(key);
  }

  private static void steps(Section root, RolloutPlan.Builder plan, @Nullable Preset preset) {
    List<Section> sections = root.sections("steps");
    if (sections.isEmpty()) {
      if (preset != null && !root.has("steps")) {
        plan.addAllSteps(preset.steps());
      } else {
        root.problem("steps", "are missing (expected: at least one of mirror, setWeight)");
      }
      return;
    }
    if (sections.size() > MAX_STEPS) {
      root.problem("steps", sections.size() + " steps (expected: at most " + MAX_STEPS + ")");
    }
    int weightBefore = 0;
    for (Section section : sections) {
      Step step = step(section, weightBefore, plan.getLiveControl());
      weightBefore = Math.max(weightBefore, step.getSetWeightBp());
      plan.addSteps(step);
    }
    if (plan.getStepsList().stream().allMatch(s -> s.getStepCase() == Step.StepCase.PAUSE_MS)) {
      root.problem("steps", "only pauses (expected: at least one of mirror, setWeight)");
    }
  }

  private static Step step(Section section, int weightBefore, boolean liveControl) {
    Step.Builder step = Step.newBuilder();
    boolean mirror = section.has("mirror");
    boolean weight = section.has("setWeight");
    boolean pause = section.has("pause");
    if ((mirror ? 1 : 0) + (weight ? 1 : 0) + (pause ? 1 : 0) != 1) {
      section.problem(
          mirror ? "mirror" : "setWeight",
          "a step is exactly one of mirror, setWeight, pause (found: "
              + String.join(", ", section.keys())
              + ")");
      // Known keys all the same, so that they are not called unknown as well.
    }
    if (pause && section.isScalar("pause")) {
      step.setPauseMs(Math.max(1, section.duration("pause", Duration.ofSeconds(1)).toMillis()));
    } else if (pause) {
      Section inner = section.section("pause");
      step.setPauseMs(inner.duration("duration", Duration.ZERO).toMillis());
    }
    if (mirror) {
      step.setSetMirrorBp(basisPoints(section.ratio("mirror", 1)));
    }
    if (weight) {
      step.setSetWeightBp(weight(section, weightBefore, liveControl));
    }
    if (mirror || weight) {
      bounds(section, step);
    }
    return step.build();
  }

  private static int weight(Section section, int weightBefore, boolean liveControl) {
    int weight = basisPoints(section.ratio("setWeight", 0.01));
    if (weight <= weightBefore) {
      section.problem(
          "setWeight",
          percent(weight)
              + " (expected: more than the step before, "
              + percent(weightBefore)
              + ")");
    }
    if (liveControl && weight > BP / 2) {
      section.problem(
          "setWeight",
          percent(weight)
              + " (expected: at most 50 % with a live control, which gets the same share)");
    }
    return weight;
  }

  private static void bounds(Section section, Step.Builder step) {
    Duration min = section.duration("minDuration", DEFAULT_MIN_DURATION);
    Duration max =
        section.duration(
            "maxDuration",
            min.compareTo(DEFAULT_MAX_DURATION) < 0 ? DEFAULT_MAX_DURATION : min.multipliedBy(2));
    if (max.compareTo(min) < 0) {
      section.problem(
          "maxDuration",
          dev.understudy.chassis.config.Units.format(max)
              + " (expected: at least minDuration, "
              + dev.understudy.chassis.config.Units.format(min)
              + ")");
    }
    step.setMinDurationMs(min.toMillis());
    step.setMaxDurationMs(Math.max(1, max.toMillis()));
    step.setMinSamples(
        section.longInteger("minSamples", DEFAULT_MIN_SAMPLES, 0, 1_000_000_000_000L));
  }

  /** A critical metric that no step can measure would never stop anything. */
  private static void checkReach(Section root, RolloutPlan.Builder plan) {
    if (plan.getStepsCount() == 0) {
      return;
    }
    RolloutPlan built = plan.build();
    for (var metric : built.getMetricsList()) {
      boolean reached = false;
      for (int i = 0; i < built.getStepsCount(); i++) {
        reached |= !Steps.isPause(built, i) && Steps.measurable(built, i, metric.getKind());
      }
      if (metric.getCritical() && !reached) {
        root.problem(
            "steps",
            "critical metric "
                + metric.getName()
                + " is measured at no step (expected: "
                + switch (metric.getKind()) {
                  case LATENCY -> "a setWeight step, control: live and unit: request";
                  case DIVERGENCE, CHANGED_DECISIONS -> "a mirror step";
                  default -> "a mirror or setWeight step above 0 %";
                }
                + ")");
      }
    }
  }

  private static double probability(Section root, String key, double fallback) {
    double value = root.real(key, fallback, 0, 1);
    if (!(value >= 1e-12 && value <= 0.5)) {
      root.problem(key, value + " (expected: 1e-12..0.5)");
      return fallback;
    }
    return value;
  }

  static int basisPoints(double ratio) {
    return (int) Math.round(ratio * BP);
  }

  private static String percent(int basisPoints) {
    double percent = basisPoints / 100.0;
    return (percent == Math.rint(percent)
            ? String.valueOf((long) percent)
            : String.valueOf(percent))
        + " %";
  }
}
