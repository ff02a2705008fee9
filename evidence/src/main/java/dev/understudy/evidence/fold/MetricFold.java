package dev.understudy.evidence.fold;

import dev.understudy.evidence.words.Words;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.LabelTally;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.PairTally;
import org.jspecify.annotations.Nullable;

/** What one metric makes of the log. Each kind overrides what it feeds on. */
abstract sealed class MetricFold permits FailuresFold, LatencyFold, DivergenceFold, QualityFold {
  private final MetricSpec metric;
  private final Growth growth = new Growth();

  MetricFold(MetricSpec metric) {
    this.metric = metric;
  }

  static MetricFold of(MetricSpec metric, EvaluationSpec spec) {
    return switch (metric.getKind()) {
      case FAILURES -> new FailuresFold(metric, spec);
      case LATENCY -> new LatencyFold(metric, spec);
      case DIVERGENCE, CHANGED_DECISIONS -> new DivergenceFold(metric, spec);
      case QUALITY -> new QualityFold(metric, spec);
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED ->
          throw new IllegalArgumentException(
              "kind of metric \"" + metric.getName() + "\": none (expected: a metric kind)");
    };
  }

  final MetricSpec metric() {
    return metric;
  }

  final Growth growth() {
    return growth;
  }

  /** Whether a step may wait for this metric at all. */
  boolean critical() {
    return metric.getCritical();
  }

  /** Whether the metric has a say in stopping, known before the first block. */
  boolean counts() {
    return true;
  }

  /** Whether what is observed are copies, not answers to customers. */
  boolean onCopies() {
    return false;
  }

  void block(BlockView view) {}

  void pairs(PairTally tally) {}

  void labels(LabelTally tally) {}

  /** Natural logarithm of the e-value against "acceptable". */
  abstract double logAgainst();

  /** Natural logarithm of the e-value against "worse than the margin". */
  abstract double logFor();

  abstract long observations();

  /** Why nothing can be said, or null. */
  abstract @Nullable String unmeasurable();

  abstract Estimate estimate();

  /** What is said when it is proved: "errors at most 1 point higher". */
  String claim() {
    return Words.claim(metric);
  }

  /** What is said when it is against: "the challenger fails more often than the champion". */
  String reproach() {
    return Words.reproach(metric);
  }

  /** What is counted, in words. */
  String unit() {
    return Words.unit(metric.getKind(), onCopies());
  }

  /** What has to come before anything can be observed, where that needs saying; or null. */
  @Nullable String awaited() {
    return null;
  }

  /** Remembers where the metric stands after a record, if that record told it anything. */
  final void note(long unixMs) {
    long observed = observations();
    if (growth.isNews(observed)) {
      growth.note(observed, logFor(), unixMs);
    }
  }
}
