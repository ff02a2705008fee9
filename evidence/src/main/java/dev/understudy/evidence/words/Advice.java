package dev.understudy.evidence.words;

import dev.understudy.proto.v1.EvidenceReportOrBuilder;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.SliceReport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a person should do next, in one sentence. The first case that fits speaks: a drill, a stop,
 * a wrong split, routers that are not heard, what is still open, and last that there is nothing to
 * do. Pure.
 */
public final class Advice {
  /** Why latency cannot be judged without a control arm. */
  public static final String NO_CONTROL = "no control arm";

  private static final double A_DAY = 86_400;

  /** Of so many seconds, one lost is too many. */
  private static final long GAPS_SHARE = 20;

  private static final int EXAMPLES_SHOWN = 3;

  private Advice() {}

  /** The sentence for a report whose other fields are all set. */
  public static String next(EvidenceReportOrBuilder report) {
    if (report.getDrill()) {
      return drill(report.getOverall());
    }
    if (!report.getGuardrail().isEmpty()) {
      return "Read the challenger's own log around the time it happened; the rollout has been"
          + " stopped.";
    }
    if (report.hasWatch() && report.getWatch().getResult() == Result.AGAINST) {
      return "Nothing for the customers, the promotion is being undone; then compare the new"
          + " version's errors and latency with those of the one before it.";
    }
    if (report.getOverall() == Result.AGAINST) {
      return against(report);
    }
    if (report.getSplit().getResult() == Result.AGAINST) {
      return "Find out why the split is wrong before you believe any figure: a router with an old"
          + " table, clients that go round the routers, or sticky keys counted as requests.";
    }
    if (report.getGaps() * GAPS_SHARE > report.getBlocks()) {
      return "Look at the connection between routers and comparator: "
          + Page.counted(report.getGaps(), "second")
          + " of some router "
          + (report.getGaps() == 1 ? "is" : "are")
          + " missing.";
    }
    return switch (report.getOverall()) {
      case PROVED -> proved(report);
      case CANNOT_MEASURE -> cannotMeasure(report);
      case UNDECIDED, AGAINST, RESULT_UNSPECIFIED, UNRECOGNIZED -> undecided(report);
    };
  }

  private static String drill(Result overall) {
    return overall == Result.AGAINST
        ? "Nothing: the drill has found what it was made to find, and ends."
        : "Wait for the end of the drill; whatever it shows, nothing is promoted.";
  }

  private static String proved(EvidenceReportOrBuilder report) {
    if (report.hasWatch() && report.getWatch().getBlocks() < report.getWatch().getHorizonBlocks()) {
      return "Nothing: the new version answers customers and is watched.";
    }
    return report.getStopped()
        ? "Nothing: the evaluation has ended."
        : "Nothing: the next step follows.";
  }

  private static String against(EvidenceReportOrBuilder report) {
    List<String> read = new ArrayList<>();
    MetricReport worst =
        report.getMetricsList().stream()
            .filter(metric -> metric.getLogAgainstStop() < Double.POSITIVE_INFINITY)
            .max(Comparator.comparingDouble(m -> m.getLogAgainst() - m.getLogAgainstStop()))
            .orElse(null);
    if (worst != null && worst.getKind() == MetricKind.FAILURES) {
      read.add("the challenger's errors by kind");
    }
    if (worst != null && worst.getKind() == MetricKind.LATENCY) {
      read.add("where the time went");
    }
    SliceReport slice = report.getSlicesCount() > 0 ? report.getSlices(0) : null;
    if (slice != null && (slice.getAgainst() || read.isEmpty())) {
      read.add("the worst slice (" + AnswersText.label(slice.getLabel()) + ")");
    }
    int examples = Math.min(EXAMPLES_SHOWN, report.getExamplesCount());
    if (examples > 0 && (worst == null || worst.getKind() != MetricKind.LATENCY)) {
      read.add(examples == 1 ? "the example" : "the " + examples + " examples");
    }
    if (read.isEmpty()) {
      read.add("the metric that is against it");
    }
    String last = read.removeLast();
    return "Read "
        + (read.isEmpty() ? "" : String.join(", ", read) + " and ")
        + last
        + "; the rollout has been stopped.";
  }

  private static String cannotMeasure(EvidenceReportOrBuilder report) {
    if (report.getBlocks() == 0 && report.getPairs() == 0 && report.getLabels() == 0) {
      return "Send traffic: nothing has been seen yet.";
    }
    for (MetricReport metric : report.getMetricsList()) {
      if (metric.getReason().equals(NO_CONTROL)) {
        return "Configure a live control arm for the plan, or a critical metric that needs none:"
            + " without one latency only informs, and nothing else is critical.";
      }
    }
    return report.getMetricsCount() == 0
        ? "Declare metrics in the plan: it has none, so nothing can be proved."
        : "Declare a critical metric with a margin that this phase can measure, or take the step by"
            + " hand.";
  }

  private static String undecided(EvidenceReportOrBuilder report) {
    MetricReport slowest = slowest(report);
    if (slowest == null) {
      return "Wait.";
    }
    String subject = Words.subject(slowest.getKind()) + " (" + slowest.getName() + ")";
    if (slowest.getObservations() == 0) {
      return nothingYet(slowest.getKind(), subject);
    }
    if (slowest.getNeedsMore() > 0) {
      return slowest.getEtaSeconds() > A_DAY
          ? "Raise the challenger's share, accept a wider margin, or wait: at this rate "
              + subject
              + " needs "
              + Numbers.duration(slowest.getEtaSeconds())
              + " more."
          : "Wait"
              + (slowest.getEtaSeconds() > 0
                  ? " about " + Numbers.duration(slowest.getEtaSeconds())
                  : "")
              + ": "
              + subject
              + " needs about "
              + Numbers.about(slowest.getNeedsMore())
              + " more observations.";
    }
    return isBeyondMargin(slowest)
        ? "Take a look now, and abort if it is real: "
            + subject
            + " so far looks worse than what is accepted, so it will not be proved like this."
        : "Raise the challenger's share, accept a wider margin, or wait: the proof of "
            + subject
            + " does not grow at this rate.";
  }

  /** The open critical metric that will take longest: one without a forecast before others. */
  private static @Nullable MetricReport slowest(EvidenceReportOrBuilder report) {
    return report.getMetricsList().stream()
        .filter(metric -> metric.getCritical() && metric.getResult() == Result.UNDECIDED)
        .max(
            Comparator.comparingDouble(metric ->
                metric.getNeedsMore() == 0 ? Double.POSITIVE_INFINITY : metric.getEtaSeconds()))
        .orElse(null);
  }

  private static String nothingYet(MetricKind kind, String subject) {
    return switch (kind) {
      case QUALITY -> "Send outcomes: " + subject + " is critical and has none yet.";
      case DIVERGENCE, CHANGED_DECISIONS ->
          "Check that copies of requests reach the challenger: " + subject + " has compared none.";
      case FAILURES -> "Send traffic: " + subject + " has seen no request yet.";
      case LATENCY ->
          "Wait, or send more traffic: "
              + subject
              + " needs some hundred requests on the control arm before it can begin.";
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> "Wait.";
    };
  }

  private static boolean isBeyondMargin(MetricReport metric) {
    double margin =
        metric.getKind() == MetricKind.LATENCY ? 1 + metric.getMargin() : metric.getMargin();
    return metric.getEstimate() > margin;
  }
}
