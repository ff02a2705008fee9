package dev.understudy.launcher.demo;

import dev.understudy.proto.v1.RolloutStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One rollout of the demonstration, and how it is expected to end. */
enum Act {
  /** Version 2, honestly better. */
  BETTER(1, "a better version takes over", "2", Ending.PROMOTED),
  /** Version 3, healthy, fast and wrong. */
  WRONG(
      2, "a wrong version is stopped before any customer meets it", "3", Ending.STOPPED_IN_SHADOW),
  /** Version 4, fine until the world changes. */
  FAILING(
      3,
      "one that was fine in the shadow begins to fail, and is taken back",
      "4",
      Ending.ROLLED_BACK);

  /** How a rollout may end. */
  enum Ending {
    /** The challenger is champion. */
    PROMOTED,
    /** Stopped before it answered a customer. */
    STOPPED_IN_SHADOW,
    /** Stopped after it had answered customers. */
    ROLLED_BACK,
    /** The evidence did not suffice in the time given. */
    UNDECIDED
  }

  /** Canary shares after the shadow, in per cent. */
  private static final List<Integer> WEIGHTS = List.of(5, 25, 50);

  private final int number;
  private final String title;
  private final String challenger;
  private final Ending expected;

  Act(int number, String title, String challenger, Ending expected) {
    this.number = number;
    this.title = title;
    this.challenger = challenger;
    this.expected = expected;
  }

  int number() {
    return number;
  }

  String title() {
    return title;
  }

  /** The version that wants the job. */
  String challenger() {
    return challenger;
  }

  Ending expected() {
    return expected;
  }

  /** The plan as a user would write it; every margin that the demonstration uses is in it. */
  String plan() {
    StringBuilder plan = new StringBuilder();
    plan.append(
        """
        model: fraud-detector
        challenger: "%s"
        intent: improved
        steps:
          - {mirror: 100%%, minDuration: 4s, minSamples: 1000, maxDuration: 30s}
        """
            .formatted(challenger));
    for (int weight : WEIGHTS) {
      plan.append("  - {setWeight: ")
          .append(weight)
          .append("%, minDuration: 3s, maxDuration: 90s}\n");
    }
    plan.append(
        """
        prove:
          failures: {margin: 2%, critical: true}
          latency: {quantile: 95, tolerance: 50%, critical: true}
          changedDecisions: {band: 12%, critical: true}
          quality: {loss: brier, margin: 0.002, critical: true}
        alpha: 0.01
        beta: 0.05
        control: live
        watch: 3s
        tryTimeout: 1s
        guard: {consecutiveFailures: 20}
        """);
    return plan.toString();
  }

  /**
   * How a rollout that has ended, or that waits for people, did end; null while it is under way.
   */
  static @Nullable Ending ending(RolloutStatus status, int highestWeightBp) {
    return switch (status.getPhase()) {
      case HEALTHY -> Ending.PROMOTED;
      case DEGRADED -> highestWeightBp == 0 ? Ending.STOPPED_IN_SHADOW : Ending.ROLLED_BACK;
      case PAUSED -> Ending.UNDECIDED;
      default -> null;
    };
  }
}
