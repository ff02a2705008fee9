package dev.understudy.loadtest.statistics;

import java.util.OptionalInt;

/**
 * Finds where a series of measurements has left its warm-up, by MSER-5 (White, Cobb and Spratt, "A
 * comparison of five steady-state truncation heuristics for simulation", 2000).
 *
 * <p>The series is averaged in batches of five. Dropping the first {@code d} of {@code n} batches
 * leaves a mean whose squared standard error is about
 *
 * <pre>  MSER(d) = Σ (batch − mean of those kept)² / (n − d)²</pre>
 *
 * <p>To drop more takes out the warm-up but also evidence; the {@code d} with the smallest value is
 * the best trade. Only the first half may be dropped: a few batches at the end always look calm by
 * chance. If the value still falls at the middle, the series has not settled and nothing is
 * dropped.
 */
public final class SteadyState {
  private static final int BATCH = 5;
  private static final int FEWEST_BATCHES = 4;

  private SteadyState() {}

  /**
   * Index of the first measurement that counts; empty if the series has not settled or has fewer
   * than 20 measurements.
   *
   * @param series in order of time; NaN where nothing was measured
   */
  public static OptionalInt begins(double[] series) {
    int batches = series.length / BATCH;
    if (batches < FEWEST_BATCHES) {
      return OptionalInt.empty();
    }
    double[] means = new double[batches];
    for (int i = 0; i < batches; i++) {
      double sum = 0;
      int measured = 0;
      for (int j = i * BATCH; j < (i + 1) * BATCH; j++) {
        if (!Double.isNaN(series[j])) {
          sum += series[j];
          measured++;
        }
      }
      means[i] = measured > 0 ? sum / measured : i > 0 ? means[i - 1] : 0;
    }
    int best = 0;
    double smallest = Double.POSITIVE_INFINITY;
    double sum = 0;
    double squares = 0;
    for (int kept = 1; kept <= batches; kept++) {
      double value = means[batches - kept];
      sum += value;
      squares += value * value;
      double spread = Math.max(0, squares - sum * sum / kept) / ((double) kept * kept);
      if (kept >= batches - batches / 2 && spread <= smallest) {
        smallest = spread;
        best = batches - kept;
      }
    }
    return best == batches / 2 && smallest > 0 ? OptionalInt.empty() : OptionalInt.of(best * BATCH);
  }
}
