package dev.understudy.launcher.offline;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.evidence.fold.SpecCheck;
import dev.understudy.launcher.offline.OfflineException.Kind;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.plan.PlanFile;
import dev.understudy.rollout.plan.Plans;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What is judged: a plan's {@code prove}, applied to something other than a rollout. */
final class Judgement {
  private Judgement() {}

  /**
   * What a comparison is to show.
   *
   * @param plan a plan whose limits count, or null for those that rollouts have by default
   * @param control whether the champion answers twice
   * @param labels whether outcomes are known; then quality counts too
   * @param zeroOne whether outcomes are held against labels instead of probabilities
   */
  record Aim(
      Intent intent, @Nullable Path plan, boolean control, boolean labels, boolean zeroOne) {}

  /** A version as a report names it. */
  record Named(String name, String digest) {}

  /**
   * The spec of a comparison.
   *
   * @throws OfflineException when the plan cannot be read
   */
  static EvaluationSpec spec(
      String id,
      String model,
      Aim aim,
      Named champion,
      Named challenger,
      DataContract contract,
      long seed,
      long startedMillis)
      throws IOException, OfflineException {
    RolloutPlan plan =
        aim.plan() == null
            ? plan("compare", usual(aim), false)
            : either(aim.plan().toString(), text(aim.plan()), false);
    EvaluationSpec spec =
        Plans.evaluation(
                plan,
                id,
                1,
                champion.name(),
                champion.digest(),
                challenger.digest(),
                contract,
                0,
                startedMillis)
            .toBuilder()
            .setModel(model)
            .setChallengerVersion(challenger.name())
            .setLiveControl(false)
            .setMirroredControl(aim.control())
            .setSeed(seed)
            .clearLongestAttemptMs() // Answers from a file: nothing is pending.
            .build();
    List<SpecCheck.Problem> problems = SpecCheck.problems(spec);
    if (!problems.isEmpty()) {
      throw new OfflineException(Kind.USAGE, "plan: " + problems);
    }
    return spec;
  }

  private static String usual(Aim aim) {
    String quality =
        "  quality: {critical: true, loss: " + (aim.zeroOne() ? "zero_one" : "brier") + "}\n";
    return """
    model: compared
    challenger: "2"
    intent: %s
    control: none
    steps: [{mirror: 100%%}]
    prove:
      failures: {critical: true}
    %s\
    """
        .formatted(
            aim.intent() == Intent.IMPROVED ? "improved" : "equivalent",
            aim.labels() ? quality : "");
  }

  /**
   * Makes, of each spec in a log, the one that another plan would have had. What was recorded
   * stays: the versions, the contract, the controls, the seed, the attempt.
   *
   * @throws OfflineException when the plan cannot be read
   */
  static UnaryOperator<EvaluationSpec> under(Path file) throws IOException, OfflineException {
    String name = file.toString();
    String text = text(file);
    either(name, text, false); // Known to be readable before the log is.
    return logged -> {
      try {
        boolean live = logged.getLiveControl();
        return under(name, live ? either(name, text, true) : plan(name, text, false), logged);
      } catch (OfflineException e) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
    };
  }

  private static EvaluationSpec under(String name, RolloutPlan plan, EvaluationSpec logged) {
    if (plan.getUnit() != logged.getUnit()) {
      throw new IllegalArgumentException(
          name
              + ": unit: "
              + word(plan.getUnit())
              + " (expected: "
              + word(logged.getUnit())
              + ", as the log was recorded)");
    }
    return Plans.evaluation(
            plan,
            logged.getRolloutId(),
            logged.getAttempt(),
            logged.getChampionVersion(),
            logged.getChampionDigest(),
            logged.getChallengerDigest(),
            logged.getContract(),
            0,
            logged.getStartedUnixMs())
        .toBuilder()
        .setModel(logged.getModel())
        .setChallengerVersion(logged.getChallengerVersion())
        .setLiveControl(logged.getLiveControl())
        .setMirroredControl(logged.getMirroredControl())
        .setSeed(logged.getSeed())
        .setLongestAttemptMs(logged.getLongestAttemptMs())
        .setDrill(logged.getDrill())
        .build();
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /** Reads a plan as if a live control could be had, or could not; the other way if that fails. */
  private static RolloutPlan either(String name, String text, boolean liveFirst)
      throws OfflineException {
    try {
      return plan(name, text, liveFirst);
    } catch (OfflineException e) {
      try {
        return plan(name, text, !liveFirst);
      } catch (OfflineException again) {
        e.addSuppressed(again);
        throw e;
      }
    }
  }

  private static RolloutPlan plan(String name, String text, boolean liveControl)
      throws OfflineException {
    try {
      return PlanFile.parse(name, text, model -> liveControl);
    } catch (ConfigException e) {
      throw new OfflineException(Kind.USAGE, String.join("\n", e.problems()));
    }
  }

  private static String text(Path file) throws IOException, OfflineException {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new OfflineException(Kind.USAGE, file + ": no such file");
    }
  }
}
