package dev.understudy.rollout.engine;

import dev.understudy.evidence.forecast.Forecast;
import dev.understudy.proto.v1.ForecastResponse;
import dev.understudy.proto.v1.ForecastStep;
import dev.understudy.proto.v1.MetricKind;
import dev.understudy.proto.v1.MetricSpec;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.Step;
import dev.understudy.rollout.policy.Steps;
import java.util.EnumSet;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Says before a rollout how much traffic each of its steps will need if the challenger is as good
 * as its plan claims: no failures, latency as the champion's (spread as a lognormal with σ = 0.5),
 * four tenths of the declared band of changed decisions. A proof once reached is expected to last,
 * so a metric costs traffic only in the first step that can measure it.
 *
 * <p>Quality waits for outcomes, whose delay nobody here knows; it is named, not counted.
 */
final class Forecasts {
  private static final long LIMIT = 5_000_000;
  private static final long LATENCY_LIMIT_SECONDS = 900;
  private static final double SIGMA = 0.5;
  private static final double SHARE_OF_BAND = 0.4;

  private Forecasts() {}

  private record Need(double requests, double seconds, String metric) {}

  static ForecastResponse of(RolloutPlan plan, int attempt, double requestsPerSecond) {
    var forecast = new Forecast(1);
    double beta = attempt <= 1 ? plan.getBeta() : plan.getBeta() * Math.pow(2, -attempt);
    Set<MetricKind> proved = EnumSet.noneOf(MetricKind.class);
    ForecastResponse.Builder response = ForecastResponse.newBuilder();
    var text = new StringBuilder();
    double totalSeconds = 0;
    long totalRequests = 0;
    boolean certain = true;
    for (int i = 0; i < plan.getStepsCount(); i++) {
      Step step = plan.getSteps(i);
      if (Steps.isPause(plan, i)) {
        double seconds = step.getPauseMs() / 1000.0;
        response.addSteps(ForecastStep.newBuilder().setStep("pause").setSeconds(seconds));
        text.append(
            step.getPauseMs() == 0
                ? "pause: until promoted by hand\n"
                : line("pause", 0, seconds, "its time"));
        certain &= step.getPauseMs() > 0;
        totalSeconds += seconds;
        continue;
      }
      Need need = need(plan, i, beta, requestsPerSecond, proved, forecast);
      String name = name(plan, i);
      certain &= Double.isFinite(need.requests);
      long requests = Double.isFinite(need.requests) ? (long) Math.ceil(need.requests) : 0;
      response.addSteps(
          ForecastStep.newBuilder()
              .setStep(name)
              .setRequests(requests)
              .setSeconds(need.seconds)
              .setLimitingMetric(need.metric));
      text.append(
          Double.isFinite(need.requests)
              ? line(name, requests, need.seconds, need.metric)
              : name + ": may never be decided at this rate; limited by " + need.metric + "\n");
      totalSeconds += need.seconds;
      totalRequests += requests;
    }
    text.append(
        String.format(
            Locale.ROOT,
            "%s about %,d requests and %,.0f s until promotion%s, then watched for %,.0f s.%n",
            certain ? "In all" : "At least",
            totalRequests,
            totalSeconds,
            requestsPerSecond > 0
                ? String.format(Locale.ROOT, " at %,.0f requests/s", requestsPerSecond)
                : " (shortest times only: no rate was given)",
            plan.getWatchMs() / 1000.0));
    if (plan.getMetricsList().stream()
        .anyMatch(m -> m.getCritical() && m.getKind() == MetricKind.QUALITY)) {
      text.append("Quality is critical and waits for outcomes to arrive; that comes on top.\n");
    }
    return response.setText(text.toString()).build();
  }

  private static Need need(
      RolloutPlan plan,
      int index,
      double beta,
      double rate,
      Set<MetricKind> proved,
      Forecast forecast) {
    Step step = plan.getSteps(index);
    double share =
        Steps.canaryWeightBp(plan, index) > 0
            ? Steps.canaryWeightBp(plan, index) / 10_000.0
            : Math.max(1, Steps.mirrorBp(plan, index)) / 10_000.0;
    double minSeconds = step.getMinDurationMs() / 1000.0;
    Need worst = new Need(rate * minSeconds, minSeconds, "its shortest time");
    worst = max(worst, ofRequests(step.getMinSamples() / share, rate, "its smallest sample"));
    for (MetricSpec metric : plan.getMetricsList()) {
      if (metric.getCritical() && Steps.measurable(plan, index, metric.getKind())) {
        worst = max(worst, need(plan, index, metric, beta, rate, proved, forecast));
      }
    }
    return worst;
  }

  private static Need need(
      RolloutPlan plan,
      int index,
      MetricSpec metric,
      double beta,
      double rate,
      Set<MetricKind> proved,
      Forecast forecast) {
    double w = Steps.canaryWeightBp(plan, index) / 10_000.0;
    Need nothing = new Need(0, 0, "");
    if (proved.contains(metric.getKind())) {
      return nothing;
    }
    return switch (metric.getKind()) {
      case FAILURES -> {
        if (w >= 1) {
          yield nothing;
        }
        if (w == 0) {
          // Copies prove it for themselves; from the first canary step on requests must again.
          yield ofPairs(
              forecast.pairsToProveQuality(metric.getMargin(), beta, 0, 0, LIMIT),
              Steps.mirrorBp(plan, index) / 10_000.0,
              rate,
              metric);
        }
        proved.add(MetricKind.FAILURES);
        yield ofRequests(
            forecast.requestsToProveFailures(w, metric.getMargin(), beta, 0, LIMIT), rate, metric);
      }
      case LATENCY -> {
        proved.add(MetricKind.LATENCY);
        if (rate < 1) {
          yield nothing;
        }
        OptionalLong blocks =
            forecast.blocksToProveLatency(
                Math.round(rate),
                w,
                w,
                metric.getQuantile(),
                metric.getMargin(),
                SIGMA,
                beta,
                LATENCY_LIMIT_SECONDS);
        yield blocks.isPresent()
            ? new Need(blocks.getAsLong() * rate, blocks.getAsLong(), metric.getName())
            : new Need(Double.POSITIVE_INFINITY, 0, metric.getName());
      }
      case CHANGED_DECISIONS, DIVERGENCE -> {
        proved.add(metric.getKind());
        double copied = Steps.mirrorBp(plan, index) / 10_000.0 * Math.max(0.01, 1 - 2 * w);
        OptionalLong pairs =
            forecast.pairsToProveQuality(
                Math.min(0.99, metric.getMargin()),
                beta,
                Math.min(0.99, metric.getMargin()) * SHARE_OF_BAND,
                0,
                LIMIT);
        yield ofPairs(pairs, copied, rate, metric);
      }
      case QUALITY, METRIC_KIND_UNSPECIFIED, UNRECOGNIZED -> nothing;
    };
  }

  private static Need ofPairs(OptionalLong pairs, double copied, double rate, MetricSpec metric) {
    return pairs.isPresent()
        ? ofRequests(pairs.getAsLong() / copied, rate, metric.getName())
        : new Need(Double.POSITIVE_INFINITY, 0, metric.getName());
  }

  private static Need ofRequests(OptionalLong requests, double rate, MetricSpec metric) {
    return requests.isPresent()
        ? ofRequests((double) requests.getAsLong(), rate, metric.getName())
        : new Need(Double.POSITIVE_INFINITY, 0, metric.getName());
  }

  private static Need ofRequests(double requests, double rate, String metric) {
    return new Need(requests, rate > 0 ? requests / rate : 0, metric);
  }

  private static Need max(Need a, Need b) {
    if (a.requests == b.requests) {
      return b.seconds > a.seconds ? b : a;
    }
    Need more = b.requests > a.requests ? b : a;
    return new Need(more.requests, Math.max(a.seconds, b.seconds), more.metric);
  }

  private static String name(RolloutPlan plan, int index) {
    int canary = Steps.canaryWeightBp(plan, index);
    return canary > 0
        ? "canary " + Headlines.percent(canary)
        : "shadow " + Headlines.percent(Steps.mirrorBp(plan, index));
  }

  private static String line(String step, long requests, double seconds, String metric) {
    return String.format(
        Locale.ROOT,
        "%s: about %,d requests, %,.0f s, limited by %s%n",
        step,
        requests,
        seconds,
        metric);
  }
}
