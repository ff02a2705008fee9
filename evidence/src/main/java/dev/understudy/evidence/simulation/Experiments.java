package dev.understudy.evidence.simulation;

import static dev.understudy.evidence.simulation.Trial.Question.PROVED;
import static dev.understudy.evidence.simulation.Trial.Question.SPLIT_DOUBTED;
import static dev.understudy.evidence.simulation.Trial.Question.STOPPED;

import dev.understudy.evidence.process.Draws;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.evidence.simulation.LatencyTraffic.Stalling;
import dev.understudy.evidence.simulation.Promise.AtMost;
import dev.understudy.evidence.simulation.Promise.Median;
import dev.understudy.evidence.simulation.Promise.MoreThan;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything that is promised about verdicts, as experiments that can be repeated.
 *
 * <p>Each rollout goes through {@link dev.understudy.evidence.fold.EvidenceFold}, the code that
 * judges in production, as the log records that it would read there, and the question is put after
 * every record. Stopping is tested where the challenger is exactly at the limit, or the same as the
 * champion; proving where it is exactly at the margin. Both are the worst cases of what is
 * promised.
 *
 * <p>Levels are 5 %, five times the default, because a rate of one in a hundred takes very many
 * runs to tell from two.
 */
public final class Experiments {
  /** The seed of published figures. */
  public static final long SEED = 20_260_101;

  /** Usual number of runs of the cheapest experiments. */
  public static final int MOST_RUNS = 2000;

  static final String FALSE_STOPS = "Stopped, though acceptable";
  static final String FALSE_PROOFS = "Proved, though exactly at the margin";
  static final String FOUND = "Found, and how soon";
  static final String WRONG = "Wrong methods, which must be seen to fail";
  static final String OTHERS = "Other rules on harmless rollouts, for comparison";

  private static final double LEVEL = 0.05;
  private static final int RUNS = MOST_RUNS;
  private static final int DEAR = 1000;
  private static final int VERY_DEAR = 600;
  private static final int DEAREST = 200;

  /**
   * A regression that is looked for twice in the same requests: with a record for each event, and
   * with a record for each second.
   */
  public record Detection(Experiment byEvent, Experiment bySecond, int perSecond) {}

  private final List<Experiment> experiments = new ArrayList<>();
  private final List<Detection> detections = new ArrayList<>();

  private Experiments() {
    failures();
    pairs();
    noiseFloor();
    latency();
    splitAndKeys();
    together();
    watch();
    detections();
    wrongMethods();
    others();
  }

  /** All of them, in the order of the table. */
  public static List<Experiment> all() {
    return List.copyOf(new Experiments().experiments);
  }

  /** Those that are looked at in two ways. */
  public static List<Detection> twice() {
    return List.copyOf(new Experiments().detections);
  }

  private void add(String group, String name, Promise promise, int runs, Experiment.Rollout run) {
    experiments.add(new Experiment(group, name, promise, runs, run));
  }

  private void failures() {
    EvaluationSpec stop = Specs.spec(LEVEL, Specs.failures(1, .01)).build();
    for (Course course :
        List.of(
            Course.constant(100, 1000),
            Course.constant(100, 1000).withIncident(),
            Course.steps(100),
            Course.steps(100).withIncident())) {
      FailureTraffic alike = FailureTraffic.of(course, .02, .02);
      add(
          FALSE_STOPS,
          "failures, " + course.words(),
          new AtMost(LEVEL),
          RUNS,
          draws -> alike.decidedAt(stop, STOPPED, draws));
    }
    FailureTraffic many = FailureTraffic.of(Course.steps(100).withIncident(), .02, .02).through(4);
    add(
        FALSE_STOPS,
        "failures, the same through 4 routers, one late",
        new AtMost(LEVEL),
        RUNS,
        draws -> many.decidedAt(stop, STOPPED, draws));
    EvaluationSpec byDefault = Specs.spec(.01, Specs.failures(1, .01)).build();
    FailureTraffic steps = FailureTraffic.of(Course.steps(100).withIncident(), .02, .02);
    add(
        FALSE_STOPS,
        "failures, steps and incident, at the default level",
        new AtMost(.01),
        RUNS,
        draws -> steps.decidedAt(byDefault, STOPPED, draws));
    EvaluationSpec rho = Specs.spec(LEVEL, Specs.failures(1.2, .01)).build();
    FailureTraffic onRatio = FailureTraffic.of(Course.constant(100, 1000), .024, .02);
    add(
        FALSE_STOPS,
        "failures, ratio 1.2 allowed and true",
        new AtMost(LEVEL),
        RUNS,
        draws -> onRatio.decidedAt(rho, STOPPED, draws));
    PairTraffic copies = new PairTraffic(200, 50);
    for (boolean incident : new boolean[] {false, true}) {
      add(
          FALSE_STOPS,
          "failures of copies" + (incident ? ", incident ×8" : ""),
          new AtMost(LEVEL),
          RUNS,
          draws -> copies.failures(stop, STOPPED, incident, .02, .02, draws));
    }
    for (int bp : new int[] {1000, 5000}) {
      FailureTraffic onMargin = FailureTraffic.of(Course.constant(100, bp), .03, .02);
      add(
          FALSE_PROOFS,
          "failures, 1 point higher, " + Course.constant(100, bp).words(),
          new AtMost(Specs.BETA),
          RUNS,
          draws -> onMargin.decidedAt(stop, PROVED, draws));
    }
    FailureTraffic steppingOnMargin = FailureTraffic.of(Course.steps(100), .03, .02);
    add(
        FALSE_PROOFS,
        "failures, 1 point higher, " + Course.steps(100).words(),
        new AtMost(Specs.BETA),
        RUNS,
        draws -> steppingOnMargin.decidedAt(stop, PROVED, draws));
    add(
        FALSE_PROOFS,
        "failures of copies, 1 point higher",
        new AtMost(Specs.BETA),
        RUNS,
        draws -> copies.failures(stop, PROVED, false, .03, .02, draws));
  }

  private void pairs() {
    PairTraffic pairs = new PairTraffic(200, 20);
    EvaluationSpec limits = Specs.spec(LEVEL, Specs.divergence(.02, .02)).build();
    record Named(String name, Law law) {}
    List<Named> laws =
        List.of(
            new Named("a few answers far off", Law.beta(.02)),
            new Named("all or nothing", Law.allOrNothing(.02)),
            new Named("96 % equal", Law.mostlyEqual(.02)));
    for (Named named : laws) {
      add(
          FALSE_STOPS,
          "divergence on the limit, " + named.name(),
          new AtMost(LEVEL),
          DEAR,
          draws -> pairs.divergence(limits, STOPPED, named.law(), draws));
    }
    for (Named named : laws) {
      add(
          FALSE_PROOFS,
          "divergence on the margin, " + named.name(),
          new AtMost(Specs.BETA),
          DEAR,
          draws -> pairs.divergence(limits, PROVED, named.law(), draws));
    }
    EvaluationSpec changed = Specs.spec(LEVEL, Specs.changed(.1, .1)).build();
    add(
        FALSE_STOPS,
        "changed decisions on the limit",
        new AtMost(LEVEL),
        RUNS,
        draws -> pairs.changed(changed, STOPPED, .1, draws));
    add(
        FALSE_STOPS,
        "changed decisions on the limit, 8 rows a call that change together",
        new AtMost(LEVEL),
        RUNS,
        draws -> pairs.changedTogether(changed, STOPPED, 8, .1, draws));
    add(
        FALSE_STOPS,
        "changed decisions on the limit, one call in 20 has 100 rows that change together",
        new AtMost(LEVEL),
        RUNS,
        draws -> pairs.changedInUnequalCalls(changed, STOPPED, 100, .1, draws));
    add(
        FALSE_PROOFS,
        "changed decisions on the band's end",
        new AtMost(Specs.BETA),
        RUNS,
        draws -> pairs.changed(changed, PROVED, .1, draws));
    add(
        FALSE_PROOFS,
        "changed decisions on the band's end, one call in 20 has 100 rows that change together",
        new AtMost(Specs.BETA),
        RUNS,
        draws -> pairs.changedInUnequalCalls(changed, PROVED, 100, .1, draws));
    EvaluationSpec wrong = Specs.spec(LEVEL, Specs.quality(Loss.ZERO_ONE, .02, .02)).build();
    EvaluationSpec brier = Specs.spec(LEVEL, Specs.quality(Loss.BRIER, 0, 0)).build();
    add(
        FALSE_STOPS,
        "quality, wrong decisions 2 points more, as allowed",
        new AtMost(LEVEL),
        DEAR,
        draws -> pairs.wrongDecisions(wrong, STOPPED, .12, .1, draws));
    add(
        FALSE_STOPS,
        "quality, Brier score alike",
        new AtMost(LEVEL),
        DEAR,
        draws -> pairs.equallyUncertain(brier, STOPPED, draws));
    add(
        FALSE_PROOFS,
        "quality, wrong decisions 2 points more",
        new AtMost(Specs.BETA),
        DEAR,
        draws -> pairs.wrongDecisions(wrong, PROVED, .12, .1, draws));
    add(
        FALSE_PROOFS,
        "quality, Brier score alike where better is asked for",
        new AtMost(Specs.BETA),
        DEAR,
        draws -> pairs.equallyUncertain(brier, PROVED, draws));
  }

  private void noiseFloor() {
    PairTraffic pairs = new PairTraffic(200, 20);
    EvaluationSpec floor = cancelled(.01, .01);
    add(
        FALSE_STOPS,
        "divergence above a noise floor of 3 %, on the limit of 1 point",
        new AtMost(LEVEL),
        RUNS,
        draws -> pairs.cancelled(floor, STOPPED, .04, .03, draws));
    add(
        FALSE_PROOFS,
        "divergence above a noise floor of 3 %, on the margin of 1 point",
        new AtMost(Specs.BETA),
        RUNS,
        draws -> pairs.cancelled(floor, PROVED, .04, .03, draws));
  }

  /** Divergence with a mirrored control: limit and margin are above the noise floor. */
  private static EvaluationSpec cancelled(double limit, double margin) {
    return Specs.spec(LEVEL, Specs.divergence(limit, margin))
        .setIntent(Intent.EQUIVALENT)
        .setMirroredControl(true)
        .build();
  }

  private void latency() {
    EvaluationSpec quarter = Specs.spec(LEVEL, Specs.latency(.25)).build();
    LatencyTraffic onTolerance = LatencyTraffic.calm(Course.constant(120, 1000), 500, 1.25);
    LatencyTraffic.Laws onToleranceLaws = onTolerance.laws();
    add(
        FALSE_STOPS,
        "latency, 25 % slower, as allowed",
        new AtMost(LEVEL),
        VERY_DEAR,
        draws -> onTolerance.decidedAt(quarter, STOPPED, onToleranceLaws, draws));
    add(
        FALSE_PROOFS,
        "latency, 25 % slower",
        new AtMost(Specs.BETA),
        VERY_DEAR,
        draws -> onTolerance.decidedAt(quarter, PROVED, onToleranceLaws, draws));
    EvaluationSpec none = Specs.spec(LEVEL, Specs.latency(0)).build();
    LatencyTraffic bursty = LatencyTraffic.bursty(Course.constant(60, 1000), 1);
    record Named(String name, LatencyTraffic traffic) {}
    for (Named named :
        List.of(
            new Named("latency alike, bursts of stalls", bursty),
            new Named(
                "latency alike, bursts of stalls, control with thrice the share",
                bursty.withControlShares(3)),
            new Named(
                "latency alike, bursts of stalls, steps and incident ×3",
                LatencyTraffic.bursty(Course.steps(60).withIncident(), 1)),
            new Named(
                "latency alike, bursts of stalls, 8 routers, one late", bursty.through(8, true)))) {
      LatencyTraffic.Laws laws = named.traffic().laws();
      add(
          FALSE_STOPS,
          named.name(),
          new AtMost(LEVEL),
          VERY_DEAR,
          draws -> named.traffic().decidedAt(none, STOPPED, laws, draws));
    }
  }

  private void splitAndKeys() {
    EvaluationSpec spec = Specs.spec(LEVEL, Specs.failures(1, .01)).build();
    for (Course course : List.of(Course.constant(100, 1000), Course.steps(100))) {
      FailureTraffic alike = FailureTraffic.of(course, .02, .02);
      add(
          FALSE_STOPS,
          "split as configured, " + course.words(),
          new AtMost(LEVEL),
          RUNS,
          draws -> alike.decidedAt(spec, SPLIT_DOUBTED, draws));
    }
    EvaluationSpec byKey = spec.toBuilder().setUnit(RandomisationUnit.KEY).build();
    KeyTraffic users = KeyTraffic.zipf(4, .01);
    add(
        FALSE_STOPS,
        "sticky users, failures, 4 routers",
        new AtMost(LEVEL),
        DEAR,
        draws -> users.decidedAt(byKey, 1000, STOPPED, draws));
    add(
        FALSE_STOPS,
        "sticky users, split, 4 routers",
        new AtMost(LEVEL),
        DEAR,
        draws -> users.decidedAt(byKey, 1000, SPLIT_DOUBTED, draws));
  }

  private void together() {
    for (double alpha : new double[] {LEVEL, .01}) {
      EvaluationSpec spec = Specs.spec(alpha, allMetrics()).build();
      Together all =
          new Together(
              LatencyTraffic.bursty(Course.steps(60).withIncident(), 1).withFailures(.02),
              20,
              .1,
              .12,
              .1);
      LatencyTraffic.Laws laws = all.requests().laws();
      add(
          FALSE_STOPS,
          "all metrics together, each on its limit, level " + Measured.percent(alpha),
          new AtMost(alpha),
          VERY_DEAR,
          draws -> all.decidedAt(spec, STOPPED, laws, draws));
    }
  }

  private void watch() {
    EvaluationSpec spec = Specs.spec(LEVEL, Specs.failures(1, .01)).build();
    WatchTraffic alike =
        new WatchTraffic(Course.constant(600, 1000).withIncident(), 100, .02, .02, 0);
    add(
        FALSE_STOPS,
        "ten minutes of watch after the promotion, 10 % kept, incident ×8",
        new AtMost(LEVEL),
        DEAR,
        draws -> alike.decidedAt(spec, draws));
    WatchTraffic worse = new WatchTraffic(Course.constant(600, 1000), 100, .02, .06, 300);
    add(
        FOUND,
        "errors ×3 that begin after five of ten minutes of watch, 10 % kept",
        new MoreThan(.9),
        DEAR,
        draws -> worse.decidedAt(spec, draws));
  }

  private static MetricSpec[] allMetrics() {
    return new MetricSpec[] {
      Specs.failures(1, .01),
      Specs.latency(0),
      Specs.changed(.1, .1),
      Specs.quality(Loss.ZERO_ONE, .02, .02)
    };
  }

  private void detections() {
    regression("errors ×3, share 10 %, level 5 %", 1000, .06, .02, .05, 1398);
    regression("errors ×5, share 10 %, level 1 %", 1000, .1, .02, .01, 704);
    regression("errors ×10, share 10 %, level 1 %", 1000, .2, .02, .01, 224);
    regression("errors ×2, share 50 %, level 5 %", 5000, .04, .02, .05, 1934);
    proof("equal errors of 0.1 % proved, share 50 %", 5000, .001, 1190);
    EvaluationSpec mean = Specs.spec(LEVEL, Specs.divergence(.02, .02)).build();
    diverging("divergence .04 where .02 is allowed", mean, Law.beta(.04), STOPPED, 58);
    diverging("divergence .03 where .02 is allowed", mean, Law.beta(.03), STOPPED, 181);
    diverging("divergence .01 proved below .02", mean, Law.beta(.01), PROVED, 656);
    EvaluationSpec tolerant = Specs.spec(LEVEL, Specs.latency(.25)).build();
    LatencyTraffic equal = LatencyTraffic.calm(Course.constant(200, 500), 400, 1);
    LatencyTraffic.Laws laws = equal.laws();
    add(
        FOUND,
        "equal latency proved, 25 % allowed, canary and control 20 calls/s each, in seconds",
        new Median(53, .15),
        VERY_DEAR,
        draws -> equal.decidedAt(tolerant, PROVED, laws, draws));
    LatencyTraffic allTheRest = equal.withControlShares(19);
    add(
        FOUND,
        "the same, with all the rest of the traffic as control",
        new Median(27, .15),
        VERY_DEAR,
        draws -> allTheRest.decidedAt(tolerant, PROVED, laws, draws));
    EvaluationSpec strict = Specs.spec(.01, Specs.latency(.25)).build();
    LatencyTraffic twice = LatencyTraffic.calm(Course.constant(60, 2500), 500, 2);
    LatencyTraffic.Laws twiceLaws = twice.laws();
    add(
        FOUND,
        "latency ×2, 25 % allowed, level 1 %, in seconds",
        new Median(11, .15),
        VERY_DEAR,
        draws -> twice.decidedAt(strict, STOPPED, twiceLaws, draws));
    EvaluationSpec none = Specs.spec(LEVEL, Specs.latency(0)).build();
    LatencyTraffic stalling = LatencyTraffic.bursty(Course.constant(60, 1000), 3);
    LatencyTraffic.Laws stallingLaws = stalling.laws();
    add(
        FOUND,
        "canary stalls three times as often, within 60 s",
        new MoreThan(.7),
        VERY_DEAR,
        draws -> stalling.decidedAt(none, STOPPED, stallingLaws, draws));
    EvaluationSpec plain = Specs.spec(LEVEL, Specs.failures(1, .01)).build();
    FailureTraffic late = new FailureTraffic(Course.constant(400, 1000), 1, 100, .06, .02, 300);
    add(
        FOUND,
        "errors ×3 that begin late, at request 30,000 of 40,000",
        new MoreThan(.65),
        DEAR,
        draws -> late.decidedAt(plain, STOPPED, draws));
  }

  private void regression(
      String name, int canaryBp, double canary, double champion, double alpha, long median) {
    EvaluationSpec spec = Specs.spec(alpha, Specs.failures(1, .01)).build();
    FailureTraffic traffic = FailureTraffic.of(Course.constant(100, canaryBp), canary, champion);
    twice(
        name,
        median,
        RUNS,
        100,
        (byEvent, draws) -> traffic.decidedAtRequest(spec, STOPPED, byEvent, draws));
  }

  private void proof(String name, int canaryBp, double rate, long median) {
    EvaluationSpec spec = Specs.spec(LEVEL, Specs.failures(1, .01)).build();
    FailureTraffic traffic = FailureTraffic.of(Course.constant(100, canaryBp), rate, rate);
    twice(
        name,
        median,
        VERY_DEAR,
        100,
        (byEvent, draws) -> traffic.decidedAtRequest(spec, PROVED, byEvent, draws));
  }

  private void diverging(
      String name, EvaluationSpec spec, Law law, Trial.Question question, long median) {
    twice(
        name,
        median,
        question == STOPPED ? RUNS : DEAR,
        20,
        (byEvent, draws) ->
            new PairTraffic(byEvent ? 4000 : 200, byEvent ? 1 : 20)
                .divergence(spec, question, law, draws));
  }

  @FunctionalInterface
  private interface Watched {
    long decidedAt(boolean byEvent, Draws draws);
  }

  private void twice(String name, long median, int runs, int perSecond, Watched watched) {
    Experiment byEvent =
        new Experiment(
            FOUND,
            name + ", a record for each event",
            new Median(median, .15),
            runs,
            name,
            draws -> watched.decidedAt(true, draws));
    Experiment bySecond =
        new Experiment(
            FOUND,
            name + ", a record for each second",
            new Median(
                -Math.floorDiv(-median, perSecond) * (long) perSecond, within(median, perSecond)),
            runs,
            name,
            draws -> watched.decidedAt(false, draws));
    experiments.add(byEvent);
    experiments.add(bySecond);
    detections.add(new Detection(byEvent, bySecond, perSecond));
  }

  /** So many observations, filled up to whole seconds. */
  private static long wholeSeconds(long observations, int perSecond) {
    return (observations + perSecond - 1) / perSecond * perSecond;
  }

  /** 15 %, and two seconds for the look once a second. */
  private static double within(long median, int perSecond) {
    return .15 + 2.0 * perSecond / (double) wholeSeconds(median, perSecond);
  }

  private void wrongMethods() {
    WrongMethods.Slow slow = WrongMethods.Slow.p95();
    add(
        WRONG,
        "equal latency in bursts, each slow request counted by itself",
        new MoreThan(.5),
        DEAR,
        draws -> WrongMethods.slowRequestsAsEvents(LEVEL, 60, slow, draws));
    EvaluationSpec requests = Specs.spec(LEVEL, Specs.failures(1, .01)).setAlphaSplit(.001).build();
    KeyTraffic users = KeyTraffic.zipf(1, .01);
    add(
        WRONG,
        "sticky users, split judged by requests, level 0.1 %",
        new MoreThan(.5),
        DEAR,
        draws -> users.decidedAt(requests, 1000, SPLIT_DOUBTED, draws));
    EvaluationSpec none = Specs.spec(LEVEL, Specs.latency(0)).build();
    LatencyTraffic manyRouters =
        new LatencyTraffic(Course.constant(60, 2500), 1, 1, true, 2000, 1, Stalling.often(1), 0)
            .through(40, false);
    LatencyTraffic.Laws laws = manyRouters.laws();
    add(
        WRONG,
        "equal latency in shared bursts, 40 routers judged one by one",
        new MoreThan(.5),
        DEAREST,
        draws -> manyRouters.decidedAt(none, STOPPED, laws, draws));
    LatencyTraffic putTogether = manyRouters.through(40, true);
    add(
        FALSE_STOPS,
        "latency alike, shared bursts, 40 routers put together",
        new AtMost(LEVEL),
        DEAREST,
        draws -> putTogether.decidedAt(none, STOPPED, laws, draws));
  }

  private void others() {
    ThresholdRule once = new ThresholdRule(1.5, 500, 0);
    ThresholdRule thrice = new ThresholdRule(1.5, 500, 2);
    add(
        OTHERS,
        "canary errors > 1.5 × champion per 500 requests, one failure stops",
        new Promise.Nothing(),
        RUNS,
        draws -> WrongMethods.threshold(once, .02, draws));
    add(
        OTHERS,
        "the same, the third failure stops",
        new Promise.Nothing(),
        RUNS,
        draws -> WrongMethods.threshold(thrice, .02, draws));
    for (int every : new int[] {1, 100, 1000}) {
      add(
          OTHERS,
          "z-test at 5 %, looked at every " + (every == 1 ? "request" : every + " requests"),
          new Promise.Nothing(),
          RUNS,
          draws -> WrongMethods.zTest(.02, .02, every, draws));
    }
  }
}
