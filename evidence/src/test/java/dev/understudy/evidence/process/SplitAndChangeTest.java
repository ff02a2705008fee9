package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class SplitAndChangeTest {

  private static Simulation split(
      String name, int runs, Traffic.Share configured, double factor, double alpha) {
    return Simulation.of(
        "SRM " + name,
        runs,
        random -> {
          SplitCheck check = new SplitCheck();
          for (int i = 0; i < 10_000; i++) {
            double w = configured.at(i);
            boolean onCanary = random.nextDouble() < factor * w;
            check.assigned(w, onCanary ? 1 : 0, onCanary ? 0 : 1);
            if (i % 5 == 4 && check.mismatch(alpha)) {
              return i + 1L;
            }
          }
          return Simulation.NEVER;
        });
  }

  @Test
  void aTrueSplitIsRarelyDoubted() {
    split("A/A w=.1 alpha .001", 400, i -> .1, 1, .001).assertLevel(.001);
    split("A/A w=.1 alpha .05", 400, i -> .1, 1, .05).assertLevel(.05);
    split("A/A steps alpha .05", 400, Traffic::steps, 1, .05).assertLevel(.05);
  }

  @Test
  void aWrongSplitIsFoundInKnownTime() {
    split("10 % configured, 12 % true", 300, i -> .1, 1.2, .001).assertMedian(4099);
    split("10 % configured, 15 % true", 300, i -> .1, 1.5, .001).assertMedian(670);
  }

  @Test
  void stickyUsersMustBeCountedOnce() {
    // The control experiment that must fail: users with Zipf activity stay on their arm; requests
    // are counted instead of users.
    for (boolean firstSeenOnly : new boolean[] {false, true}) {
      Simulation simulation =
          Simulation.of(
              "SRM sticky Zipf users, " + (firstSeenOnly ? "first seen" : "requests (must fail)"),
              200,
              random -> {
                int users = 2000;
                double[] cumulative = new double[users];
                byte[] arm = new byte[users]; // 0 unseen, 1 canary, 2 baseline
                for (int u = 0; u < users; u++) {
                  cumulative[u] = (u > 0 ? cumulative[u - 1] : 0) + 1.0 / (u + 1);
                }
                SplitCheck check = new SplitCheck();
                for (int i = 0; i < 10_000; i++) {
                  int at =
                      java.util.Arrays.binarySearch(
                          cumulative, random.nextDouble() * cumulative[users - 1]);
                  int user = at < 0 ? -at - 1 : at;
                  boolean first = arm[user] == 0;
                  if (first) {
                    arm[user] = (byte) (random.nextDouble() < .1 ? 1 : 2);
                  }
                  if (first || !firstSeenOnly) {
                    check.assigned(.1, arm[user] == 1 ? 1 : 0, arm[user] == 1 ? 0 : 1);
                  }
                  if (i % 20 == 0 && check.mismatch(.001)) {
                    return i;
                  }
                }
                return Simulation.NEVER;
              });
      if (firstSeenOnly) {
        simulation.assertLevel(.001);
      } else {
        simulation.assertShareAbove(.5);
      }
    }
  }

  @Test
  void countedEqualsOneByOneAndManySegmentsStayBounded() {
    SplitCheck single = new SplitCheck();
    SplitCheck counted = new SplitCheck();
    for (int i = 0; i < 5000; i++) {
      single.assigned(i % 2 == 0 ? .1 : .25, i % 7 == 0 ? 1 : 0, i % 7 == 0 ? 0 : 1);
    }
    counted.assigned(.1, 358, 2142);
    counted.assigned(.25, 357, 2143);
    assertEquals(counted.logE(), single.logE(), 1e-9);
    SplitCheck many = new SplitCheck();
    double sum = 0;
    for (int i = 1; i <= 200; i++) {
      SplitCheck one = new SplitCheck();
      one.assigned(i / 400.0, i, 400 - i);
      sum += one.logE();
      many.assigned(i / 400.0, i, 400 - i);
    }
    assertEquals(sum, many.logE(), 1e-9);
    many.assigned(0, 5, 5);
    many.assigned(1, 5, 5);
    assertEquals(sum, many.logE(), 1e-9);
    SplitCheck huge = new SplitCheck();
    huge.assigned(.1, 100_000_000_000L, 900_000_000_000L);
    assertTrue(huge.logE() < 0 && huge.logE() > -20, () -> "logE " + huge.logE());
    assertThrows(IllegalArgumentException.class, () -> many.assigned(Double.NaN, 1, 1));
  }

  /**
   * Bad events in 400 blocks of 100 requests, three times as many on the canary from a block on.
   */
  private static long blocks(SplittableRandom random, int changeAt, boolean detector) {
    ChangeDetector<LabelProcess> watch =
        new ChangeDetector<>(
            new LabelProcess(new LabelProcess.Parameters(Direction.ABORT, 1, 0)), 400);
    LabelProcess plain = new LabelProcess(LabelProcess.Parameters.abort(1));
    for (int block = 0; block < 400; block++) {
      int canary = 0;
      int baseline = 0;
      for (int i = 0; i < 100; i++) {
        boolean onCanary = random.nextDouble() < .1;
        if (random.nextDouble() < (onCanary && block >= changeAt ? .06 : .02)) {
          canary += onCanary ? 1 : 0;
          baseline += onCanary ? 0 : 1;
        }
      }
      watch.block().bad(.1, canary, baseline);
      plain.bad(.1, canary, baseline);
      watch.endBlock();
      if (detector ? watch.detected(.05) : plain.reaches(.05)) {
        return (block - changeAt + 1) * 100L;
      }
    }
    return Simulation.NEVER;
  }

  @Test
  void aLateChangeIsFoundByTheDetectorAndMissedOtherwise() {
    Simulation.of("SR A/A", 500, r -> blocks(r, 400, true)).assertLevel(.05);
    Simulation detector =
        Simulation.of("SR x3 from request 30,000", 300, r -> blocks(r, 300, true));
    detector.assertShareAbove(.97);
    detector.assertMedian(2682);
    Simulation plain = Simulation.of("A1 x3 from request 30,000", 300, r -> blocks(r, 300, false));
    assertTrue(plain.share() < .85 && plain.median() > 2 * detector.median());
  }

  @Test
  void theDetectorStartsFreshAndBounded() {
    BettingMean used = new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02));
    used.add(0);
    assertThrows(IllegalArgumentException.class, () -> new ChangeDetector<>(used, 10));
    ChangeDetector<BettingMean> watch =
        new ChangeDetector<>(
            new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02)), 1000);
    for (int i = 0; i < 10; i++) {
      watch.endBlock();
    }
    assertEquals(Math.log(10), watch.logM(), 1e-12); // Without evidence M counts blocks.
    assertFalse(watch.detected(.05));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ChangeDetector<>(
                new BettingMean(new BettingMean.Parameters(Direction.ABORT, .02)), 0));
  }
}
