package dev.understudy.evidence.fold;

import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricReport;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.Result;
import org.jspecify.annotations.Nullable;

/** Turns where a metric stands into what is said about it. */
final class MetricReports {
  private MetricReports() {}

  /**
   * @param logStop where this metric alone stops the rollout
   * @param logNeeded where this metric is proved
   * @param noiseFloor NaN without a mirrored control
   * @param caveat what must be known to read a latency; null when nothing
   */
  static MetricReport report(
      MetricFold fold,
      double logStop,
      double logNeeded,
      double noiseFloor,
      @Nullable String caveat) {
    MetricSpec metric = fold.metric();
    double logAgainst = fold.logAgainst();
    double logFor = fold.logFor();
    Estimate estimate = fold.estimate();
    MetricReport.Builder report =
        MetricReport.newBuilder()
            .setName(metric.getName())
            .setKind(metric.getKind())
            .setCritical(fold.critical())
            .setLogAgainst(logAgainst)
            .setLogAgainstStop(logStop)
            .setLogFor(logFor)
            .setLogForNeeded(logNeeded)
            .setObservations(fold.observations())
            .setEstimate(estimate.value())
            .setLow(estimate.low())
            .setHigh(estimate.high())
            .setNoiseFloor(metric.getKind() == MetricKind.DIVERGENCE ? noiseFloor : Double.NaN)
            .setMargin(metric.getMargin())
            .setLimit(metric.getLimit());
    String unmeasurable = fold.unmeasurable();
    if (fold.counts() && logAgainst >= logStop) {
      report
          .setResult(Result.AGAINST)
          .setStatement(Words.against(fold.reproach(), logAgainst, logStop))
          .setFlipsIf(Words.flipsAgainst());
    } else if (unmeasurable != null) {
      report
          .setResult(Result.CANNOT_MEASURE)
          .setReason(unmeasurable)
          .setStatement(Words.cannotMeasure(metric.getKind(), unmeasurable));
    } else if (logFor >= logNeeded) {
      report
          .setResult(Result.PROVED)
          .setStatement(Words.proved(fold.claim()))
          .setFlipsIf(Words.flipsProved(logFor, logNeeded, logStop));
    } else {
      undecided(report, fold, logStop, logNeeded);
    }
    if (caveat != null && metric.getKind() == MetricKind.LATENCY && fold.observations() > 0) {
      report.setStatement(report.getStatement() + "; " + caveat);
    }
    return report.build();
  }

  private static void undecided(
      MetricReport.Builder report, MetricFold fold, double logStop, double logNeeded) {
    Words.Outlook outlook = fold.growth().outlook(logNeeded);
    if (outlook instanceof Words.Outlook.Needs(long observations, double seconds)) {
      report.setNeedsMore(observations).setEtaSeconds(seconds);
    }
    String awaited = fold.awaited();
    if (awaited != null && outlook instanceof Words.Outlook.NothingYet) {
      report.setReason(awaited);
    }
    report
        .setResult(Result.UNDECIDED)
        .setStatement(
            report.getReason().isEmpty()
                ? Words.undecided(fold.unit(), outlook, report.getLogAgainst(), logStop)
                : report.getReason())
        .setFlipsIf(Words.flipsUndecided(fold.claim(), report.getLogFor(), logNeeded, logStop));
  }
}
