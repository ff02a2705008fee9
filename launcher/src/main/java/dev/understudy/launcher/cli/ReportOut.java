package dev.understudy.launcher.cli;

import com.google.protobuf.util.JsonFormat;
import dev.understudy.evidence.latency.LatencyGrid;
import dev.understudy.evidence.latency.SparseHistogram;
import dev.understudy.evidence.words.ReportText;
import dev.understudy.proto.v1.ArmReport;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.LatencyCounts;
import dev.understudy.proto.v1.Result;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;

/** How evidence reports leave the program: on the screen and as exit codes. */
final class ReportOut {
  /** Nothing was compared: what was asked for is wrong, or a server is away. */
  static final int NOT_COMPARED = 2;

  private static final int OPEN = 3;
  private static final double MILLIS = 1e6;

  private ReportOut() {}

  /** 0 for Proved, 1 for Against, 3 for Undecided and Cannot measure. */
  static int exitCode(EvidenceReport report) {
    return report.getOverall() == Result.PROVED
        ? 0
        : report.getOverall() == Result.AGAINST ? 1 : OPEN;
  }

  static void print(EvidenceReport report, RolloutCommand.Output form, PrintWriter out)
      throws IOException {
    if (form == RolloutCommand.Output.JSON) {
      out.println(JsonFormat.printer().preservingProtoFieldNames().print(report));
    } else {
      out.print(ReportText.of(report));
    }
    out.flush();
  }

  /** The calls that a comparison made itself, by who was asked. */
  static void calls(EvidenceReport report, PrintWriter out) {
    if (report.getArmsCount() == 0) {
      return;
    }
    out.printf("%nCalls of this comparison (latency from here; it informs only)%n");
    out.printf("  %-34s %10s %8s %10s %10s %10s%n", "", "answered", "failed", "p50", "p95", "p99");
    for (ArmReport arm : report.getArmsList()) {
      SparseHistogram latency = histogram(arm.getLatency());
      if (latency.total() == 0) {
        continue;
      }
      String who =
          switch (arm.getRole()) {
            case CHAMPION -> "A  " + arm.getVersion();
            case SHADOW -> "B  " + arm.getVersion();
            default -> "A once more";
          };
      out.printf(
          Locale.ROOT,
          "  %-34s %,10d %,8d %7.2f ms %7.2f ms %7.2f ms%n",
          who.length() <= 34 ? who : who.substring(0, 33) + "…",
          arm.getOk(),
          arm.getBad(),
          millis(latency, 0.5),
          millis(latency, 0.95),
          millis(latency, 0.99));
    }
  }

  private static double millis(SparseHistogram latency, double quantile) {
    return LatencyGrid.lowerNanos(latency.quantileIndex(quantile)) / MILLIS;
  }

  private static SparseHistogram histogram(LatencyCounts counts) {
    SparseHistogram histogram = new SparseHistogram();
    for (int i = 0; i < counts.getIndexCount(); i++) {
      histogram.add(counts.getIndex(i), counts.getCount(i));
    }
    return histogram;
  }
}
