package dev.understudy.loadtest.report;

import dev.understudy.loadtest.drive.Series;
import dev.understudy.loadtest.statistics.PairedMedian;
import java.util.ArrayList;
import java.util.List;

/**
 * Two targets measured in turns. Each percentile is compared pair by pair of turns, and the median
 * over the pairs is what counts: a burst of noise then spoils its pair, not the result. The bounds
 * hold with 95 % confidence whatever the distribution.
 *
 * @param rows one per percentile
 */
public record Comparison(List<Row> rows) {

  private static final double[] COMPARED = {50, 90, 95, 99};

  /**
   * A percentile of B against the same of A.
   *
   * @param differenceNanos B − A
   * @param ratio B / A
   */
  public record Row(double percentile, PairedMedian differenceNanos, PairedMedian ratio) {}

  /**
   * Of as many turns of A as of B, in order; pairs without an answer OK on either side are left
   * out.
   *
   * @throws IllegalArgumentException if no pair is left
   */
  public static Comparison of(List<Series> a, List<Series> b) {
    List<Row> rows = new ArrayList<>();
    for (double percentile : COMPARED) {
      List<Double> differences = new ArrayList<>();
      List<Double> ratios = new ArrayList<>();
      for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
        double ofA = a.get(i).ok().percentile(percentile);
        double ofB = b.get(i).ok().percentile(percentile);
        if (ofA > 0 && ofB > 0) {
          differences.add(ofB - ofA);
          ratios.add(ofB / ofA);
        }
      }
      if (ratios.isEmpty()) {
        throw new IllegalArgumentException(
            "no pair of turns in which both targets answered (expected: one or more)");
      }
      rows.add(new Row(percentile, median(differences), median(ratios)));
    }
    return new Comparison(rows);
  }

  private static PairedMedian median(List<Double> values) {
    return PairedMedian.of(values.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
