package dev.understudy.modelkit.train;

import java.util.stream.IntStream;

/** How good probabilities are against what turned out to be true. */
public final class Metrics {
  private Metrics() {}

  /**
   * Area under the ROC curve: how often a positive row is ranked above a negative one, ties
   * counting half (Mann and Whitney 1947). NaN unless both kinds of rows occur.
   */
  public static double auc(float[] probabilities, boolean[] labels) {
    requireSameLength(probabilities, labels);
    int[] order =
        IntStream.range(0, labels.length)
            .boxed()
            .sorted((a, b) -> Float.compare(probabilities[a], probabilities[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    double positives = 0;
    double rankSum = 0;
    for (int from = 0, to; from < order.length; from = to) {
      to = from + 1;
      while (to < order.length && probabilities[order[to]] == probabilities[order[from]]) {
        to++;
      }
      double rank = (from + 1 + to) / 2.0;
      for (int i = from; i < to; i++) {
        if (labels[order[i]]) {
          positives++;
          rankSum += rank;
        }
      }
    }
    double negatives = labels.length - positives;
    return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
  }

  /** Mean squared distance between probability and truth (Brier 1950), 0 to 1, lower is better. */
  public static double brier(float[] probabilities, boolean[] labels) {
    requireSameLength(probabilities, labels);
    double sum = 0;
    for (int i = 0; i < labels.length; i++) {
      sum += squaredError(probabilities[i], labels[i]);
    }
    return sum / labels.length;
  }

  /** Share of rows whose probability reaches the cut-off, 0 to 1. */
  public static double flagged(float[] probabilities, double cutoff) {
    int flagged = 0;
    for (float p : probabilities) {
      flagged += p >= cutoff ? 1 : 0;
    }
    return (double) flagged / probabilities.length;
  }

  /**
   * A challenger against a champion on the same rows.
   *
   * @param changedDecisions share of rows on which only one of the two reaches the cut-off
   * @param brierGainMean mean over rows of champion's squared error minus challenger's: positive
   *     when the challenger is better
   * @param brierGainSd standard deviation of that difference over rows
   */
  public record Comparison(double changedDecisions, double brierGainMean, double brierGainSd) {

    /**
     * Rows after which a fixed-size one-sided z-test at 5 % finds a gain like this with 90 % power:
     * ((1.645 + 1.282) sd / mean)². A test that may be looked at all the time needs two to four
     * times as many. Infinite when there is no gain.
     */
    public double rowsToDetect() {
      double ratio = (1.645 + 1.282) * brierGainSd / brierGainMean;
      return brierGainMean > 0 ? ratio * ratio : Double.POSITIVE_INFINITY;
    }
  }

  /** Compares two models row by row. */
  public static Comparison compare(
      float[] champion, float[] challenger, boolean[] labels, double cutoff) {
    requireSameLength(champion, labels);
    requireSameLength(challenger, labels);
    int changed = 0;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < labels.length; i++) {
      changed += champion[i] >= cutoff != challenger[i] >= cutoff ? 1 : 0;
      double gain = squaredError(champion[i], labels[i]) - squaredError(challenger[i], labels[i]);
      sum += gain;
      squares += gain * gain;
    }
    int n = labels.length;
    double mean = sum / n;
    double variance = Math.max(0, squares / n - mean * mean) * n / Math.max(1, n - 1);
    return new Comparison((double) changed / n, mean, Math.sqrt(variance));
  }

  private static double squaredError(float probability, boolean label) {
    double error = probability - (label ? 1 : 0);
    return error * error;
  }

  private static void requireSameLength(float[] probabilities, boolean[] labels) {
    if (probabilities.length != labels.length) {
      throw new IllegalArgumentException(
          probabilities.length + " probabilities for " + labels.length + " labels");
    }
  }
}
