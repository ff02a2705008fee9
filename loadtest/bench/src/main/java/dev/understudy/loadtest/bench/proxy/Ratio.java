package dev.understudy.loadtest.bench.proxy;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * The median of ratios or differences of interleaved runs, with an interval from order statistics:
 * the k-th smallest and k-th largest enclose the median with probability 1 - 2 P(B &lt; k), where B
 * is binomial with n draws of one half, whatever the distribution (Conover, Practical Nonparametric
 * Statistics, section 3.2). With fewer than 6 runs no such interval of 95 % exists, and the range
 * is told instead.
 *
 * @param median the middle
 * @param low lower end
 * @param high upper end
 * @param runs how many ratios there are
 */
record Ratio(double median, double low, double high, int runs) {
  /** Run i over run i. */
  static Ratio of(List<JsonObject> above, List<JsonObject> below, String figure) {
    List<Double> over = values(above, figure);
    List<Double> under = values(below, figure);
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < Math.min(over.size(), under.size()); i++) {
      ratios.add(over.get(i) / under.get(i));
    }
    return of(ratios);
  }

  /** Run i less run i, in the figure's own unit. */
  static Ratio difference(List<JsonObject> above, List<JsonObject> below, String figure) {
    List<Double> over = values(above, figure);
    List<Double> under = values(below, figure);
    List<Double> differences = new ArrayList<>();
    for (int i = 0; i < Math.min(over.size(), under.size()); i++) {
      differences.add(over.get(i) - under.get(i));
    }
    return of(differences);
  }

  static Ratio of(List<Double> ratios) {
    List<Double> sorted = new ArrayList<>(ratios);
    Collections.sort(sorted);
    int n = sorted.size();
    int k = 0;
    double below = Math.pow(0.5, n);
    double term = below;
    while (2 * below <= 0.05) {
      k++;
      term *= (double) (n - k + 1) / k;
      below += term;
    }
    int at = Math.max(0, k - 1);
    return n == 0
        ? new Ratio(Double.NaN, Double.NaN, Double.NaN, 0)
        : new Ratio(median(sorted), sorted.get(at), sorted.get(n - 1 - at), n);
  }

  static List<Double> values(List<JsonObject> runs, String figure) {
    return runs.stream().map(run -> run.get(figure).getAsDouble()).toList();
  }

  static double median(List<Double> values) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int n = sorted.size();
    return n == 0 ? Double.NaN : (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
  }

  String text() {
    return String.format(Locale.ROOT, "%.2f (%.2f to %.2f)", median, low, high);
  }

  JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("median", median);
    json.addProperty("low", low);
    json.addProperty("high", high);
    json.addProperty("runs", runs);
    return json;
  }
}
