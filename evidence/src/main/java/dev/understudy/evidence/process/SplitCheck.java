package dev.understudy.evidence.process;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Is traffic split as configured? A sample-ratio-mismatch test; it pauses, it never aborts.
 *
 * <p><b>Null hypothesis.</b> Each assignment goes to the canary with the probability w in force.
 *
 * <p><b>Formula.</b> For S assignments to the canary and F to the baseline under one w: {@code ln E
 * = ln B(cw+S, c(1-w)+F) - ln B(cw, c(1-w)) - S ln w - F ln(1-w)}, c = 20. Segments of different w
 * multiply.
 *
 * <p><b>Source.</b> Lindon and Malek, NeurIPS 2022, arXiv 2011.03567.
 *
 * <p><b>What may vary.</b> w, from segment to segment; a w that comes back continues its segment.
 * Up to 64 segments stay open; the oldest then closes with the evidence it has.
 *
 * <p><b>Valid when</b> assignments are what is counted (never answers, which depend on the arm) and
 * are independent: with sticky keys, only first-seen keys. Not thread-safe.
 */
public final class SplitCheck {
  /** The error level at which a split is called wrong. */
  public static final double DEFAULT_ALPHA = 0.001;

  private static final double CONCENTRATION = 20;
  private static final int MAX_OPEN_SEGMENTS = 64;

  private record Counts(long canary, long baseline) {}

  private final Map<Double, Counts> segments = new LinkedHashMap<>();
  private double closedLogE;

  /**
   * Assignments under one {@code w}, in any order. Nothing happens at w = 0 or 1: no split is in
   * force.
   */
  public void assigned(double w, long canary, long baseline) {
    LogMath.probability("w", w);
    LogMath.count("canary", canary);
    LogMath.count("baseline", baseline);
    if (w == 0 || w == 1) {
      return;
    }
    Counts before = segments.getOrDefault(w, new Counts(0, 0));
    segments.put(
        w,
        new Counts(
            Math.addExact(before.canary(), canary), Math.addExact(before.baseline(), baseline)));
    if (segments.size() > MAX_OPEN_SEGMENTS) {
      Iterator<Map.Entry<Double, Counts>> oldest = segments.entrySet().iterator();
      closedLogE += logE(oldest.next());
      oldest.remove();
    }
  }

  /** Natural logarithm of the e-value, as it is now. */
  public double logE() {
    double sum = closedLogE;
    for (Map.Entry<Double, Counts> segment : segments.entrySet()) {
      sum += logE(segment);
    }
    return sum;
  }

  /** Whether the split is shown to be wrong at this level. */
  public boolean mismatch(double alpha) {
    return LogMath.reaches(logE(), alpha);
  }

  private static double logE(Map.Entry<Double, Counts> segment) {
    double w = segment.getKey();
    double s = (double) segment.getValue().canary();
    double f = (double) segment.getValue().baseline();
    double a = CONCENTRATION * w;
    double b = CONCENTRATION * (1 - w);
    return StrictGamma.logBeta(a + s, b + f)
        - StrictGamma.logBeta(a, b)
        - s * StrictMath.log(w)
        - f * StrictMath.log1p(-w);
  }
}
