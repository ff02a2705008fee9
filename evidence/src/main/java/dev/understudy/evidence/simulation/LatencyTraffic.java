package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * Requests with latencies, answered by a canary and a live control, each a server with stalls of
 * its own. The champion's own latencies play no part and are not drawn.
 *
 * @param course shares and troubles; an incident makes both three times as slow
 * @param controlShares share of the control as a multiple of the canary's
 * @param routers that share the requests
 * @param joined whether the routers' counts of a second are put together, as they must be, or
 *     judged one after the other
 * @param perSecond requests of all arms and routers
 * @param slowness factor on the challenger's latency
 * @param stalling of both servers
 * @param failureRate of all arms; eight times that in an incident
 */
record LatencyTraffic(
    Course course,
    double controlShares,
    int routers,
    boolean joined,
    int perSecond,
    double slowness,
    Stalling stalling,
    double failureRate) {
  private static final double STALLED = 4;
  private static final double INCIDENT = 3;
  private static final double INCIDENT_FAILURES = 8;
  private static final int LATE_EVERY = 10;

  /**
   * How servers stand still.
   *
   * @param perSecond stalls of the control that begin in a second without any
   * @param canaryPerSecond the same of the canary
   * @param seconds length of each
   */
  record Stalling(double perSecond, double canaryPerSecond, double seconds) {
    static final Stalling NONE = new Stalling(0, 0, 0);

    /** A fifth of a second, once in two seconds; the canary so many times as often. */
    static Stalling often(double canaryFactor) {
      return new Stalling(.5, .5 * canaryFactor, .2);
    }
  }

  static LatencyTraffic calm(Course course, int perSecond, double slowness) {
    return new LatencyTraffic(course, 1, 1, true, perSecond, slowness, Stalling.NONE, 0);
  }

  static LatencyTraffic bursty(Course course, double canaryFactor) {
    return new LatencyTraffic(course, 1, 1, true, 1000, 1, Stalling.often(canaryFactor), 0);
  }

  /** With several routers, every tenth second one of them comes late. */
  LatencyTraffic through(int many, boolean putTogether) {
    return new LatencyTraffic(
        course, controlShares, many, putTogether, perSecond, slowness, stalling, failureRate);
  }

  LatencyTraffic withControlShares(double multiple) {
    return new LatencyTraffic(
        course, multiple, routers, joined, perSecond, slowness, stalling, failureRate);
  }

  LatencyTraffic withFailures(double rate) {
    return new LatencyTraffic(
        course, controlShares, routers, joined, perSecond, slowness, stalling, rate);
  }

  /** Latencies of both servers at rest, stalled, and in an incident. */
  record Laws(
      Latencies.Law control,
      Latencies.Law canary,
      Latencies.Law controlStalled,
      Latencies.Law canaryStalled,
      Latencies.Law controlIncident,
      Latencies.Law canaryIncident) {}

  /** What is needed to draw; made once, because the tables take time. */
  Laws laws() {
    return new Laws(
        Latencies.Law.slower(1),
        Latencies.Law.slower(slowness),
        Latencies.Law.slower(STALLED),
        Latencies.Law.slower(slowness * STALLED),
        Latencies.Law.slower(INCIDENT),
        Latencies.Law.slower(slowness * INCIDENT));
  }

  /** Seconds until the question is answered with yes. */
  long decidedAt(EvaluationSpec spec, Trial.Question question, Laws laws, Draws draws) {
    Trial trial = new Trial(spec.toBuilder().setSeed(draws.nextLong()).build());
    Run run = new Run(laws, draws);
    for (int second = 0; second < course.seconds(); second++) {
      if (run.step(trial, second, question)) {
        return second + 1L;
      }
    }
    return Experiment.NEVER;
  }

  /** One rollout in progress. */
  final class Run {
    private final Laws laws;
    private final Draws draws;
    private final Latencies latencies = new Latencies();
    private final Stalls canaryStalls = new Stalls(stalling.canaryPerSecond(), stalling.seconds());
    private final Stalls controlStalls = new Stalls(stalling.perSecond(), stalling.seconds());

    Run(Laws laws, Draws draws) {
      this.laws = laws;
      this.draws = draws;
    }

    /** The next second; whether the question is answered with yes in or after it. */
    boolean step(Trial trial, int second, Trial.Question question) {
      double canaryStalled = canaryStalls.next(draws);
      double controlStalled = controlStalls.next(draws);
      List<Cell> all = new ArrayList<>();
      List<Cell> late = new ArrayList<>();
      for (int router = 0; router < routers; router++) {
        boolean comesLate = router > 0 && router == routers - 1 && second % LATE_EVERY == 0;
        List<Cell> cells = cells(second, canaryStalled, controlStalled);
        if (!joined) {
          trial.second(JoinedBlock.newBuilder().addAllCells(cells));
          if (trial.answer(question)) {
            return true;
          }
        } else {
          (comesLate ? late : all).addAll(cells);
        }
      }
      if (joined) {
        trial.second(JoinedBlock.newBuilder().setRouters(routers).addAllCells(all));
        if (!late.isEmpty()) {
          trial.late(late);
        }
      }
      return trial.answer(question);
    }

    /** One router's cells of a second. */
    private List<Cell> cells(int second, double canaryStalled, double controlStalled) {
      int canaryBp = course.canaryBpAt(second);
      int controlBp = Math.min((int) StrictMath.round(canaryBp * controlShares), 10_000 - canaryBp);
      boolean troubled = course.troubled(second);
      double failing = (troubled ? INCIDENT_FAILURES : 1) * failureRate;
      long requests = perSecond / routers;
      long onCanary = draws.binomial(requests, canaryBp / 10_000.0);
      long onControl =
          draws.binomial(requests - onCanary, StrictMath.min(1, controlBp / (10_000.0 - canaryBp)));
      long onChampion = requests - onCanary - onControl;
      long championBad = draws.binomial(onChampion, failing);
      return List.of(
          arm(
              Role.CANARY,
              canaryBp,
              controlBp,
              onCanary,
              failing,
              canaryStalled,
              troubled ? laws.canaryIncident() : laws.canary(),
              laws.canaryStalled()),
          arm(
              Role.CONTROL,
              canaryBp,
              controlBp,
              onControl,
              failing,
              controlStalled,
              troubled ? laws.controlIncident() : laws.control(),
              laws.controlStalled()),
          Cells.of(
              Role.CHAMPION, canaryBp, controlBp, onChampion - championBad, championBad, null));
    }

    private Cell arm(
        Role role,
        int canaryBp,
        int controlBp,
        long requests,
        double failing,
        double stalledShare,
        Latencies.Law atRest,
        Latencies.Law stalled) {
      long standing = draws.binomial(requests, stalledShare);
      latencies.draw(requests - standing, atRest, draws);
      latencies.draw(standing, stalled, draws);
      long bad = draws.binomial(requests, failing);
      return Cells.of(role, canaryBp, controlBp, requests - bad, bad, latencies.take());
    }
  }
}
