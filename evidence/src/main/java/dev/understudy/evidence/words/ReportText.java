package dev.understudy.evidence.words;

import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.WatchReport;

/**
 * An evidence report as plain text for a terminal of 100 columns, for an engineer without
 * statistics: the verdict and what to do next first, then why, then what it rests on. Sections
 * without content are left out. Pure: the same report gives the same text.
 */
public final class ReportText {
  private ReportText() {}

  /** The whole report; ends with a line break. */
  public static String of(EvidenceReport report) {
    Page page = new Page();
    verdict(page, report);
    metrics(page, report);
    watch(page, report.getWatch(), report.hasWatch());
    LatencyText.write(page, report.getLatency());
    AnswersText.write(page, report);
    TrafficText.write(page, report);
    return page.toString();
  }

  /** "Proved", "Against", "Undecided" or "Cannot measure". */
  public static String result(Result result) {
    return switch (result) {
      case PROVED -> "Proved";
      case AGAINST -> "Against";
      case UNDECIDED, RESULT_UNSPECIFIED, UNRECOGNIZED -> "Undecided";
      case CANNOT_MEASURE -> "Cannot measure";
    };
  }

  private static void verdict(Page page, EvidenceReport report) {
    String title = report.getModel() + ", rollout " + report.getRolloutId();
    page.sentence("", title + (report.getDrill() ? " (a drill: nothing is promoted)" : ""));
    page.line("");
    page.sentence("Result  ", result(report.getOverall()));
    if (!report.getStatement().isEmpty()) {
      page.sentence("Why     ", report.getStatement());
    }
    if (!report.getNext().isEmpty()) {
      page.sentence("Next    ", report.getNext());
    }
  }

  private static void metrics(Page page, EvidenceReport report) {
    if (report.getMetricsCount() == 0) {
      return;
    }
    page.heading("Metrics");
    for (MetricReport metric : report.getMetricsList()) {
      page.sentence(
          "  " + mark(metric.getResult()) + " ",
          metric.getName()
              + (metric.getCritical() ? "" : " (informs only)")
              + ": "
              + metric.getStatement());
      String estimate = Estimates.sentence(metric);
      if (!estimate.isEmpty()) {
        page.sentence("      ", estimate);
      }
      if (metric.getObservations() > 0) {
        page.sentence("      ", evidence(metric));
      }
    }
    page.sentence(
        "    ",
        "All together: "
            + Words.evidenceAgainst(report.getLogAgainst(), report.getLogAgainstStop())
            + ".");
  }

  /** The evidence on both sides; that against only where the statement has not said it yet. */
  private static String evidence(MetricReport metric) {
    String against =
        metric.getStatement().contains("evidence against")
            ? ""
            : Words.evidenceAgainst(metric.getLogAgainst(), metric.getLogAgainstStop()) + "; ";
    return against
        + "evidence for: "
        + Numbers.strength(metric.getLogFor())
        + " (proves at "
        + Numbers.level(metric.getLogForNeeded())
        + ")";
  }

  private static void watch(Page page, WatchReport watch, boolean present) {
    if (present) {
      page.heading("Since the promotion");
      page.sentence("  " + mark(watch.getResult()) + " ", watch.getStatement());
    }
  }

  private static String mark(Result result) {
    return switch (result) {
      case PROVED -> "✓";
      case AGAINST -> "✗";
      case CANNOT_MEASURE -> "–";
      case UNDECIDED, RESULT_UNSPECIFIED, UNRECOGNIZED -> "…";
    };
  }
}
