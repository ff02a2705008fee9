package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.RolloutStatus;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** How a rollout's status reads on a terminal. */
final class StatusText {

  private static final DateTimeFormatter CLOCK =
      DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT).withZone(ZoneId.systemDefault());

  private StatusText() {}

  static String line(RolloutStatus status) {
    return CLOCK.format(Instant.ofEpochMilli(System.currentTimeMillis()))
        + "  "
        + status.getHeadline();
  }

  static void print(RolloutStatus status, PrintWriter out) {
    out.println(status.getRolloutId() + "  " + status.getHeadline());
    out.printf(
        "  champion %s, challenger %s, attempt %d, step %d of %d, %s%s%n",
        status.getChampionVersion(),
        status.getChallengerVersion(),
        status.getAttempt(),
        status.getStep(),
        status.getSteps(),
        status.getPhase().name().toLowerCase(Locale.ROOT),
        status.getReason().isEmpty() ? "" : " (" + status.getReason() + ")");
    if (status.hasEvidence()) {
      print(status.getEvidence(), out);
    }
    if (status.getDecisionsCount() > 0) {
      out.println("  decisions");
      status
          .getDecisionsList()
          .forEach(decision ->
              out.printf(
                  "    %s  %-11s %5.1f %%  %s: %s%n",
                  CLOCK.format(Instant.ofEpochMilli(decision.getUnixMs())),
                  decision.getPhase().name().toLowerCase(Locale.ROOT),
                  decision.getCanaryWeightBp() / 100.0,
                  decision.getActor(),
                  decision.getReason()));
    }
  }

  private static void print(EvidenceReport report, PrintWriter out) {
    out.println("  " + report.getStatement());
    if (!report.getGuardrail().isEmpty()) {
      out.println("  guardrail: " + report.getGuardrail());
    }
    for (MetricReport metric : report.getMetricsList()) {
      out.printf(
          "    %s %-18s %s%s%n",
          mark(metric.getResult()),
          metric.getName(),
          metric.getStatement(),
          metric.getCritical() ? "" : "  (informs only)");
    }
    if (report.hasSplit() && report.getSplit().getResult() == Result.AGAINST) {
      out.println("    ! " + report.getSplit().getStatement());
    }
  }

  static String mark(Result result) {
    return switch (result) {
      case PROVED -> "✓";
      case AGAINST -> "✗";
      case CANNOT_MEASURE -> "–";
      default -> "…";
    };
  }
}
