package dev.understudy.evidence.simulation;

import dev.understudy.evidence.process.Draws;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * Requests that succeed or fail. Counts are drawn per second and router, not request by request.
 *
 * <p>With several routers a change of shares reaches each a second later than the one before it, so
 * that seconds hold two decisions; and every tenth second the last router's counts come late.
 *
 * @param course shares and troubles
 * @param routers that share the requests
 * @param perSecond requests of all routers
 * @param canaryRate failure rate of the challenger
 * @param championRate failure rate of the champion
 * @param worseFrom second from which {@code canaryRate} holds; the champion's before it
 */
record FailureTraffic(
    Course course,
    int routers,
    int perSecond,
    double canaryRate,
    double championRate,
    int worseFrom) {
  private static final double INCIDENT = 8;
  private static final int LATE_EVERY = 10;

  /** What one second brought. */
  record Counts(long canary, long canaryBad, long champion, long championBad) {
    static Counts draw(
        long requests, double w, double canaryRate, double championRate, Draws draws) {
      long canary = draws.binomial(requests, w);
      long champion = requests - canary;
      return new Counts(
          canary,
          draws.binomial(canary, canaryRate),
          champion,
          draws.binomial(champion, championRate));
    }

    /** As a router counts them, under this share in 1/10000. */
    List<Cell> cells(int canaryBp) {
      return List.of(
          Cells.of(Role.CANARY, canaryBp, 0, canary - canaryBad, canaryBad, null),
          Cells.of(Role.CHAMPION, canaryBp, 0, champion - championBad, championBad, null));
    }

    JoinedBlock.Builder block(int canaryBp) {
      return JoinedBlock.newBuilder().setRouters(1).addAllCells(cells(canaryBp));
    }
  }

  static FailureTraffic of(Course course, double canaryRate, double championRate) {
    return new FailureTraffic(course, 1, 100, canaryRate, championRate, 0);
  }

  FailureTraffic through(int manyRouters) {
    return new FailureTraffic(course, manyRouters, perSecond, canaryRate, championRate, worseFrom);
  }

  /** Requests until the question is answered with yes. */
  long decidedAt(EvaluationSpec spec, Trial.Question question, Draws draws) {
    Trial trial = new Trial(spec);
    for (int second = 0; second < course.seconds(); second++) {
      step(trial, second, draws);
      if (trial.answer(question)) {
        return (second + 1L) * perSecond;
      }
    }
    return Experiment.NEVER;
  }

  /** The next second of a rollout. */
  void step(Trial trial, int second, Draws draws) {
    double trouble = course.troubled(second) ? INCIDENT : 1;
    double canary = StrictMath.min(1, trouble * (second >= worseFrom ? canaryRate : championRate));
    double champion = StrictMath.min(1, trouble * championRate);
    JoinedBlock.Builder block = JoinedBlock.newBuilder().setRouters(routers);
    List<Cell> late = new ArrayList<>();
    for (int router = 0; router < routers; router++) {
      int bp = course.canaryBpAt(second - router);
      List<Cell> cells =
          Counts.draw(perSecond / routers, bp / 10_000.0, canary, champion, draws).cells(bp);
      if (router > 0 && router == routers - 1 && second % LATE_EVERY == 0) {
        late.addAll(cells);
      } else {
        block.addAllCells(cells);
      }
    }
    trial.second(block);
    if (!late.isEmpty()) {
      trial.late(late);
    }
  }

  /**
   * The same traffic request by request: a record after every event that moves the evidence, or
   * after every {@code perSecond} requests. Both see the same requests when they see the same
   * numbers.
   *
   * @param eachEvent a record after each failure (and after each request when asked for a proof)
   */
  long decidedAtRequest(
      EvaluationSpec spec, Trial.Question question, boolean eachEvent, Draws draws) {
    Trial trial = new Trial(spec);
    int bp = course.canaryBp();
    long[] counts = new long[4];
    long requests = (long) course.seconds() * perSecond;
    for (long request = 1; request <= requests; request++) {
      int canary = draws.nextDouble() < bp / 10_000.0 ? 1 : 0;
      int bad = draws.nextDouble() < (canary == 1 ? canaryRate : championRate) ? 1 : 0;
      counts[2 * canary + bad]++;
      boolean event = bad == 1 || question != Trial.Question.STOPPED;
      if (eachEvent ? event : request % perSecond == 0) {
        trial.second(
            JoinedBlock.newBuilder()
                .addCells(Cells.of(Role.CANARY, bp, 0, counts[2], counts[3], null))
                .addCells(Cells.of(Role.CHAMPION, bp, 0, counts[0], counts[1], null)));
        java.util.Arrays.fill(counts, 0);
        if (trial.answer(question)) {
          return request;
        }
      }
    }
    return Experiment.NEVER;
  }
}
