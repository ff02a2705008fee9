package dev.understudy.rollout.engine;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.OutputKind;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.store.StoredRollout;
import io.grpc.Status;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What must hold before a rollout begins. */
final class Starts {
  static final int HISTORY = 1_000;

  private Starts() {}

  /**
   * Refuses a rollout that could not be carried out.
   *
   * @param problems of the catalog: versions whose files have changed
   */
  static void check(
      Core core, ModelConfig config, RolloutPlan plan, String champion, List<String> problems) {
    String model = config.name();
    String challenger = plan.getChallengerVersion();
    if (!core.store().list(model, 1).stream().allMatch(r -> r.endedMillis() != 0)) {
      StoredRollout other = core.store().latest(model).orElseThrow();
      throw refuse(
          "ROLLOUT_IN_FLIGHT",
          "model "
              + model
              + " has rollout "
              + other.id()
              + " of version "
              + other.challengerVersion()
              + " in flight (expected: none; abort it or wait for its end)");
    }
    if (challenger.equals(champion) && !plan.hasDrill()) {
      throw refuse(
          "ALREADY_CHAMPION", "version " + challenger + " of " + model + " is champion already");
    }
    if (plan.hasDrill() && !challenger.equals(champion)) {
      // Else a version could gather traffic that counts as no attempt.
      throw refuse(
          "DRILL_OF_ANOTHER_VERSION",
          "a drill of version "
              + challenger
              + " of "
              + model
              + " (expected: the champion, "
              + champion
              + "; a drill is the champion against itself)");
    }
    if (config.challengerFleet().isEmpty()) {
      throw refuse(
          "NO_CHALLENGER_FLEET",
          "model " + model + " has no servers for a challenger (expected: fleets.challenger)");
    }
    for (String version : List.of(champion, challenger)) {
      String prefix = model + " version " + version + ":";
      for (String problem : problems) {
        if (problem.startsWith(prefix)) {
          throw refuse("VERSION_CHANGED", problem);
        }
      }
    }
    registered(core, config, challenger);
    for (MetricSpec metric : plan.getMetricsList()) {
      String lacking = lacking(config, metric);
      if (lacking != null) {
        throw refuse(
            "CONTRACT_INCOMPLETE",
            "metric "
                + metric.getName()
                + " cannot be judged for model "
                + model
                + " (expected: "
                + lacking
                + " in its contract)");
      }
    }
  }

  /** The same files are the same challenger, under whatever number; without digest, the number. */
  private static boolean isSameChallenger(StoredRollout earlier, String version, String digest) {
    return earlier.spec().getChallengerDigest().equals(digest)
        && (!digest.isEmpty() || earlier.challengerVersion().equals(version));
  }

  /** How often this version, by its digest where it has one, was rolled out before. */
  static int earlierAttempts(Core core, String model, String challenger, String digest) {
    int attempts = 0;
    for (StoredRollout earlier : core.store().list(model, HISTORY)) {
      if (!earlier.isDrill() && isSameChallenger(earlier, challenger, digest)) {
        attempts = Math.max(attempts, earlier.attempt());
      }
    }
    return attempts;
  }

  /** Whether two specs judge the same thing in the same way, whichever attempt each is. */
  static boolean isSameTrial(EvaluationSpec one, EvaluationSpec other) {
    return timeless(one).equals(timeless(other));
  }

  private static EvaluationSpec timeless(EvaluationSpec spec) {
    return spec.toBuilder().clearAttempt().clearStartedUnixMs().clearSeed().build();
  }

  private static void registered(Core core, ModelConfig config, String challenger) {
    boolean known =
        core.store().versions(config.name()).stream()
            .anyMatch(version -> version.getVersion().equals(challenger));
    if (known) {
      return;
    }
    if (config.repository() != null) {
      throw Fault.of(
              Status.Code.NOT_FOUND,
              "UNKNOWN_VERSION",
              "version "
                  + challenger
                  + " of "
                  + config.name()
                  + " is not in "
                  + config.repository()
                  + " (expected: a directory of that name)")
          .resource("version", config.name() + "/" + challenger);
    }
    long now = core.time().wallMillis();
    core.keeping()
        .change(tx -> {
          tx.register(
              CatalogVersion.newBuilder()
                  .setModel(config.name())
                  .setVersion(challenger)
                  .setRegisteredUnixMs(now)
                  .putCard(
                      "digest", "unknown: the servers are not ours and no repository is configured")
                  .build());
          tx.audit(
              now,
              Core.CONTROLLER,
              "catalog.register",
              config.name(),
              "",
              "version " + challenger + " without digest");
        });
  }

  private static @Nullable String lacking(ModelConfig config, MetricSpec metric) {
    var decision = config.contract().getDecision();
    if (metric.getKind() == MetricKind.CHANGED_DECISIONS
        && decision.getKind() != OutputKind.LABELS
        && !decision.hasCutoff()) {
      return "decision.cutoff";
    }
    if (metric.getKind() == MetricKind.QUALITY && decision.getOutput().isEmpty()) {
      return "decision.output";
    }
    return null;
  }

  static Fault refuse(String reason, String message) {
    return Fault.of(Status.Code.FAILED_PRECONDITION, reason, message);
  }
}
