package dev.understudy.loadtest;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Two targets measured in turns. Each percentile is compared slice by slice, and the median over
 * the slices is what is reported: a burst of noise then spoils its slice, not the result. The
 * spread is the range from the lower to the upper quartile of the slices.
 */
final class Comparison {

  private static final double[] SHOWN = {50, 90, 95, 99};

  private final String nameA;
  private final String nameB;
  private final Tally totalA = new Tally();
  private final Tally totalB = new Tally();
  private final List<double[]> differencesNanos = new ArrayList<>();
  private final List<double[]> ratios = new ArrayList<>();

  Comparison(String nameA, String nameB) {
    this.nameA = nameA;
    this.nameB = nameB;
  }

  void add(Tally a, Tally b) {
    totalA.add(a);
    totalB.add(b);
    double[] difference = new double[SHOWN.length];
    double[] ratio = new double[SHOWN.length];
    for (int i = 0; i < SHOWN.length; i++) {
      double ofA = a.ok().getValueAtPercentile(SHOWN[i]);
      double ofB = b.ok().getValueAtPercentile(SHOWN[i]);
      difference[i] = ofB - ofA;
      ratio[i] = ofB / Math.max(ofA, 1);
    }
    differencesNanos.add(difference);
    ratios.add(ratio);
  }

  Tally a() {
    return totalA;
  }

  Tally b() {
    return totalB;
  }

  /** Value at {@code quantile} (0..1) of one column, by linear interpolation. */
  static double quantile(List<double[]> rows, int column, double quantile) {
    double[] sorted = rows.stream().mapToDouble(row -> row[column]).sorted().toArray();
    double at = quantile * (sorted.length - 1);
    int below = (int) Math.floor(at);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  void print(PrintWriter out) {
    LoadReport.print("A " + nameA, totalA, out);
    LoadReport.print("B " + nameB, totalB, out);
    out.printf(
        Locale.ROOT,
        "What B adds to A, median of %d interleaved pairs of slices (quartiles):%n",
        ratios.size());
    for (int i = 0; i < SHOWN.length; i++) {
      out.printf(
          Locale.ROOT,
          "  %-5s %+8.0f us (%+.0f .. %+.0f)   ratio %.2f (%.2f .. %.2f)%n",
          LoadReport.name(SHOWN[i]),
          quantile(differencesNanos, i, .5) / 1e3,
          quantile(differencesNanos, i, .25) / 1e3,
          quantile(differencesNanos, i, .75) / 1e3,
          quantile(ratios, i, .5),
          quantile(ratios, i, .25),
          quantile(ratios, i, .75));
    }
  }

  JsonObject json() {
    JsonObject body = new JsonObject();
    body.add("a", LoadReport.json(nameA, totalA));
    body.add("b", LoadReport.json(nameB, totalB));
    body.addProperty("pairs", ratios.size());
    JsonArray adds = new JsonArray();
    for (int i = 0; i < SHOWN.length; i++) {
      JsonObject row = new JsonObject();
      row.addProperty("percentile", SHOWN[i]);
      row.addProperty("difference_ns_median", quantile(differencesNanos, i, .5));
      row.addProperty("ratio_median", quantile(ratios, i, .5));
      row.addProperty("ratio_lower_quartile", quantile(ratios, i, .25));
      row.addProperty("ratio_upper_quartile", quantile(ratios, i, .75));
      adds.add(row);
    }
    body.add("b_adds_to_a", adds);
    return body;
  }
}
