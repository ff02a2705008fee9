package dev.understudy.evidence.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class MarginProcessTest {
  private static final int RUNS = 600;

  private static Simulation run(
      String name, Traffic traffic, Direction direction, double margin, double level) {
    return Simulation.of(
        "A2 " + name,
        RUNS,
        random -> {
          MarginProcess process =
              new MarginProcess(new MarginProcess.Parameters(direction, margin));
          int[] seen = {0};
          return traffic.decidedAt(
              random,
              (w, onCanary, bad) -> {
                process.add(
                    w,
                    onCanary && !bad ? 1 : 0,
                    onCanary && bad ? 1 : 0,
                    onCanary || bad ? 0 : 1,
                    !onCanary && bad ? 1 : 0);
                seen[0]++;
                // Looking at each failure and each eighth request; any stopping rule keeps the
                // level.
                return (bad || seen[0] % 8 == 0) && process.reaches(level);
              });
        });
  }

  @Test
  void equalArmsAreRarelyStopped() {
    run("A/A margin 0 w=.1", Traffic.of(.1, .02, .02), Direction.ABORT, 0, .05).assertLevel(.05);
    run("A/A margin 0 steps", Traffic.aa(Traffic::steps, i -> .02), Direction.ABORT, 0, .05)
        .assertLevel(.05);
    run(
            "A/A margin 0 incident",
            Traffic.aa(Traffic.constant(.5), Traffic.incident(.02)),
            Direction.ABORT,
            0,
            .05)
        .assertLevel(.05);
  }

  @Test
  void theLevelHoldsOnTheMarginInBothDirections() {
    for (double w : new double[] {.1, .5}) {
      Traffic boundary = Traffic.of(w, .03, .02);
      run("margin .01 true, abort w=" + w, boundary, Direction.ABORT, .01, .05).assertLevel(.05);
      run("margin .01 true, promote w=" + w, boundary, Direction.PROMOTE, .01, .05)
          .assertLevel(.05);
    }
    run(
            "margin .01 true, promote steps",
            new Traffic(Traffic::steps, i -> .03, i -> .02, 10_000),
            Direction.PROMOTE,
            .01,
            .05)
        .assertLevel(.05);
  }

  @Test
  void equalArmsAreProvedInKnownTime() {
    run("promote base .1 % w=.1", Traffic.of(.1, .001, .001), Direction.PROMOTE, .01, .05)
        .assertMedian(5648);
    run("promote base .1 % w=.5", Traffic.of(.5, .001, .001), Direction.PROMOTE, .01, .05)
        .assertMedian(1190);
    run("promote base 2 % w=.5", Traffic.of(.5, .02, .02), Direction.PROMOTE, .01, .05)
        .assertMedian(6052);
  }

  @Test
  void withoutAMarginItIsTheLabelProcess() {
    MarginProcess margin = new MarginProcess(new MarginProcess.Parameters(Direction.ABORT, 0));
    LabelProcess label = new LabelProcess(LabelProcess.Parameters.abort(1));
    margin.add(.1, 500, 7, 4000, 20);
    label.bad(.1, 7, 20);
    assertEquals(label.logE(), margin.logE(), 1e-12);
  }

  @Test
  void countedEqualsOneByOneAndLossesOfOneAreFailures() {
    for (Direction direction : Direction.values()) {
      MarginProcess.Parameters parameters = new MarginProcess.Parameters(direction, .01);
      MarginProcess single = new MarginProcess(parameters);
      MarginProcess losses = new MarginProcess(parameters);
      SplittableRandom random = new SplittableRandom(3);
      long[][] counts = new long[2][4];
      double[] shares = {.05, .5};
      for (int i = 0; i < 20_000; i++) {
        int step = i < 12_000 ? 0 : 1;
        int cell = (random.nextDouble() < shares[step] ? 0 : 2) + (random.nextInt(40) == 0 ? 1 : 0);
        counts[step][cell]++;
        single.add(
            shares[step],
            cell == 0 ? 1 : 0,
            cell == 1 ? 1 : 0,
            cell == 2 ? 1 : 0,
            cell == 3 ? 1 : 0);
        losses.loss(shares[step], cell < 2, cell % 2);
      }
      MarginProcess counted = new MarginProcess(parameters);
      for (int i = 1; i >= 0; i--) {
        counted.add(shares[i], counts[i][0], counts[i][1], counts[i][2], counts[i][3]);
      }
      assertEquals(single.logE(), counted.logE(), 1e-8);
      assertEquals(single.logE(), losses.logE(), 1e-8);
      assertEquals(20_000, counted.events());
    }
  }

  @Test
  void everyFactorIsPositiveAndFairOnTheBoundary() {
    // With p_canary - p_baseline = margin the expected factor is exactly 1.
    for (Direction direction : Direction.values()) {
      for (double w : new double[] {1e-9, .05, .5, .95, 1 - 1e-9}) {
        for (double margin : new double[] {-.5, -.01, 0, .01, .9}) {
          double baseline = Math.max(0, -margin) + .01;
          double canary = baseline + margin;
          MarginProcess.Parameters parameters = new MarginProcess.Parameters(direction, margin);
          double[] chance = {
            w * (1 - canary), w * canary, (1 - w) * (1 - baseline), (1 - w) * baseline
          };
          double mean = 0;
          for (int cell = 0; cell < 4; cell++) {
            MarginProcess process = new MarginProcess(parameters);
            process.add(
                w, cell == 0 ? 1 : 0, cell == 1 ? 1 : 0, cell == 2 ? 1 : 0, cell == 3 ? 1 : 0);
            assertTrue(Double.isFinite(process.logE()));
            mean += chance[cell] * Math.exp(process.logE());
          }
          assertEquals(1, mean, 1e-7, direction + " w " + w + " margin " + margin);
        }
      }
    }
  }

  @Test
  void unpairedLossesKeepTheirLevelOnTheMargin() {
    Simulation.of(
            "A2 losses in [0,1], margin .02 true, promote",
            RUNS,
            random -> {
              MarginProcess process =
                  new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, .02));
              for (int i = 0; i < 4000; i++) {
                boolean onCanary = random.nextDouble() < .25;
                process.loss(.25, onCanary, random.nextDouble() * (onCanary ? .24 : .2));
                if (i % 8 == 0 && process.reaches(.05)) {
                  return i;
                }
              }
              return Simulation.NEVER;
            })
        .assertLevel(.05);
  }

  @Test
  void nothingIsLearntWhereTrafficHasNoChoiceAndBadInputIsRefused() {
    MarginProcess process = new MarginProcess(new MarginProcess.Parameters(Direction.PROMOTE, .01));
    process.add(0, 10, 10, 10, 10);
    process.loss(1, true, .5);
    assertEquals(0, process.logE(), 1e-15);
    assertThrows(IllegalArgumentException.class, () -> process.loss(.5, true, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> process.add(.5, 0, -1, 0, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> new MarginProcess.Parameters(Direction.PROMOTE, Double.NaN));
  }
}
