package dev.understudy.router.upstream;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Who among peers stands out for the worse. Pure.
 *
 * <p>By success rate, as Envoy's outlier detection does it: whoever is below {@code mean − k·σ} of
 * the peers' rates ({@code k} = deviations, σ their standard deviation, the suspect included). With
 * n peers nobody can be further from the mean than {@code σ·√(n−1)}, so few peers never convict:
 * with k = 1.9 it takes five. By latency: whoever is above so many times the median of the peers'
 * averages.
 */
final class OutlierMath {
  private OutlierMath() {}

  /**
   * The outliers.
   *
   * @param calls of each backend in the interval
   * @param failures of each
   * @param latencyNanos average of each; 0 when not known
   */
  static BitSet outliers(
      long[] calls, long[] failures, double[] latencyNanos, UpstreamSettings.Outliers settings) {
    int[] busy = new int[calls.length];
    int n = 0;
    for (int i = 0; i < calls.length; i++) {
      if (calls[i] >= settings.calls()) {
        busy[n++] = i;
      }
    }
    BitSet outliers = new BitSet();
    if (n < settings.peers()) {
      return outliers;
    }
    double mean = 0;
    for (int b = 0; b < n; b++) {
      mean += rate(calls[busy[b]], failures[busy[b]]) / n;
    }
    double variance = 0;
    double[] latencies = new double[n];
    for (int b = 0; b < n; b++) {
      double off = rate(calls[busy[b]], failures[busy[b]]) - mean;
      variance += off * off / n;
      latencies[b] = latencyNanos[busy[b]];
    }
    double worst = mean - settings.deviations() * Math.sqrt(variance);
    Arrays.sort(latencies);
    double median = (latencies[(n - 1) / 2] + latencies[n / 2]) / 2;
    for (int b = 0; b < n; b++) {
      int i = busy[b];
      boolean failing = failures[i] > 0 && rate(calls[i], failures[i]) < worst;
      boolean slow = median > 0 && latencyNanos[i] > settings.slowness() * median;
      if (failing || slow) {
        outliers.set(i);
      }
    }
    return outliers;
  }

  private static double rate(long calls, long failures) {
    return (double) (calls - failures) / calls;
  }

  /** The most of so many backends that may be ejected: a share, at least one, never all. */
  static int mostEjected(int backends, double share) {
    return Math.min(backends - 1, share <= 0 ? 0 : Math.max(1, (int) (backends * share)));
  }

  /** How long the n-th ejection lasts. */
  static long ejectionNanos(int nth, UpstreamSettings.Outliers settings) {
    long first = settings.ejection().toNanos();
    long longest = settings.longest().toNanos();
    return nth >= longest / Math.max(1, first) ? longest : first * nth;
  }
}
