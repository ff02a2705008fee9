package dev.understudy.rollout.plan;

import dev.understudy.chassis.config.Section;
import dev.understudy.proto.v1.DecisionValue;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Loss;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RandomisationUnit;
import dev.understudy.proto.v1.RolloutPlan;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

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
  private static final double LOG_MARGIN = 0.01;
  private static final int MAX_QUALITIES = 8;
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9-]{1,64}");
  private static final Set<String> RESERVED =
      Set.of("failures", "latency", "changed-decisions", "divergence");

  /** The losses, with the greatest there is of each; that of values depends on the values. */
  private enum Losses {
    BRIER(Loss.BRIER, "quality-brier", QUALITY_MARGIN, 1),
    ZERO_ONE(Loss.ZERO_ONE, "quality-zero-one", QUALITY_MARGIN, 1),
    LOG(Loss.LOG, "quality-log", LOG_MARGIN, Math.log(1024)),
    VALUE(Loss.VALUE, "quality-value", 0, 0);

    private final Loss wire;
    private final String metric;
    private final double margin;
    private final double most;

    Losses(Loss wire, String metric, double margin, double most) {
      this.wire = wire;
      this.metric = metric;
      this.margin = margin;
      this.most = most;
    }
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
    if (prove.isList("quality")) {
      qualities(prove, plan);
    } else if (prove.has("quality")) {
      plan.addMetrics(quality(prove.section("quality"), "quality"));
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

  /** Several losses may be judged beside each other; each has a name of its own. */
  private static void qualities(Section prove, RolloutPlan.Builder plan) {
    List<Section> sections = prove.sections("quality");
    if (sections.size() > MAX_QUALITIES) {
      prove.problem("quality", sections.size() + " (expected: at most " + MAX_QUALITIES + ")");
    }
    Set<String> names = new HashSet<>(RESERVED);
    for (Section section : sections) {
      Losses loss = section.choice("loss", Losses.class, Losses.BRIER);
      String name = section.string("name", loss.metric);
      if (!NAME.matcher(name).matches()) {
        section.problem("name", "'" + name + "' (expected: letters, digits and '-', at most 64)");
      } else if (!names.add(name)) {
        section.problem("name", "'" + name + "' (expected: a name that no other metric has)");
      }
      plan.addMetrics(quality(section, name));
    }
  }

  private static MetricSpec quality(Section section, String name) {
    Losses loss = section.choice("loss", Losses.class, Losses.BRIER);
    MetricSpec.Builder metric = common(section, name, MetricKind.QUALITY, false).setLoss(loss.wire);
    double most = loss.most;
    if (loss == Losses.VALUE) {
      DecisionValue values = values(section.section("values"));
      metric.setValue(values);
      most = spread(values);
      if (!section.has("margin")) {
        section.problem("margin", "is missing (expected: an amount in the unit of the values)");
      }
    } else if (section.has("values")) {
      section.problem("values", "are there (expected: only with loss: value)");
    }
    double margin = section.real("margin", loss.margin, -1e12, 1e12);
    double limit = section.real("limit", Math.max(0, margin), -1e12, 1e12);
    within(section, "margin", margin, most);
    within(section, "limit", limit, most);
    return metric.setMargin(margin).setLimit(atLeast(section, margin, limit)).build();
  }

  /** No mean can differ by as much as the greatest loss there is. */
  private static void within(Section section, String key, double value, double most) {
    if (most > 0 && !(Math.abs(value) < most)) {
      section.problem(
          key,
          value
              + " (expected: more than "
              + -most
              + " and less than "
              + most
              + ", the greatest loss)");
    }
  }

  private static DecisionValue values(Section section) {
    DecisionValue values =
        DecisionValue.newBuilder()
            .setTruePositive(
                value(section, "truePositive", section.real("truePositive", 0, -1e9, 1e9)))
            .setFalsePositive(
                value(section, "falsePositive", section.real("falsePositive", 0, -1e9, 1e9)))
            .setTrueNegative(
                value(section, "trueNegative", section.real("trueNegative", 0, -1e9, 1e9)))
            .setFalseNegative(
                value(section, "falseNegative", section.real("falseNegative", 0, -1e9, 1e9)))
            .build();
    if (!section.keys().isEmpty() && !(spread(values) > 0)) {
      section.problem("truePositive", "all values are equal (expected: at least one other)");
    }
    return values;
  }

  private static double value(Section section, String key, double value) {
    if (!section.has(key)) {
      section.problem(key, "is missing (expected: what such a decision is worth)");
    }
    return value;
  }

  /** The greatest loss: between the best that a decision can be worth and the worst. */
  private static double spread(DecisionValue v) {
    double best =
        Math.max(
            Math.max(v.getTruePositive(), v.getFalsePositive()),
            Math.max(v.getTrueNegative(), v.getFalseNegative()));
    double worst =
        Math.min(
            Math.min(v.getTruePositive(), v.getFalsePositive()),
            Math.min(v.getTrueNegative(), v.getFalseNegative()));
    return best - worst;
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
