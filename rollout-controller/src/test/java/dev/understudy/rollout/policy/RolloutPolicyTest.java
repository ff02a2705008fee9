package dev.understudy.rollout.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.Drill;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.SplitReport;
import dev.understudy.proto.v1.Step;
import dev.understudy.proto.v1.WatchReport;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RolloutPolicyTest {
  private static final long START = 1_000_000;
  private static final double STOP = Math.log(100);

  /** 0: mirror, 1: 5 %, 2: pause 10 s, 3: pause until promoted, 4: 50 %. */
  private static final RolloutPlan PLAN =
      RolloutPlan.newBuilder()
          .setModel("m")
          .setChallengerVersion("8")
          .setAlpha(0.01)
          .setBeta(0.05)
          .setLiveControl(true)
          .setWatchMs(60_000)
          .addSteps(timed().setSetMirrorBp(10_000))
          .addSteps(timed().setSetWeightBp(500))
          .addSteps(Step.newBuilder().setPauseMs(10_000))
          .addSteps(Step.newBuilder().setPauseMs(0))
          .addSteps(timed().setSetWeightBp(5_000))
          .addMetrics(metric("failures", MetricKind.FAILURES).setMargin(0.01))
          .addMetrics(metric("latency", MetricKind.LATENCY))
          .addMetrics(metric("changed-decisions", MetricKind.CHANGED_DECISIONS))
          .addMetrics(metric("quality", MetricKind.QUALITY).setCritical(false))
          .build();

  private final RolloutPolicy policy = new RolloutPolicy(Duration.ofSeconds(15));

  private static Step.Builder timed() {
    return Step.newBuilder().setMinDurationMs(5_000).setMinSamples(100).setMaxDurationMs(60_000);
  }

  private static MetricSpec.Builder metric(String name, MetricKind kind) {
    return MetricSpec.newBuilder().setName(name).setKind(kind).setCritical(true);
  }

  private static EvidenceReport.Builder report(
      long pairs, long canary, Result failures, Result latency, Result changed) {
    return EvidenceReport.newBuilder()
        .setPairs(pairs)
        .setLogAgainstStop(STOP)
        .addArms(ArmReport.newBuilder().setRole(Role.CANARY).setAssigned(canary))
        .addArms(ArmReport.newBuilder().setRole(Role.CHAMPION).setVersion("7").setAssigned(99_999))
        .addMetrics(MetricReport.newBuilder().setName("failures").setResult(failures))
        .addMetrics(MetricReport.newBuilder().setName("latency").setResult(latency))
        .addMetrics(MetricReport.newBuilder().setName("changed-decisions").setResult(changed));
  }

  private static EvidenceReport.Builder allProved() {
    return report(1_000, 1_000, Result.PROVED, Result.PROVED, Result.PROVED);
  }

  private static RolloutState at(int step) {
    return RolloutState.pending(START)
        .atStep(Phase.SHADOWING, 0, 0, START)
        .atStep(Steps.phaseOf(PLAN, step), step, 0, START);
  }

  private Action decide(RolloutState state, EvidenceReport.Builder report, long afterMillis) {
    return policy.decide(
        state, new Observed(report.build(), START + afterMillis, 0), START + afterMillis, PLAN);
  }

  @Test
  void shadowIsLeftWhenWhatCopiesCanShowIsProved() {
    var shadow = report(100, 0, Result.PROVED, Result.CANNOT_MEASURE, Result.PROVED);
    assertEquals(new Advance(1, "every critical metric is proved"), decide(at(0), shadow, 5_000));
  }

  @Test
  void shadowIsNotLeftBeforeItsTimeItsSampleOrItsProof() {
    assertInstanceOf(Hold.class, decide(at(0), allProved(), 4_999));
    var few = report(99, 0, Result.PROVED, Result.PROVED, Result.PROVED);
    assertEquals(new Hold("needs 1 more requests"), decide(at(0), few, 5_000));
    var unproved = report(100, 0, Result.PROVED, Result.PROVED, Result.UNDECIDED);
    assertEquals(new Hold("changed-decisions is not proved yet"), decide(at(0), unproved, 5_000));
  }

  @Test
  void shadowIsNotLeftWhileCopiesMayFailMoreOften() {
    var unsure = report(1_000, 0, Result.UNDECIDED, Result.CANNOT_MEASURE, Result.PROVED);
    assertEquals(new Hold("failures is not proved yet"), decide(at(0), unsure, 5_000));
  }

  @Test
  void newChampionThatFailsInARowIsUndoneWhateverTheOneBeforeItDid() {
    var promoted = allProved();
    promoted.getArmsBuilder(1).setLongestBadRun(500);
    long baseline = RolloutPolicy.championBadRun(promoted.build(), "8");
    assertEquals(0, baseline);
    RolloutState watching = at(4).to(Phase.PROMOTING, "", "", START).watching(baseline, START);
    RolloutPlan guarded = PLAN.toBuilder().setGuardConsecutiveFailures(20).build();
    for (int run : new int[] {19, 20}) {
      var report = promoted.clone();
      report.addArms(
          ArmReport.newBuilder().setRole(Role.CHAMPION).setVersion("8").setLongestBadRun(run));
      Action action =
          policy.decide(watching, new Observed(report.build(), START + 1, 0), START + 1, guarded);
      assertEquals(run == 20, action instanceof Undo, "run of " + run);
    }
  }

  @Test
  void failuresOfAnEarlierAttemptAsChampionDoNotUndoTheNext() {
    RolloutState watching = at(4).to(Phase.PROMOTING, "", "", START).watching(25, START);
    RolloutPlan guarded = PLAN.toBuilder().setGuardConsecutiveFailures(20).build();
    for (int run : new int[] {25, 26}) {
      var report = allProved();
      report.addArms(
          ArmReport.newBuilder().setRole(Role.CHAMPION).setVersion("8").setLongestBadRun(run));
      Action action =
          policy.decide(watching, new Observed(report.build(), START + 1, 0), START + 1, guarded);
      assertEquals(run > 25, action instanceof Undo, "run of " + run);
    }
  }

  @Test
  void canaryStepNeedsEveryCriticalMetricProvedNow() {
    assertEquals(
        new Advance(2, "every critical metric is proved"), decide(at(1), allProved(), 5_000));
    for (int unproved = 0; unproved < 3; unproved++) {
      var report =
          report(
              1_000,
              1_000,
              unproved == 0 ? Result.UNDECIDED : Result.PROVED,
              unproved == 1 ? Result.CANNOT_MEASURE : Result.PROVED,
              unproved == 2 ? Result.AGAINST : Result.PROVED);
      assertInstanceOf(Hold.class, decide(at(1), report, 5_000), "metric " + unproved);
    }
  }

  @Test
  void samplesCountFromTheBeginningOfTheStep() {
    RolloutState state = RolloutState.pending(START).atStep(Phase.PROGRESSING, 1, 950, START);
    assertEquals(new Hold("needs 50 more requests"), decide(state, allProved(), 5_000));
  }

  @Test
  void metricThatIsNotReportedIsNotProved() {
    var silent = EvidenceReport.newBuilder().setPairs(1_000).setLogAgainstStop(STOP);
    assertInstanceOf(Hold.class, decide(at(0), silent, 5_000));
  }

  @Test
  void lastStepPromotes() {
    assertEquals(new Promote("every critical metric is proved"), decide(at(4), allProved(), 5_000));
  }

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"SHADOWING", "PROGRESSING", "PAUSED", "PROMOTING"})
  void evidenceAgainstStopsWheneverTheChallengerHasTraffic(Phase phase) {
    RolloutState state =
        phase == Phase.SHADOWING
            ? at(0)
            : phase == Phase.PROMOTING
                ? at(4).to(Phase.PROMOTING, "", "", START)
                : phase == Phase.PAUSED ? at(1).paused(Reasons.BY_HAND, "", START) : at(1);
    assertEquals(phase, state.phase());
    assertEquals(
        new Abort("worse"),
        decide(state, allProved().setLogAgainst(STOP).setStatement("worse"), 1));
    assertEquals(
        new Abort("20 in a row"), decide(state, allProved().setGuardrail("20 in a row"), 1));
    assertTrue(
        !(decide(state, allProved().setLogAgainst(STOP - 1e-9), 1) instanceof Abort),
        "just below the limit");
  }

  @Test
  void judgeMayBeStricterThanThePlanButNeverLaxer() {
    assertInstanceOf(
        Abort.class, decide(at(1), allProved().setLogAgainstStop(100).setLogAgainst(STOP), 1));
    assertInstanceOf(
        Abort.class, decide(at(1), allProved().setLogAgainstStop(1).setLogAgainst(1), 1));
    assertInstanceOf(
        Hold.class, decide(at(1), allProved().setLogAgainstStop(0).setLogAgainst(0), 1));
  }

  @Test
  void wrongSplitPausesUntilAPersonAcceptsIt() {
    var wrong =
        allProved()
            .setSplit(SplitReport.newBuilder().setResult(Result.AGAINST).setStatement("7 %"));
    assertEquals(new Pause(Reasons.SAMPLE_RATIO_MISMATCH, "7 %"), decide(at(1), wrong, 5_000));
    RolloutState accepted =
        at(1).paused(Reasons.SAMPLE_RATIO_MISMATCH, "7 %", START).resumed(START);
    assertInstanceOf(Advance.class, decide(accepted, wrong, 5_000));
  }

  @Test
  void staleEvidencePausesAndFreshEvidenceContinues() {
    var proved = new Observed(allProved().build(), START, 0);
    assertInstanceOf(Pause.class, policy.decide(at(1), proved, START + 15_001, PLAN));
    RolloutState stale = at(1).paused(Reasons.STALE_EVIDENCE, "", START + 15_001);
    assertInstanceOf(Hold.class, policy.decide(stale, proved, START + 16_000, PLAN));
    assertInstanceOf(Continue.class, decide(stale, allProved(), 16_000));
  }

  @Test
  void evidenceThatDoesNotReachTheJudgeIsStaleHoweverOftenTheJudgeIsHeard() {
    var flowing = new Observed(allProved().build(), START + 5_000, 15);
    var heldUp = new Observed(allProved().build(), START + 5_000, 16);
    assertInstanceOf(Advance.class, policy.decide(at(1), flowing, START + 5_000, PLAN));
    assertEquals(
        new Pause(
            Reasons.STALE_EVIDENCE,
            "a router holds 16 blocks of evidence that the judge has not acknowledged"),
        policy.decide(at(1), heldUp, START + 5_000, PLAN));
    RolloutState stale = at(1).paused(Reasons.STALE_EVIDENCE, "", START);
    assertInstanceOf(Hold.class, policy.decide(stale, heldUp, START + 5_000, PLAN));
    assertInstanceOf(Continue.class, policy.decide(stale, flowing, START + 5_000, PLAN));
    RolloutState watching =
        at(4).to(Phase.PROMOTING, "", "", START).to(Phase.WATCHING, "", "", START);
    var late = new Observed(allProved().build(), START + 60_000, 16);
    assertInstanceOf(Hold.class, policy.decide(watching, late, START + 60_000, PLAN));
  }

  @Test
  void silenceNeverPromotes() {
    var silence = new Observed(null, START + 59_999, 0);
    assertEquals(
        new Hold("the first evidence"), policy.decide(at(1), silence, START + 59_999, PLAN));
    assertInstanceOf(
        Pause.class,
        policy.decide(at(1), new Observed(null, START + 60_000, 0), START + 60_000, PLAN));
  }

  @Test
  void longestTimePausesWithWhatIsMissing() {
    var undecided = report(1_000, 1_000, Result.UNDECIDED, Result.PROVED, Result.PROVED);
    undecided.getMetricsBuilder(0).setNeedsMore(3_141);
    assertEquals(
        new Pause(Reasons.INSUFFICIENT_EVIDENCE, "failures needs about 3,200 more requests"),
        decide(at(1), undecided, 60_000));
  }

  @Test
  void timedPauseEndsByItselfAndUntimedOnlyByHand() {
    assertInstanceOf(Hold.class, decide(at(2), allProved(), 9_999));
    assertEquals(new Advance(3, "the pause is over"), decide(at(2), allProved(), 10_000));
    assertInstanceOf(Hold.class, decide(at(3), allProved(), 10_000_000));
  }

  @Test
  void pauseByHandIsNeverEndedByEvidence() {
    RolloutState state = at(2).paused(Reasons.BY_HAND, "", START);
    assertInstanceOf(Hold.class, decide(state, allProved(), 10_000_000));
  }

  @Test
  void watchEndsInHealthOrInUndo() {
    RolloutState watching =
        at(4).to(Phase.PROMOTING, "", "", START).to(Phase.WATCHING, "", "", START);
    assertInstanceOf(Hold.class, decide(watching, allProved(), 59_999));
    assertInstanceOf(FinishWatching.class, decide(watching, allProved(), 60_000));
    assertEquals(
        new Undo("failures rise"), decide(watching, allProved().setGuardrail("failures rise"), 1));
    assertInstanceOf(
        Hold.class,
        policy.decide(watching, new Observed(allProved().build(), START, 0), START + 60_000, PLAN),
        "not healthy on silence");
  }

  @Test
  void comparisonWithTheFormerChampionUndoesEvenAPromotionAgainstOlderEvidence() {
    RolloutState watching =
        at(4).withOverride().to(Phase.PROMOTING, "", "", START).to(Phase.WATCHING, "", "", START);
    var worse =
        allProved()
            .setWatch(
                WatchReport.newBuilder().setResult(Result.AGAINST).setStatement("errors rose"));
    assertEquals(new Undo("errors rose"), decide(watching, worse, 1));
    assertEquals(
        new Undo("errors rose"), decide(watching, worse, 60_000), "also when the time is over");
    worse.getWatchBuilder().setResult(Result.UNDECIDED);
    assertInstanceOf(Hold.class, decide(watching, worse, 59_999));
    assertInstanceOf(FinishWatching.class, decide(watching, worse, 60_000));
    worse.getWatchBuilder().setResult(Result.AGAINST);
    assertInstanceOf(Advance.class, decide(at(1), worse, 5_000), "a watch says nothing of a trial");
  }

  @Test
  void drillIsNeverPromotedAndEndsWhenProvedOrOutOfTime() {
    RolloutPlan drill = PLAN.toBuilder().setDrill(Drill.getDefaultInstance()).build();
    assertInstanceOf(Advance.class, decide(drill, at(1), allProved(), 5_000), "step by step");
    assertInstanceOf(EndDrill.class, decide(drill, at(4), allProved(), 5_000));
    var undecided = report(1_000, 1_000, Result.UNDECIDED, Result.PROVED, Result.PROVED);
    assertInstanceOf(Hold.class, decide(drill, at(4), undecided, 59_999));
    assertInstanceOf(EndDrill.class, decide(drill, at(4), undecided, 60_000));
    assertInstanceOf(Pause.class, decide(at(4), undecided, 60_000), "and anything else pauses");
    assertEquals(
        new Abort("worse"),
        decide(drill, at(4), allProved().setLogAgainst(STOP).setStatement("worse"), 1));
  }

  @Test
  void drillEndsWhereARolloutWouldWaitForAPerson() {
    RolloutPlan drill = PLAN.toBuilder().setDrill(Drill.getDefaultInstance()).build();
    var wrong = allProved().setSplit(SplitReport.newBuilder().setResult(Result.AGAINST));
    assertEquals(Reasons.SAMPLE_RATIO_MISMATCH, ended(decide(drill, at(1), wrong, 5_000)));
    var silent = new Observed(allProved().build(), START, 0);
    assertEquals(
        Reasons.STALE_EVIDENCE, ended(policy.decide(at(1), silent, START + 15_001, drill)));
    var undecided = report(1_000, 1_000, Result.UNDECIDED, Result.PROVED, Result.PROVED);
    assertEquals(Reasons.INSUFFICIENT_EVIDENCE, ended(decide(drill, at(1), undecided, 60_000)));
  }

  @Test
  void pausedDrillEndsWhenTheTimeOfItsStepHasPassed() {
    RolloutPlan drill = PLAN.toBuilder().setDrill(Drill.getDefaultInstance()).build();
    RolloutState byHand = at(1).paused(Reasons.BY_HAND, "", START + 1);
    assertInstanceOf(Hold.class, decide(drill, byHand, allProved(), 59_999));
    assertEquals(Reasons.BY_HAND, ended(decide(drill, byHand, allProved(), 60_000)));
    assertInstanceOf(Hold.class, decide(byHand, allProved(), 60_000), "a rollout waits");
    assertInstanceOf(Advance.class, decide(drill, at(2), allProved(), 10_000));
    var silent = new Observed(allProved().build(), START - 15_001, 0);
    assertInstanceOf(Hold.class, policy.decide(at(2), silent, START + 9_999, drill));
    assertEquals(
        Reasons.STALE_EVIDENCE, ended(policy.decide(at(2), silent, START + 10_000, drill)));
    RolloutState unloaded = RolloutState.pending(START).paused(Reasons.LOAD_FAILED, "", START);
    assertInstanceOf(
        Hold.class, decide(drill, unloaded, allProved(), 60_000), "nothing is routed to it yet");
  }

  private static String ended(Action action) {
    return assertInstanceOf(EndDrill.class, action).reason();
  }

  private Action decide(
      RolloutPlan plan, RolloutState state, EvidenceReport.Builder report, long afterMillis) {
    return policy.decide(
        state, new Observed(report.build(), START + afterMillis, 0), START + afterMillis, plan);
  }

  @Test
  void promotionByHandAgainstTheEvidenceIsNotUndoneByTheSameEvidence() {
    RolloutState state =
        at(4).withOverride().to(Phase.PROMOTING, "", "", START).to(Phase.WATCHING, "", "", START);
    assertInstanceOf(Hold.class, decide(state, allProved().setLogAgainst(STOP), 1));
  }

  @ParameterizedTest
  @EnumSource(
      value = Phase.class,
      names = {"PENDING", "ABORTING", "HEALTHY", "DEGRADED"})
  void evidenceChangesNothingBeforeTheFirstStepOrAfterTheEnd(Phase phase) {
    RolloutState state =
        new RolloutState(
            phase, Phase.PHASE_UNSPECIFIED, 0, "", "", START, START, 0, false, false, false, false);
    assertInstanceOf(
        Hold.class, decide(state, allProved().setGuardrail("bad").setLogAgainst(99), 10_000_000));
  }

  @Test
  void illegalTransitionsAreRefused() {
    RolloutState degraded =
        at(1).to(Phase.ABORTING, "", "", START).to(Phase.DEGRADED, "", "", START);
    assertThrows(IllegalStateException.class, () -> degraded.to(Phase.PROMOTING, "", "", START));
    assertThrows(IllegalStateException.class, () -> at(0).to(Phase.HEALTHY, "", "", START));
  }
}
