package dev.understudy.evidence.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.evidence.simulation.Experiment;
import dev.understudy.evidence.simulation.Measured;
import dev.understudy.evidence.simulation.Promise;
import dev.understudy.evidence.simulation.Table;
import java.util.List;
import org.junit.jupiter.api.Test;

class MeasuredTest {
  private static Measured measured(Promise promise, int runs, int decided, long median) {
    Experiment experiment = new Experiment("Group", "name", promise, 100, "name", draws -> 1);
    return new Measured(experiment, 1, runs, decided, median);
  }

  @Test
  void theIntervalIsWilsons() {
    // Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263 and 0 of 20 and 15 of 148.
    Measured many = measured(new Promise.Nothing(), 263, 81, 1);
    assertEquals(.2553, many.low(), 5e-5);
    assertEquals(.3662, many.high(), 5e-5);
    Measured some = measured(new Promise.Nothing(), 148, 15, 1);
    assertEquals(.0624, some.low(), 5e-5);
    assertEquals(.1605, some.high(), 5e-5);
    Measured none = measured(new Promise.Nothing(), 20, 0, 1);
    assertEquals(0, none.low());
    assertEquals(.1611, none.high(), 5e-5);
    assertEquals(1, measured(new Promise.Nothing(), 20, 20, 1).high());
  }

  @Test
  void aPromiseOfAtMostAllowsThreeStandardErrorsAndNoMore() {
    Promise promise = new Promise.AtMost(.05);
    // .05 + 3 sqrt(.05 * .95 / 400) = .0827
    assertTrue(measured(promise, 400, 33, 1).kept());
    assertFalse(measured(promise, 400, 34, 1).kept());
    assertTrue(measured(new Promise.MoreThan(.5), 400, 201, 1).kept());
    assertFalse(measured(new Promise.MoreThan(.5), 400, 200, 1).kept());
    assertTrue(measured(new Promise.Median(100, .15), 4, 4, 115).kept());
    assertFalse(measured(new Promise.Median(100, .15), 4, 4, 116).kept());
    assertFalse(measured(new Promise.Median(100, .15), 4, 1, Experiment.NEVER).kept());
  }

  @Test
  void anExperimentCountsWhatWasDecidedAndWhen() {
    long[] next = {0};
    Experiment experiment =
        new Experiment(
            "g",
            "n",
            new Promise.Nothing(),
            100,
            "s",
            draws -> ++next[0] % 4 == 0 ? Experiment.NEVER : next[0]);
    Measured measured = experiment.measure(1, 5);
    assertEquals(100, measured.runs());
    assertEquals(75, measured.decided());
    assertEquals(67, measured.median()); // The 51st of 1, 2, 3, 5, 6, 7, 9, …
    assertEquals(Experiment.LEAST_RUNS, experiment.measure(.01, 5).runs());
    assertThrows(IllegalArgumentException.class, () -> experiment.measure(0, 5));
    assertThrows(IllegalArgumentException.class, () -> experiment.measure(Double.NaN, 5));
  }

  @Test
  void aBrokenPromiseStandsOut() {
    String table =
        Table.of(
            List.of(
                measured(new Promise.AtMost(.05), 400, 10, Experiment.NEVER),
                measured(new Promise.AtMost(.05), 400, 100, 12)));
    assertTrue(table.contains("| name | at most 5 % | 2.50 % | 1.36 to 4.54 % | – | 400 |"), table);
    assertTrue(table.contains("| at most 5 % | 25.00 % **not kept** |"), table);
  }
}
