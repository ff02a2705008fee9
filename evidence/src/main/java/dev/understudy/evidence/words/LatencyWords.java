package dev.understudy.evidence.words;

import dev.understudy.proto.v1.LatencyReportOrBuilder;
import dev.understudy.proto.v1.QuantileReport;
import dev.understudy.proto.v1.StageMeans;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How latency compares, in a sentence. Pure. */
public final class LatencyWords {
  /** Mean times that differ by less than this share of the baseline's are called equal. */
  private static final double EQUAL = 0.01;

  private LatencyWords() {}

  /**
   * "p95 is 2.1 ms higher; of the mean difference of 1.8 ms, 1.6 ms are spent computing". Empty
   * without data.
   *
   * @param report with its percentiles, stage means and shared machines
   * @param quantile that is judged; the next lower one speaks where the data do not reach it
   */
  public static String statement(LatencyReportOrBuilder report, double quantile) {
    StringBuilder text = new StringBuilder();
    QuantileReport shown = null;
    for (QuantileReport q : report.getQuantilesList()) {
      shown = shown == null || q.getQuantile() <= quantile ? q : shown;
    }
    if (shown != null) {
      text.append(percentile(shown));
    }
    String means = means(report.getCanary(), report.getBaseline());
    if (!means.isEmpty()) {
      text.append(text.isEmpty() ? "" : "; ").append(means);
    }
    String shared = sharedHardware(report.getSharedNodesList());
    if (shared != null && !text.isEmpty()) {
      text.append("; ").append(shared);
    }
    return text.toString();
  }

  /** "both ran on the same machine (node-1), so one slows the other"; null where they did not. */
  public static @Nullable String sharedHardware(List<String> nodes) {
    if (nodes.isEmpty()) {
      return null;
    }
    String names = String.join(", ", nodes.subList(0, Math.min(3, nodes.size())));
    return "both ran on the same machine"
        + (nodes.size() == 1 ? " (" : "s (")
        + names
        + (nodes.size() > 3 ? ", …" : "")
        + "), so one slows the other";
  }

  private static String percentile(QuantileReport q) {
    String name = Numbers.shortPercentile(q.getQuantile());
    double difference = (double) q.getCanary() - (double) q.getBaseline();
    String between =
        " ("
            + Estimates.between(
                (double) q.getDifferenceLow(), (double) q.getDifferenceHigh(), Numbers::nanos)
            + ")";
    if (q.getDifferenceLow() <= 0 && q.getDifferenceHigh() >= 0) {
      return name + " cannot be told apart" + between;
    }
    return name + " is " + Estimates.change(difference, Numbers::nanos) + between;
  }

  private static String means(StageMeans c, StageMeans b) {
    if (c.getCalls() == 0 || b.getCalls() == 0) {
      return "";
    }
    double[] parts = {
      c.getNetworkMicros() - b.getNetworkMicros(),
      c.getQueueMicros() - b.getQueueMicros(),
      c.getBatchWaitMicros() - b.getBatchWaitMicros(),
      c.getComputeMicros() - b.getComputeMicros()
    };
    double all = parts[0] + parts[1] + parts[2] + parts[3];
    double baseline =
        b.getNetworkMicros() + b.getQueueMicros() + b.getBatchWaitMicros() + b.getComputeMicros();
    if (StrictMath.abs(all) <= EQUAL * baseline) {
      return "mean times are equal within 1 %";
    }
    int most = 0;
    for (int i = 1; i < parts.length; i++) {
      most = parts[i] * all > parts[most] * all ? i : most;
    }
    String spent =
        switch (most) {
          case 0 -> "on the network and in the router";
          case 1 -> "waiting for a free instance";
          case 2 -> "waiting to fill a batch";
          default -> "computing";
        };
    return "the mean is "
        + Estimates.change(1000 * all, Numbers::nanos)
        + ", of which "
        + Numbers.nanos(1000 * StrictMath.abs(parts[most]))
        + (all > 0 ? " are spent " : " are saved ")
        + spent;
  }
}
