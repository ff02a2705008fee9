package dev.understudy.evidence.fold;

import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.MetricSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Finds what is wrong with an evaluation spec before it becomes part of a log. */
public final class SpecCheck {
  /**
   * One thing that is wrong.
   *
   * @param field path of the field, as {@code metrics[0].margin}
   * @param description the value and the expectation
   */
  public record Problem(String field, String description) {}

  /**
   * Least limit or margin of a mean divergence. A call's divergence is known to 1/1024, so the mean
   * may be off by half of that, and above the champion's noise by all of it; below two grid points
   * the rounding could be what is judged.
   */
  private static final double LEAST_DIVERGENCE = 2.0 / 1024;

  /** The longest that a router lets an attempt last. */
  private static final long MOST_ATTEMPT_MS = 3_600_000;

  private final List<Problem> problems = new ArrayList<>();

  private SpecCheck() {}

  /** All problems; empty when the spec can be judged. */
  public static List<Problem> problems(EvaluationSpec spec) {
    SpecCheck check = new SpecCheck();
    check.spec(spec);
    return List.copyOf(check.problems);
  }

  /**
   * Whether {@code next} is another attempt of what {@code last} judged: the same but for a higher
   * attempt, the start and the seed. Limits may not move once evidence has been seen.
   */
  public static boolean isRetry(EvaluationSpec last, EvaluationSpec next) {
    return next.getAttempt() > last.getAttempt() && core(last).equals(core(next));
  }

  private static EvaluationSpec core(EvaluationSpec spec) {
    return spec.toBuilder().clearAttempt().clearStartedUnixMs().clearSeed().build();
  }

  private void spec(EvaluationSpec spec) {
    if (spec.getRolloutId().isEmpty()) {
      add("rollout_id", "empty (expected: a name)");
    }
    openUnit("alpha", spec.getAlpha());
    openUnit("beta", spec.getBeta());
    openUnit("alpha_split", spec.getAlphaSplit());
    long attemptMs = spec.getLongestAttemptMs();
    if (attemptMs < 0 || attemptMs > MOST_ATTEMPT_MS) {
      add(
          "longest_attempt_ms",
          Long.toUnsignedString(attemptMs) + " (expected: 0 to " + MOST_ATTEMPT_MS + ")");
    }
    Set<String> names = new HashSet<>();
    for (int i = 0; i < spec.getMetricsCount(); i++) {
      MetricSpec metric = spec.getMetrics(i);
      String at = "metrics[" + i + "].";
      if (!names.add(metric.getName())) {
        add(at + "name", metric.getName() + " is there twice (expected: different names)");
      }
      if (!(metric.getWeight() >= 0 && metric.getWeight() < Double.POSITIVE_INFINITY)) {
        add(at + "weight", metric.getWeight() + " (expected: >= 0 and finite)");
      }
      metric(at, metric, spec);
    }
  }

  private void metric(String at, MetricSpec metric, EvaluationSpec spec) {
    double margin = metric.getMargin();
    double limit = metric.getLimit();
    switch (metric.getKind()) {
      case FAILURES -> {
        difference(at + "margin", margin);
        if (!(limit > 0 && limit < Double.POSITIVE_INFINITY)) {
          add(at + "limit", limit + " (expected: a ratio > 0)");
        }
      }
      case LATENCY -> {
        openUnit(at + "quantile", metric.getQuantile());
        if (!(margin >= 0 && margin < Double.POSITIVE_INFINITY)) {
          add(at + "margin", margin + " (expected: a tolerance >= 0)");
        }
      }
      case DIVERGENCE -> {
        divergence(at + "margin", margin);
        divergence(at + "limit", limit);
      }
      case CHANGED_DECISIONS -> {
        share(at + "margin", margin);
        share(at + "limit", limit);
      }
      case QUALITY -> quality(at, metric, new Losses(metric, spec).scale());
      case METRIC_KIND_UNSPECIFIED, UNRECOGNIZED ->
          add(at + "kind", metric.getKindValue() + " (expected: a kind of metric)");
    }
  }

  private void quality(String at, MetricSpec metric, double scale) {
    if (scale > 0 && scale < Double.POSITIVE_INFINITY) {
      difference(at + "margin", metric.getMargin(), scale);
      difference(at + "limit", metric.getLimit(), scale);
    } else {
      add(at + "value", "from best to worst " + scale + " (expected: > 0 and finite)");
    }
  }

  private void openUnit(String field, double value) {
    if (!(value > 0 && value < 1)) {
      add(field, value + " (expected: > 0 and < 1)");
    }
  }

  private void divergence(String field, double value) {
    if (!(value == 0 || (value >= LEAST_DIVERGENCE && value < 1))) {
      add(field, value + " (expected: >= 2/1024 and < 1, or 0 for none)");
    }
  }

  private void share(String field, double value) {
    if (!(value >= 0 && value < 1)) {
      add(field, value + " (expected: > 0 and < 1, or 0 for none)");
    }
  }

  private void difference(String field, double value) {
    difference(field, value, 1);
  }

  private void difference(String field, double value, double scale) {
    if (!(value / scale > -1 && value / scale < 1)) {
      add(field, value + " (expected: > -" + scale + " and < " + scale + ")");
    }
  }

  private void add(String field, String description) {
    problems.add(new Problem(field, description));
  }
}
