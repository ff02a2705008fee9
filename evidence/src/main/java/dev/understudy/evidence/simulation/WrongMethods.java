package dev.understudy.evidence.simulation;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.process.Draws;
import dev.understudy.evidence.rule.ThresholdRule;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import java.util.ArrayList;
import java.util.List;

/** What others do, and what one might do by mistake. None of it is used to decide. */
final class WrongMethods {
  private static final double W = 0.1;
  private static final int CANARY_BP = 1000;
  private static final double SLOWEST = 0.05;
  private static final int FIRST_LOOK = 500;

  private WrongMethods() {}

  /** Shares of requests above the quantile, at rest and in a stall. */
  record Slow(double atRest, double stalled) {
    static Slow p95() {
      Latencies.Law rest = Latencies.Law.slower(1);
      int bucket = 0;
      for (int step = LatencyGrid.SIZE / 2; step > 0; step /= 2) {
        if (rest.shareFrom(bucket + step) > SLOWEST) {
          bucket += step;
        }
      }
      bucket++;
      return new Slow(rest.shareFrom(bucket), Latencies.Law.slower(4).shareFrom(bucket));
    }
  }

  /**
   * Two equal servers that stall on their own, 1,000 requests a second; each slow request counts as
   * if it said something by itself. Requests until the canary is called slower.
   */
  static long slowRequestsAsEvents(double alpha, int seconds, Slow slow, Draws draws) {
    Trial trial = new Trial(Specs.spec(alpha, Specs.failures(1, 0.01)).build());
    Stalls canaryStalls = new Stalls(.5, .2);
    Stalls championStalls = new Stalls(.5, .2);
    for (int second = 0; second < seconds; second++) {
      long canary = draws.binomial(1000, W);
      long canarySlow = slow(canary, canaryStalls, slow, draws);
      long championSlow = slow(1000 - canary, championStalls, slow, draws);
      trial.second(
          JoinedBlock.newBuilder()
              .addCells(Cells.of(Role.CANARY, CANARY_BP, 0, canary - canarySlow, canarySlow, null))
              .addCells(
                  Cells.of(
                      Role.CHAMPION,
                      CANARY_BP,
                      0,
                      1000 - canary - championSlow,
                      championSlow,
                      null)));
      if (trial.answer(Trial.Question.STOPPED)) {
        return (second + 1) * 1000L;
      }
    }
    return Experiment.NEVER;
  }

  private static long slow(long requests, Stalls stalls, Slow slow, Draws draws) {
    long standing = draws.binomial(requests, stalls.next(draws));
    return draws.binomial(requests - standing, slow.atRest())
        + draws.binomial(standing, slow.stalled());
  }

  /**
   * A one-sided z-test at 5 % of two shares, looked at again and again. Requests until it calls the
   * canary worse, in 10,000.
   *
   * @param every requests between looks, from request 500 on
   */
  static long zTest(double canaryRate, double championRate, int every, Draws draws) {
    ZTest test = new ZTest();
    for (int request = 1; request <= 10_000; request++) {
      test.add(FailureTraffic.Counts.draw(1, W, canaryRate, championRate, draws));
      if (request >= FIRST_LOOK && request % every == 0 && test.z() > ZTest.AT_FIVE_PERCENT) {
        return request;
      }
    }
    return Experiment.NEVER;
  }

  /** The usual comparison of two shares. */
  static final class ZTest {
    static final double AT_FIVE_PERCENT = 1.644854;

    private long canary;
    private long canaryBad;
    private long champion;
    private long championBad;

    void add(FailureTraffic.Counts counts) {
      canary += counts.canary();
      canaryBad += counts.canaryBad();
      champion += counts.champion();
      championBad += counts.championBad();
    }

    double z() {
      if (canary == 0 || champion == 0 || canaryBad + championBad == 0) {
        return 0;
      }
      double pooled = (double) (canaryBad + championBad) / (canary + champion);
      double variance = pooled * (1 - pooled) * (1.0 / canary + 1.0 / champion);
      return variance == 0
          ? 0
          : ((double) canaryBad / canary - (double) championBad / champion)
              / StrictMath.sqrt(variance);
    }
  }

  /** A threshold on error rates per 500 requests; requests until it stops, in 10,000. */
  static long threshold(ThresholdRule rule, double rate, Draws draws) {
    List<ThresholdRule.Block> blocks = new ArrayList<>();
    for (int second = 0; second < 100; second++) {
      long canary = draws.binomial(100, W);
      blocks.add(
          new ThresholdRule.Block(
              second,
              canary,
              draws.binomial(canary, rate),
              100 - canary,
              draws.binomial(100 - canary, rate)));
    }
    ThresholdRule.Decision decision = rule.decide(blocks);
    return decision.stopped() ? decision.requests() : Experiment.NEVER;
  }
}
