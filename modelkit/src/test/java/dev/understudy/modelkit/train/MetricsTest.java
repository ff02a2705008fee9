package dev.understudy.modelkit.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final boolean[] LABELS = {false, true, false, true};

  @Test
  void aucCountsOrderedPairs() {
    assertEquals(1, Metrics.auc(new float[] {.1f, .8f, .2f, .9f}, LABELS));
    assertEquals(0, Metrics.auc(new float[] {.9f, .1f, .8f, .2f}, LABELS));
    assertEquals(.75, Metrics.auc(new float[] {.1f, .35f, .4f, .8f}, LABELS));
  }

  @Test
  void tiesCountHalf() {
    assertEquals(.5, Metrics.auc(new float[] {.3f, .3f, .3f, .3f}, LABELS));
    assertEquals(.875, Metrics.auc(new float[] {.1f, .4f, .4f, .8f}, LABELS));
  }

  @Test
  void aucOfOneClassIsNotANumber() {
    assertEquals(Double.NaN, Metrics.auc(new float[] {.1f, .2f}, new boolean[] {true, true}));
  }

  @Test
  void brierIsTheMeanSquaredError() {
    assertEquals(0, Metrics.brier(new float[] {0, 1, 0, 1}, LABELS));
    assertEquals(.25, Metrics.brier(new float[] {.5f, .5f, .5f, .5f}, LABELS));
    assertEquals(
        (.25 * .25 + .25 * .25 + 1 + 0) / 4, Metrics.brier(new float[] {.25f, .75f, 1, 1}, LABELS));
  }

  @Test
  void theCutOffItselfIsFlagged() {
    assertEquals(.5, Metrics.flagged(new float[] {.1f, .5f, .4f, .9f}, .5));
  }

  @Test
  void comparisonIsPairedRowByRow() {
    float[] champion = {.5f, .5f, .5f, .5f};
    float[] challenger = {0, 1, .5f, 0};
    var comparison = Metrics.compare(champion, challenger, LABELS, .5);
    // Gains: .25, .25, 0, -.75
    assertEquals(-.0625, comparison.brierGainMean());
    assertEquals(Math.sqrt((2 * .0625 + .5625 - 4 * .0625 * .0625) / 3), comparison.brierGainSd());
    assertEquals(.5, comparison.changedDecisions());
    assertEquals(Double.POSITIVE_INFINITY, comparison.rowsToDetect());
    assertEquals(857, new Metrics.Comparison(0, .1, 1).rowsToDetect(), .5);
  }

  @Test
  void lengthsMustMatch() {
    assertThrows(IllegalArgumentException.class, () -> Metrics.brier(new float[3], LABELS));
  }
}
