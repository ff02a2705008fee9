package dev.understudy.evidence.rule;

import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a judge in the manner of Kayenta would have done with the same seconds, for comparison.
 *
 * <p>It sees what a scraper sees: one point per interval and arm for each of two metrics, the error
 * rate and the 95th percentile of latency. All points so far of one metric are compared at once by
 * the Mann-Whitney U test: a {@value #CONFIDENCE} confidence interval of the shift between the arms
 * (Hodges and Lehmann's, from the ordered pairwise differences; normal approximation with the
 * correction for ties: Hollander and Wolfe, <i>Nonparametric Statistical Methods</i>, sections 4.1
 * to 4.3). A metric is {@code HIGH} when the interval lies wholly above a quarter of the estimated
 * shift and the ratio of the means is at least {@code effect}; it is {@code LOW} in the mirrored
 * case. Higher is worse for both metrics, so all but {@code HIGH} count as passed; the score is the
 * share of metrics that passed, in percent, and 0 when half of them have no data.
 *
 * <p>The rollout is stopped at the first look whose score is below {@code marginal}, and passes
 * when the last score is at least {@code pass}. Outliers are kept and missing points left out,
 * which are Kayenta's defaults. A look costs the product of both arms' points, so only the newest
 * {@value #LOOKBACK_POINTS} of each are looked at.
 *
 * @param pointSeconds length of an interval, 1 or more; usually 60
 * @param leastPoints of each arm before the first look, 1 or more; 50 are recommended to its users
 * @param effect the least ratio of the means that is called high, 1 or more
 * @param pass score from which a rollout passes, 0 to 100; usually 75
 * @param marginal score below which it is stopped, 0 to {@code pass}; usually 50
 */
public record KayentaRule(
    int pointSeconds, int leastPoints, double effect, double pass, double marginal) {
  static final double CONFIDENCE = 0.98;
  static final int LOOKBACK_POINTS = 120;

  /** The upper 1 % point of the standard normal distribution. */
  private static final double Z = 2.3263478740408408;

  private static final double BAND = 0.25;
  private static final double PERCENT = 100;
  private static final double LATENCY_QUANTILE = 0.95;
  private static final double NANOS = 1e9;

  /** One point a minute, fifty of them, scores of 75 and 50. */
  public static final KayentaRule USUAL = new KayentaRule(60, 50, 1, 75, 50);

  public KayentaRule {
    atLeastOne("pointSeconds", pointSeconds);
    atLeastOne("leastPoints", leastPoints);
    if (!(effect >= 1 && effect < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("effect: " + effect + " (expected: >= 1 and finite)");
    }
    if (!(pass >= 0 && pass <= PERCENT)) {
      throw new IllegalArgumentException("pass: " + pass + " (expected: 0 to 100)");
    }
    if (!(marginal >= 0 && marginal <= pass)) {
      throw new IllegalArgumentException(
          "marginal: " + marginal + " (expected: 0 to pass, " + pass + ")");
    }
  }

  private static void atLeastOne(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + ": " + value + " (expected: >= 1)");
    }
  }

  /** What the judge calls a metric. */
  public enum Call {
    PASS,
    HIGH,
    LOW,
    NODATA
  }

  /**
   * One metric at the last look.
   *
   * @param shift Hodges-Lehmann estimate, canary less baseline; NaN without data
   * @param low lower end of the interval of the shift; infinite when the points are too few
   * @param high upper end
   * @param effect ratio of the means, canary to baseline
   */
  public record Metric(
      String name, Call call, double shift, double low, double high, double effect) {}

  /**
   * What the judge would have done.
   *
   * @param stopped whether a look scored below the marginal score
   * @param passed whether the last look scored at least the passing score
   * @param second in which the interval of the last look ended; -1 when there was none
   * @param looks how often it looked
   * @param score of the last look, 0 to 100; NaN when there was none
   * @param metrics at the last look
   */
  public record Decision(
      boolean stopped, boolean passed, long second, int looks, double score, List<Metric> metrics) {
    public Decision {
      metrics = List.copyOf(metrics);
    }
  }

  /** One arm's requests of a second. */
  public record Side(long requests, long bad, SparseHistogram latency) {
    public Side {
      if (bad < 0 || bad > requests) {
        throw new IllegalArgumentException("bad: " + bad + " (expected: 0 to " + requests + ")");
      }
    }
  }

  /** Begins a rollout. */
  public Judge judge() {
    return new Judge(this);
  }

  /** Compares the points of one metric. The arrays keep their order. */
  Metric compare(String name, double[] canary, double[] baseline) {
    int m = canary.length;
    int n = baseline.length;
    if (m == 0 || n == 0) {
      return new Metric(name, Call.NODATA, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
    }
    double[] shifts = new double[Math.multiplyExact(m, n)];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        shifts[i * n + j] = canary[i] - baseline[j];
      }
    }
    Arrays.sort(shifts);
    double shift = (shifts[(shifts.length - 1) / 2] + shifts[shifts.length / 2]) / 2;
    int below =
        (int) StrictMath.floor(shifts.length / 2.0 - Z * deviation(pooled(canary, baseline), m, n));
    double low = below < 1 ? Double.NEGATIVE_INFINITY : shifts[below - 1];
    double high = below < 1 ? Double.POSITIVE_INFINITY : shifts[shifts.length - below];
    double ratio = ratio(mean(canary), mean(baseline));
    double band = BAND * StrictMath.abs(shift);
    Call call = Call.PASS;
    // Arms that never differ have the shift 0 and a band of no width.
    if (shift != 0 && low > band && ratio >= effect) {
      call = Call.HIGH;
    } else if (shift != 0 && high < -band && ratio <= 1 / effect) {
      call = Call.LOW;
    }
    return new Metric(name, call, shift, low, high, ratio);
  }

  /** Standard deviation of U under no difference; ties make it smaller. */
  private static double deviation(double[] pooled, int m, int n) {
    double size = pooled.length;
    double ties = 0;
    int start = 0;
    for (int i = 1; i <= pooled.length; i++) {
      if (i == pooled.length || pooled[i] != pooled[start]) {
        double run = i - (double) start;
        ties += run * run * run - run;
        start = i;
      }
    }
    return StrictMath.sqrt(m * (double) n / 12 * (size + 1 - ties / (size * (size - 1))));
  }

  private static double[] pooled(double[] a, double[] b) {
    double[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    Arrays.sort(all);
    return all;
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double ratio(double canary, double baseline) {
    return canary == baseline ? 1 : canary / baseline;
  }

  private Decision look(long second, int looks, List<Metric> metrics) {
    long noData = metrics.stream().filter(metric -> metric.call() == Call.NODATA).count();
    long high = metrics.stream().filter(metric -> metric.call() == Call.HIGH).count();
    long judged = metrics.size() - noData;
    double score = 2 * noData >= metrics.size() ? 0 : PERCENT * (judged - high) / judged;
    return new Decision(score < marginal, score >= pass, second, looks, score, metrics);
  }

  /** Takes seconds in order and looks after each interval. Not thread-safe. */
  public static final class Judge {
    private final KayentaRule rule;
    private final List<double[]> errors = new ArrayList<>();
    private final List<double[]> latencies = new ArrayList<>();
    private Point canary = new Point();
    private Point baseline = new Point();
    private long first = Long.MIN_VALUE;
    private Decision decision = new Decision(false, false, -1, 0, Double.NaN, List.of());

    private Judge(KayentaRule rule) {
      this.rule = rule;
    }

    /** One second of both arms; seconds do not fall. After a stop nothing is looked at. */
    public void second(long second, Side onCanary, Side onBaseline) {
      if (first == Long.MIN_VALUE) {
        first = second;
      }
      long intervals = (second - first) / rule.pointSeconds();
      if (intervals > 0) {
        first += rule.pointSeconds();
        point();
        first += (intervals - 1) * rule.pointSeconds();
      }
      canary.add(onCanary);
      baseline.add(onBaseline);
    }

    /** What came of it; an interval that has not ended is not looked at. */
    public Decision decision() {
      return decision;
    }

    private void point() {
      boolean empty = canary.requests == 0 || baseline.requests == 0;
      if (!empty) {
        add(errors, canary.errorRate(), baseline.errorRate());
      }
      if (canary.latency.total() > 0 && baseline.latency.total() > 0) {
        add(latencies, canary.p95(), baseline.p95());
      }
      canary = new Point();
      baseline = new Point();
      if (empty || decision.stopped() || errors.size() < rule.leastPoints()) {
        return;
      }
      decision =
          rule.look(
              first - 1,
              decision.looks() + 1,
              List.of(
                  rule.compare("error rate", side(errors, 0), side(errors, 1)),
                  rule.compare("p95 latency", side(latencies, 0), side(latencies, 1))));
    }

    private static void add(List<double[]> points, double onCanary, double onBaseline) {
      if (points.size() == LOOKBACK_POINTS) {
        points.removeFirst();
      }
      points.add(new double[] {onCanary, onBaseline});
    }

    private static double[] side(List<double[]> points, int side) {
      return points.stream().mapToDouble(point -> point[side]).toArray();
    }
  }

  private static final class Point {
    private final SparseHistogram latency = new SparseHistogram();
    private long requests;
    private long bad;

    void add(Side side) {
      requests += side.requests();
      bad += side.bad();
      latency.merge(side.latency());
    }

    double errorRate() {
      return (double) bad / requests;
    }

    double p95() {
      // The last bucket has no upper end; its lower one is the longest that is told apart.
      int index = latency.quantileIndex(LATENCY_QUANTILE);
      return LatencyGrid.lowerNanos(index) / NANOS;
    }
  }
}
