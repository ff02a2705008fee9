package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.Decision;
import dev.understudy.proto.v1.DecisionValue;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricSpec;

/**
 * What a score loses against the truth, as a share of the greatest loss there is.
 *
 * <ul>
 *   <li>{@code BRIER}: {@code (score - outcome)^2}, cut to 1 (Brier, <i>Verification of forecasts
 *       expressed in terms of probability</i>, Monthly Weather Review 78(1), 1950).
 *   <li>{@code ZERO_ONE}: whether {@code score >= cutoff} (0.5 without one) differs from {@code
 *       outcome >= 0.5}.
 *   <li>{@code LOG}: {@code -ln p} of the probability given to what happened, with the score cut to
 *       [1/1024, 1023/1024], so at most ln 1024 (Good, <i>Rational decisions</i>, JRSS-B 14(1),
 *       1952).
 *   <li>{@code VALUE}: the best value a decision can have less the value that this one had.
 * </ul>
 *
 * <p>Exact but for the last bits: a loss is never rounded before it is judged, because what two
 * roundings take off a difference can be more than a margin. For display there is a grid of 2^-20.
 * A score that is not a number loses all. Immutable.
 */
final class Losses {
  /** Of the grid for display. */
  static final int UNITS = 1 << 20;

  private static final double HALF = 0.5;
  private static final double LEAST_PROBABILITY = 1.0 / 1024;

  private final Loss loss;
  private final double cutoff;
  private final DecisionValue value;
  private final double best;
  private final double scale;

  Losses(MetricSpec metric, EvaluationSpec spec) {
    loss = metric.getLoss();
    Decision decision = spec.getContract().getDecision();
    cutoff = decision.hasCutoff() ? decision.getCutoff() : HALF;
    value = metric.getValue();
    best = greatest(value);
    scale =
        switch (loss) {
          case LOG -> -StrictMath.log(LEAST_PROBABILITY);
          case VALUE -> best - least(value);
          case BRIER, ZERO_ONE, LOSS_UNSPECIFIED, UNRECOGNIZED -> 1;
        };
  }

  /** The greatest loss there is, in the loss's own unit: what a loss of 1 amounts to. */
  double scale() {
    return scale;
  }

  /** From 0 to 1. */
  double of(double score, double outcome) {
    if (Double.isNaN(score) || Double.isNaN(outcome)) {
      return 1;
    }
    boolean positive = outcome >= HALF;
    boolean decided = score >= cutoff;
    double lost =
        switch (loss) {
          case ZERO_ONE -> decided == positive ? 0 : 1;
          case LOG -> {
            double p = StrictMath.clamp(score, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY);
            yield -StrictMath.log(positive ? p : 1 - p) / scale;
          }
          case VALUE -> scale > 0 ? (best - worth(decided, positive)) / scale : 0;
          case BRIER, LOSS_UNSPECIFIED, UNRECOGNIZED -> (score - outcome) * (score - outcome);
        };
    return StrictMath.clamp(lost, 0.0, 1.0);
  }

  /** A loss on the grid for display, to nearest, ties upward. */
  static long shown(double loss) {
    return (long) StrictMath.floor(loss * UNITS + HALF);
  }

  private double worth(boolean decided, boolean positive) {
    if (decided) {
      return positive ? value.getTruePositive() : value.getFalsePositive();
    }
    return positive ? value.getFalseNegative() : value.getTrueNegative();
  }

  private static double greatest(DecisionValue value) {
    return StrictMath.max(
        StrictMath.max(value.getTruePositive(), value.getFalsePositive()),
        StrictMath.max(value.getTrueNegative(), value.getFalseNegative()));
  }

  private static double least(DecisionValue value) {
    return StrictMath.min(
        StrictMath.min(value.getTruePositive(), value.getFalsePositive()),
        StrictMath.min(value.getTrueNegative(), value.getFalseNegative()));
  }
}
