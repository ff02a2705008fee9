package dev.understudy.evidence.tally;

import dev.understudy.proto.v1.NoiseSample;
import dev.understudy.proto.v1.ToleranceLearned;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Learns from the first {@value #PAIRS} pairs of a mirrored control how far a champion's numbers
 * lie from themselves, output by output, before any pair of that output is tested. Deterministic:
 * the same samples in the same order give the same tolerance.
 *
 * <p>The rule. Of each pair the greatest absolute and the greatest relative difference is known. A
 * pair whose greatest relative difference is at most rtol lies within {@code atol + rtol |a|}
 * altogether, and so does one whose greatest absolute difference is at most atol. Let q be the
 * 198th smallest of the 200, the empirical 99th percentile.
 *
 * <ol>
 *   <li>If the relative q is at most {@value #MOST_RELATIVE}, then rtol is {@value #MARGIN} times
 *       that q, and atol 0. Rounding is relative, so this is the usual case; a tolerance taken from
 *       the greatest number would hide what happens to the small ones.
 *   <li>Else, for instance because sums cancel to nearly 0, atol is {@value #MARGIN} times the
 *       absolute q, and rtol 0.
 *   <li>If that is not finite, the champion contradicts itself in more than 1 % of the calls:
 *       nothing is noise, both are 0.
 * </ol>
 *
 * <p>Why 198 of 200 with margin 2: by the distribution-free tolerance limits of Wilks (<i>Ann.
 * Math. Statist.</i> 12, 1941) the k-th smallest of n covers a share of future pairs that is
 * Beta(k, n+1-k): with 198 of 200 the mean is 98.5 %, and at least 96.8 % with 95 % confidence,
 * whatever the distribution. That falls short of 99 % by what 200 pairs cannot tell; the margin
 * covers it unless the tail is so heavy that one pair in a hundred exceeds twice what one in thirty
 * does. Where a tolerance is too narrow all the same, the divergence between champion and control
 * shows it, and the noise-cancelled test takes it off.
 *
 * <p>Whoever measures takes at least the datatype's usual tolerance, see {@link
 * ComparisonTally#tolerance}. Not thread-safe.
 */
public final class ToleranceLearner {
  /** Control pairs from which a tolerance is learned. */
  public static final int PAIRS = 200;

  private static final int QUANTILE_RANK = 198;
  private static final double MARGIN = 2;
  private static final double MOST_RELATIVE = 0.01;

  private static final class Samples {
    final double[] absolute = new double[PAIRS];
    final double[] relative = new double[PAIRS];
    int count;
  }

  private final Map<String, Samples> samples = new HashMap<>();
  private final Set<String> known = new HashSet<>();

  /** Knows nothing yet. */
  public ToleranceLearner() {}

  /** A tolerance that was learned before, by the log: it is not learned again. */
  public void known(ToleranceLearned tolerance) {
    known.add(tolerance.getOutput());
    samples.remove(tolerance.getOutput());
  }

  /**
   * Takes up one sample. At most 64 outputs are learned, samples of others are left out.
   *
   * @return the tolerance, once for each output: with the sample that completes it
   */
  public Optional<ToleranceLearned> offer(NoiseSample sample) {
    String output = sample.getOutput();
    if (known.contains(output)
        || (known.size() + samples.size() >= Plans.MOST_OUTPUTS && !samples.containsKey(output))) {
      return Optional.empty();
    }
    Samples of = samples.computeIfAbsent(output, o -> new Samples());
    of.absolute[of.count] = difference(sample.getMaxAbs());
    of.relative[of.count] = difference(sample.getMaxRel());
    of.count++;
    if (of.count < PAIRS) {
      return Optional.empty();
    }
    samples.remove(output);
    known.add(output);
    double relative = quantile(of.relative);
    double absolute = quantile(of.absolute);
    ToleranceLearned.Builder learned =
        ToleranceLearned.newBuilder().setOutput(output).setPairs(PAIRS);
    if (relative <= MOST_RELATIVE) {
      learned.setRtol(MARGIN * relative);
    } else if (MARGIN * absolute <= Double.MAX_VALUE) {
      learned.setAtol(MARGIN * absolute);
    }
    return Optional.of(learned.build());
  }

  /** What is no difference is the greatest. */
  private static double difference(double value) {
    return value >= 0 ? value : Double.POSITIVE_INFINITY;
  }

  private static double quantile(double[] values) {
    Arrays.sort(values);
    return values[QUANTILE_RANK - 1];
  }
}
