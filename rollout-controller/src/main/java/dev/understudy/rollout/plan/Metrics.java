package dev.understudy.rollout.plan;

import dev.understudy.chassis.config.Section;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;

/**
 * Reads {@code prove}: what is to be shown, and where the evidence against begins.
 *
 * <p>A metric that a plan does not name is judged with its default margin where it has one:
 * failures always, latency always (critical only with a live control, because a busy champion is no
 * fair comparison for an idle canary, and only when requests are assigned one by one, because with
 * sticky keys latency proves nothing), divergence when equivalence is claimed. What a plan names
 * counts against the challenger; what it does not claim (divergence of a better model) only
 * informs.
 */
final class Metrics {
  private static final double FAILURES_MARGIN = 0.01;
  private static final double LATENCY_TOLERANCE = 0.25;
  private static final int LATENCY_QUANTILE = 95;
  private static final double DIVERGENCE_MARGIN = 0.01;
  private static final double QUALITY_MARGIN = 0.002;

  private enum Losses {
    BRIER,
    ZERO_ONE
  }

  private Metrics() {}

  static void read(Section root, RolloutPlan.Builder plan) {
    Section prove = root.section("prove");
    boolean equivalent = plan.getIntent() == Intent.EQUIVALENT;
    plan.addMetrics(failures(prove.section("failures")));
    plan.addMetrics(latency(prove.section("latency"), plan));
    if (prove.has("changedDecisions")) {
      plan.addMetrics(changedDecisions(prove.section("changedDecisions"), equivalent));
    }
    if (prove.has("quality")) {
      plan.addMetrics(quality(prove.section("quality")));
    }
    if (prove.has("divergence") || equivalent) {
      plan.addMetrics(divergence(prove.section("divergence"), equivalent));
    }
    if (plan.getMetricsList().stream().noneMatch(MetricSpec::getCritical)) {
      root.problem("prove", "nothing is critical (expected: at least one metric)");
    }
  }

  private static MetricSpec failures(Section section) {
    return common(section, "failures", MetricKind.FAILURES, true)
        .setMargin(positive(section, "margin", section.ratio("margin", FAILURES_MARGIN)))
        .setLimit(section.real("limit", 1, 1, 1_000))
        .build();
  }

  private static MetricSpec latency(Section section, RolloutPlan.Builder plan) {
    boolean liveControl = plan.getLiveControl();
    boolean byKey = plan.getUnit() == RandomisationUnit.KEY;
    MetricSpec.Builder metric =
        common(section, "latency", MetricKind.LATENCY, liveControl && !byKey);
    if (metric.getCritical() && !liveControl) {
      section.problem("critical", "true (expected: false, or control: live)");
    }
    if (metric.getCritical() && byKey) {
      section.problem(
          "critical",
          "true (expected: false, or unit: request; with sticky keys latency proves nothing)");
    }
    double tolerance = section.real("quantile", LATENCY_QUANTILE, 50, 99.9) / 100;
    return metric
        .setQuantile(tolerance)
        .setMargin(positive(section, "tolerance", section.ratio("tolerance", LATENCY_TOLERANCE)))
        .build();
  }

  private static MetricSpec changedDecisions(Section section, boolean equivalent) {
    if (!section.has("band")) {
      section.problem("band", "is missing (expected: a share such as 5%)");
    }
    double band = positive(section, "band", section.ratio("band", 0.05));
    return common(section, "changed-decisions", MetricKind.CHANGED_DECISIONS, !equivalent)
        .setMargin(band)
        .setLimit(atLeast(section, band, section.ratio("limit", band)))
        .build();
  }

  private static MetricSpec quality(Section section) {
    double margin = section.real("margin", QUALITY_MARGIN, -1, 1);
    double limit = section.real("limit", Math.max(0, margin), -1, 1);
    return common(section, "quality", MetricKind.QUALITY, false)
        .setLoss(
            section.choice("loss", Losses.class, Losses.BRIER) == Losses.BRIER
                ? Loss.BRIER
                : Loss.ZERO_ONE)
        .setMargin(margin)
        .setLimit(atLeast(section, margin, limit))
        .build();
  }

  private static MetricSpec divergence(Section section, boolean equivalent) {
    double margin = positive(section, "margin", section.ratio("margin", DIVERGENCE_MARGIN));
    MetricSpec.Builder metric =
        common(section, "divergence", MetricKind.DIVERGENCE, equivalent)
            .setMargin(margin)
            .setLimit(atLeast(section, margin, section.ratio("limit", margin)));
    if (!equivalent && !section.has("weight") && !metric.getCritical()) {
      metric.setWeight(0);
    }
    return metric.build();
  }

  private static MetricSpec.Builder common(
      Section section, String name, MetricKind kind, boolean critical) {
    return MetricSpec.newBuilder()
        .setName(name)
        .setKind(kind)
        .setCritical(section.flag("critical", critical))
        .setWeight(section.real("weight", 1, 0, 1_000));
  }

  private static double positive(Section section, String key, double value) {
    if (!(value > 0 && value < 1)) {
      section.problem(key, value + " (expected: more than 0 and less than 1)");
    }
    return value;
  }

  private static double atLeast(Section section, double margin, double limit) {
    if (limit < margin) {
      section.problem("limit", limit + " (expected: at least the margin, " + margin + ")");
    }
    return limit;
  }
}
