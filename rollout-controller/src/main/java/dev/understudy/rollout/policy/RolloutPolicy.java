package dev.understudy.rollout.policy;

import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.rollout.policy.Action.Abort;
import dev.understudy.rollout.policy.Action.Advance;
import dev.understudy.rollout.policy.Action.Continue;
import dev.understudy.rollout.policy.Action.EndDrill;
import dev.understudy.rollout.policy.Action.FinishWatching;
import dev.understudy.rollout.policy.Action.Hold;
import dev.understudy.rollout.policy.Action.Pause;
import dev.understudy.rollout.policy.Action.Promote;
import dev.understudy.rollout.policy.Action.Undo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a rollout does next. Pure: the same state, evidence, time and plan give the same
 * action, however often it is asked and whoever asks.
 *
 * <p>The laws, in the order in which they are applied:
 *
 * <ol>
 *   <li>While the challenger has traffic, also when paused, it is stopped as soon as the combined
 *       evidence against it reaches 1/α or a guardrail speaks.
 *   <li>A split that is not the configured one pauses: then no comparison means anything.
 *   <li>Evidence that is not heard of pauses, and so does evidence that does not reach the judge: a
 *       judge that answers while routers cannot deliver reports the same as one that has nothing to
 *       complain of. Nothing is ever promoted on silence.
 *   <li>A step is left when every critical metric that it can measure is proved <em>now</em> (not
 *       "was once"), and its shortest time and smallest sample are reached.
 *   <li>A step whose longest time has passed pauses.
 *   <li>A drill obeys all of this but is never promoted, and waits for nobody while faults may be
 *       routed: proved or out of time at its last step, it ends; where a rollout would pause, it
 *       ends too; and paused by hand, it ends when the time of its step has passed.
 *   <li>While a promotion is watched, the comparison with the version before it undoes it.
 * </ol>
 */
public final class RolloutPolicy {
  /**
   * How many blocks (one is a second of one router) may be on their way to the judge before its
   * evidence counts as stale.
   */
  static final long MAX_UNACKNOWLEDGED_BLOCKS = 15;

  private final long staleAfterMillis;

  /**
   * Makes a policy.
   *
   * @param staleAfter how long the judge may be silent before its evidence counts as stale
   */
  public RolloutPolicy(Duration staleAfter) {
    this.staleAfterMillis = staleAfter.toMillis();
  }

  /** The next action. Repeating the question without acting on it changes nothing. */
  public Action decide(RolloutState state, Observed observed, long nowMillis, RolloutPlan plan) {
    return switch (state.phase()) {
      case SHADOWING, PROGRESSING -> onStep(state, observed, nowMillis, plan);
      case PAUSED -> whilePaused(state, observed, nowMillis, plan);
      case PROMOTING -> {
        String against = against(observed.report(), plan);
        yield against != null && !state.overridden()
            ? new Abort(against)
            : new Hold("the champion's servers load the new version");
      }
      case WATCHING -> whileWatching(state, observed, nowMillis, plan);
      case PENDING -> new Hold("the challenger's servers load it");
      case ABORTING -> new Hold("the routers take the challenger out");
      case HEALTHY, DEGRADED, PHASE_UNSPECIFIED, UNRECOGNIZED -> new Hold("it has ended");
    };
  }

  /**
   * Cumulative sample that a step's {@code minSamples} counts: compared pairs while there are only
   * copies, requests assigned to the canary afterwards.
   */
  public static long samples(RolloutPlan plan, int step, @Nullable EvidenceReport report) {
    if (report == null) {
      return 0;
    }
    if (Steps.canaryWeightBp(plan, step) == 0) {
      return report.getPairs();
    }
    long assigned = 0;
    for (ArmReport arm : report.getArmsList()) {
      if (arm.getRole() == Role.CANARY) {
        assigned += arm.getAssigned();
      }
    }
    return assigned;
  }

  /** The longest run of failures of one version while it was champion, over the whole rollout. */
  public static long championBadRun(@Nullable EvidenceReport report, String version) {
    long longest = 0;
    if (report != null) {
      for (ArmReport arm : report.getArmsList()) {
        if (arm.getRole() == Role.CHAMPION && arm.getVersion().equals(version)) {
          longest = Math.max(longest, arm.getLongestBadRun());
        }
      }
    }
    return longest;
  }

  /** Whether the evidence stops the challenger, and by which sentence; null if it does not. */
  public static @Nullable String against(@Nullable EvidenceReport report, RolloutPlan plan) {
    if (report == null) {
      return null;
    }
    if (!report.getGuardrail().isEmpty()) {
      return report.getGuardrail();
    }
    // The judge's own limit, and never a laxer one than the plan's.
    double limit = -Math.log(plan.getAlpha());
    if (report.getLogAgainstStop() > 0) {
      limit = Math.min(limit, report.getLogAgainstStop());
    }
    if (report.getLogAgainst() >= limit) {
      return report.getStatement().isEmpty()
          ? "the evidence against the challenger reached its limit"
          : report.getStatement();
    }
    return null;
  }

  private Action onStep(RolloutState state, Observed observed, long now, RolloutPlan plan) {
    EvidenceReport report = observed.report();
    String against = against(report, plan);
    if (against != null) {
      return new Abort(against);
    }
    if (splitIsWrong(report) && !state.splitAccepted()) {
      return pause(Reasons.SAMPLE_RATIO_MISMATCH, splitSentence(report), plan);
    }
    if (isStale(observed, now)) {
      return pause(Reasons.STALE_EVIDENCE, staleSentence(observed, now), plan);
    }
    Step step = plan.getSteps(state.step());
    long inStepMillis = now - state.stepSinceMillis();
    List<String> missing = missing(state, report, inStepMillis, plan);
    if (missing.isEmpty()) {
      return next(state.step(), plan, "every critical metric is proved");
    }
    String waitingFor = String.join(", ", missing);
    if (step.getMaxDurationMs() > 0 && inStepMillis >= step.getMaxDurationMs()) {
      if (plan.hasDrill() && state.step() + 1 >= plan.getStepsCount()) {
        return new EndDrill(Reasons.DRILL_ENDED, "its time is over: " + waitingFor);
      }
      return pause(Reasons.INSUFFICIENT_EVIDENCE, waitingFor, plan);
    }
    return new Hold(waitingFor);
  }

  private Action whilePaused(RolloutState state, Observed observed, long now, RolloutPlan plan) {
    String against = against(observed.report(), plan);
    if (against != null && Phases.onTrial(state.resume())) {
      return new Abort(against);
    }
    Action action = afterPause(state, observed, now, plan);
    if (action instanceof Hold
        && plan.hasDrill()
        && Phases.onTrial(state.resume())
        && now - state.stepSinceMillis() >= Steps.longestMillis(plan, state.step())) {
      boolean late = state.reason().equals(Reasons.PAUSE_STEP) && isStale(observed, now);
      return new EndDrill(
          late ? Reasons.STALE_EVIDENCE : state.reason(),
          late ? staleSentence(observed, now) : "its time was over while it was paused");
    }
    return action;
  }

  private Action afterPause(RolloutState state, Observed observed, long now, RolloutPlan plan) {
    if (state.reason().equals(Reasons.STALE_EVIDENCE)) {
      return isStale(observed, now)
          ? new Hold(staleSentence(observed, now))
          : new Continue("the evidence is fresh again");
    }
    if (state.reason().equals(Reasons.PAUSE_STEP) && Steps.isPause(plan, state.step())) {
      long pauseMillis = plan.getSteps(state.step()).getPauseMs();
      if (pauseMillis == 0) {
        return new Hold("a person promotes it");
      }
      if (now - state.stepSinceMillis() >= pauseMillis && !isStale(observed, now)) {
        return next(state.step(), plan, "the pause is over");
      }
      return new Hold("the pause ends");
    }
    return new Hold("a person resumes, promotes or aborts it");
  }

  private Action whileWatching(RolloutState state, Observed observed, long now, RolloutPlan plan) {
    String against = against(observed.report(), plan);
    if (against != null && !state.overridden()) {
      return new Undo(against);
    }
    // Compared during the watch only, so a person who overrode older evidence has not seen it.
    if (watchIsAgainst(observed.report())) {
      return new Undo(watchSentence(observed.report()));
    }
    long badRun = championBadRun(observed.report(), plan.getChallengerVersion());
    if (plan.getGuardConsecutiveFailures() > 0
        && badRun >= plan.getGuardConsecutiveFailures()
        && badRun > state.baseline()) {
      return new Undo("the new champion failed " + badRun + " times in a row");
    }
    if (now - state.phaseSinceMillis() < plan.getWatchMs()) {
      return new Hold("the watch over the new champion ends");
    }
    return isStale(observed, now) ? new Hold(staleSentence(observed, now)) : new FinishWatching();
  }

  private static Action next(int step, RolloutPlan plan, String why) {
    if (step + 1 < plan.getStepsCount()) {
      return new Advance(step + 1, why);
    }
    return plan.hasDrill() ? new EndDrill(Reasons.DRILL_ENDED, why) : new Promote(why);
  }

  private static Action pause(String reason, String detail, RolloutPlan plan) {
    return plan.hasDrill() ? new EndDrill(reason, detail) : new Pause(reason, detail);
  }

  /** What a step still waits for, as phrases for people; empty when it may be left. */
  private static List<String> missing(
      RolloutState state, @Nullable EvidenceReport report, long inStepMillis, RolloutPlan plan) {
    List<String> missing = new ArrayList<>();
    Step step = plan.getSteps(state.step());
    if (report == null) {
      missing.add("the first evidence");
      return missing;
    }
    for (MetricSpec metric : plan.getMetricsList()) {
      if (metric.getCritical() && Steps.measurable(plan, state.step(), metric.getKind())) {
        String lack = lack(metric, find(report, metric));
        if (lack != null) {
          missing.add(lack);
        }
      }
    }
    long samples = samples(plan, state.step(), report) - state.baseline();
    if (samples < step.getMinSamples()) {
      missing.add("needs " + approximately(step.getMinSamples() - samples) + " more requests");
    }
    if (inStepMillis < step.getMinDurationMs()) {
      missing.add("at least " + seconds(step.getMinDurationMs() - inStepMillis) + " longer");
    }
    return missing;
  }

  private static @Nullable String lack(MetricSpec metric, @Nullable MetricReport found) {
    if (found == null) {
      return metric.getName() + " is not reported";
    }
    if (found.getResult() == Result.PROVED) {
      return null;
    }
    if (found.getResult() == Result.CANNOT_MEASURE) {
      return metric.getName()
          + " cannot be measured"
          + (found.getReason().isEmpty() ? "" : ": " + found.getReason());
    }
    if (found.getNeedsMore() > 0) {
      return metric.getName() + " needs " + approximately(found.getNeedsMore()) + " more requests";
    }
    return metric.getName() + " is not proved yet";
  }

  private static @Nullable MetricReport find(EvidenceReport report, MetricSpec metric) {
    for (MetricReport candidate : report.getMetricsList()) {
      if (candidate.getName().equals(metric.getName())) {
        return candidate;
      }
    }
    return null;
  }

  private boolean isStale(Observed observed, long now) {
    return now - observed.heardMillis() > staleAfterMillis || isHeldUp(observed);
  }

  private static boolean isHeldUp(Observed observed) {
    return observed.unacknowledgedBlocks() > MAX_UNACKNOWLEDGED_BLOCKS;
  }

  private static String staleSentence(Observed observed, long now) {
    if (isHeldUp(observed)) {
      return "a router holds "
          + observed.unacknowledgedBlocks()
          + " blocks of evidence that the judge has not acknowledged";
    }
    return "the evidence has not been heard of for " + seconds(now - observed.heardMillis());
  }

  private static boolean splitIsWrong(@Nullable EvidenceReport report) {
    return report != null && report.getSplit().getResult() == Result.AGAINST;
  }

  private static String splitSentence(@Nullable EvidenceReport report) {
    String statement = report == null ? "" : report.getSplit().getStatement();
    return statement.isEmpty() ? "the split is not what was configured" : statement;
  }

  private static boolean watchIsAgainst(@Nullable EvidenceReport report) {
    return report != null && report.getWatch().getResult() == Result.AGAINST;
  }

  private static String watchSentence(@Nullable EvidenceReport report) {
    String statement = report == null ? "" : report.getWatch().getStatement();
    return statement.isEmpty() ? "the new champion does worse than the one before it" : statement;
  }

  private static String seconds(long millis) {
    return (millis + 999) / 1000 + " s";
  }

  /** Two significant digits and thousands apart: nobody knows the third. */
  static String approximately(long count) {
    long unit = 1;
    while (count / unit >= 100) {
      unit *= 10;
    }
    long rounded = (count + unit - 1) / unit * unit;
    return (unit > 1 ? "about " : "") + String.format(java.util.Locale.ROOT, "%,d", rounded);
  }
}
