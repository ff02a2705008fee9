package dev.understudy.collector.dashboard;

import com.google.gson.JsonArray;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.latency.Latencies;
import dev.understudy.collector.latency.Quantiles;
import dev.understudy.collector.latency.SeriesKey;
import dev.understudy.collector.latency.Traffic;
import dev.understudy.collector.latency.Traffic.Arm;
import dev.understudy.collector.rollouts.EvidencePoint;
import dev.understudy.collector.rollouts.Overview;
import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.Step;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One model on the page: its rollout, its arms, and what was measured of them. */
final class ModelView {
  private static final long WINDOW_MILLIS = 60_000;
  private static final int SHARE_SECONDS = 30;
  private static final int COURSE_SECONDS = 300;
  private static final int MAX_STAGES = 24;
  private static final int MAX_DECISIONS = 50;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double WHOLE = 10_000;

  private final Traffic traffic;
  private final Latencies latencies;
  private final TimeSource time;

  ModelView(Traffic traffic, Latencies latencies, TimeSource time) {
    this.traffic = traffic;
    this.latencies = latencies;
    this.time = time;
  }

  /** Whether a rollout in this phase has ended, whatever its end. */
  static boolean isOver(Phase phase) {
    return phase == Phase.HEALTHY || phase == Phase.DEGRADED;
  }

  private static boolean isPromoted(Phase phase) {
    return phase == Phase.WATCHING || phase == Phase.HEALTHY;
  }

  void write(Json json, String model, Overview now) {
    RolloutStatus status =
        now.rollouts().stream()
            .filter(one -> one.getModel().equals(model))
            .findFirst()
            .orElse(null);
    EvidenceReport report = report(model, status, now);
    List<Arm> arms = arms(model, status);
    json.put("model", model);
    json.put("headline", headline(status, arms, report));
    if (status == null) {
      json.none("rollout");
    } else {
      json.put("rollout", rollout(status));
    }
    json.list("arms", arms, (one, arm) -> arm(one, arm, arms, status, report));
    json.put("rate", rate(arms));
    json.list("stages", stages(model), this::stage);
    if (report == null) {
      json.none("evidence").put("course", new JsonArray());
    } else {
      json.put("evidence", EvidenceView.of(report));
      json.put("course", course(now.courses().getOrDefault(report.getRolloutId(), List.of())));
    }
  }

  private static @Nullable EvidenceReport report(
      String model, @Nullable RolloutStatus status, Overview now) {
    if (status != null) {
      EvidenceReport live = now.reports().get(status.getRolloutId());
      if (live != null) {
        return live;
      }
      return status.hasEvidence() ? status.getEvidence() : null;
    }
    return now.reports().values().stream()
        .filter(report -> report.getModel().equals(model))
        .max(Comparator.comparingLong(EvidenceReport::getAsOfUnixMs))
        .orElse(null);
  }

  private static String headline(
      @Nullable RolloutStatus status, List<Arm> arms, @Nullable EvidenceReport report) {
    if (status != null && !status.getHeadline().isEmpty()) {
      return status.getHeadline();
    }
    if (report != null && !report.getStatement().isEmpty()) {
      return report.getStatement();
    }
    return arms.stream()
        .filter(arm -> arm.role() == Role.CHAMPION)
        .findFirst()
        .map(arm -> "version " + arm.version() + " · champion · no rollout")
        .orElse("no traffic yet");
  }

  private static Json rollout(RolloutStatus status) {
    Json json = new Json();
    var plan = status.getPlan();
    json.put("id", status.getRolloutId())
        .put("champion", status.getChampionVersion())
        .put("challenger", status.getChallengerVersion())
        .put("phase", Json.word(status.getPhase()))
        .put("over", isOver(status.getPhase()))
        .put("promoted", isPromoted(status.getPhase()))
        .put("reason", status.getReason())
        .put("step", status.getStep())
        .put("steps", status.getSteps())
        .put("canary", status.getCanaryWeightBp() / WHOLE)
        .put("mirror", status.getMirrorBp() / WHOLE)
        .put("attempt", status.getAttempt())
        .put("started", status.getStartedUnixMs())
        .put("phaseSince", status.getPhaseSinceUnixMs())
        .put("ended", status.getEndedUnixMs())
        .put("intent", Json.word(plan.getIntent()))
        .put("preset", plan.getPreset())
        .put("alpha", plan.getAlpha())
        .put("beta", plan.getBeta())
        .put("revision", status.getRoutingRevision())
        .put("epoch", status.getRoutingEpoch());
    json.list("timeline", Timeline.of(status), (one, stop) -> stop.write(one));
    List<DecisionRecord> decisions = status.getDecisionsList();
    json.list(
        "decisions",
        decisions
            .subList(Math.max(0, decisions.size() - MAX_DECISIONS), decisions.size())
            .reversed(),
        ModelView::decision);
    return json;
  }

  private static void decision(Json json, DecisionRecord decision) {
    json.put("at", decision.getUnixMs())
        .put("phase", Json.word(decision.getPhase()))
        .put("step", decision.getStep())
        .put("canary", decision.getCanaryWeightBp() / WHOLE)
        .put("actor", decision.getActor())
        .put("reason", decision.getReason())
        .put("applied", decision.getAppliedUnixMs())
        .put("revision", decision.getRoutingRevision());
  }

  /**
   * The arms worth a row: those with calls in the last minute, those of the rollout, and the
   * challenger's past as canary, because "answered by it" is what people ask about.
   */
  private List<Arm> arms(String model, @Nullable RolloutStatus status) {
    Set<Arm> arms = new LinkedHashSet<>();
    for (Arm arm : traffic.arms(model)) {
      boolean challengers =
          status != null
              && arm.version().equals(status.getChallengerVersion())
              && arm.role() == Role.CANARY;
      var recent = traffic.recent(arm, (int) (WINDOW_MILLIS / 1000));
      if (challengers || recent.assigned() + recent.answered() > 0) {
        arms.add(arm);
      }
    }
    if (status != null) {
      boolean promoted = isPromoted(status.getPhase());
      String champion = promoted ? status.getChallengerVersion() : status.getChampionVersion();
      arms.add(new Arm(model, Role.CHAMPION, champion));
      if (!promoted && !isOver(status.getPhase())) {
        boolean copied =
            status.getMirrorBp() > 0
                || status.getPhase() == Phase.SHADOWING
                || status.getPhase() == Phase.PENDING;
        if (status.getCanaryWeightBp() > 0) {
          arms.add(new Arm(model, Role.CANARY, status.getChallengerVersion()));
        }
        if (copied) {
          arms.add(new Arm(model, Role.SHADOW, status.getChallengerVersion()));
        }
      }
    }
    return arms.stream()
        .filter(arm -> isPresent(arm, status))
        .filter(arm -> arm.role() != Role.ROLE_UNSPECIFIED && arm.role() != Role.UNRECOGNIZED)
        .sorted(Comparator.comparing(Arm::role).thenComparing(Arm::version))
        .toList();
  }

  /** An arm of the past leaves the table once it is given no more calls. */
  private boolean isPresent(Arm arm, @Nullable RolloutStatus status) {
    if (status == null) {
      return true;
    }
    String champion =
        isPromoted(status.getPhase()) ? status.getChallengerVersion() : status.getChampionVersion();
    String present =
        switch (arm.role()) {
          case CHAMPION, CONTROL -> champion;
          case CANARY -> status.getChallengerVersion();
          default -> arm.version();
        };
    return arm.version().equals(present) || traffic.recent(arm, SHARE_SECONDS).assigned() > 0;
  }

  private void arm(
      Json json,
      Arm arm,
      List<Arm> arms,
      @Nullable RolloutStatus status,
      @Nullable EvidenceReport report) {
    boolean live = arm.role() != Role.SHADOW && arm.role() != Role.MIRRORED_CONTROL;
    Traffic.Sum total = traffic.total(arm);
    Traffic.Sum recent = traffic.recent(arm, SHARE_SECONDS);
    long all = arms.stream().mapToLong(one -> traffic.recent(one, SHARE_SECONDS).assigned()).sum();
    json.put("role", Json.word(arm.role()))
        .put("version", arm.version())
        .put("live", live)
        .put("desired", live ? desired(arm, status) : Double.NaN)
        .put("actual", live && all > 0 ? (double) recent.assigned() / all : Double.NaN)
        .put("assigned", total.assigned())
        .put("answered", total.answered())
        .put("bad", total.bad())
        .put("failed", total.failed())
        .put("rate", (double) recent.assigned() / SHARE_SECONDS);
    if (arm.role() == Role.SHADOW && report != null) {
      json.put("copies", report.getPairs())
          .put("copiesFailed", report.getPairDiscordantCopyBad())
          .put("copiesDropped", report.getPairsDropped());
    }
    SeriesKey key = latencyOf(arm);
    json.put("latency", quantiles(key == null ? Quantiles.NONE : window(key)));
    JsonArray course = new JsonArray();
    if (key != null) {
      for (Quantiles.At at : latencies.course(key)) {
        JsonArray point = new JsonArray();
        point.add(at.unixMs());
        Json.add(point, at.quantiles().p50() / NANOS_PER_MILLI);
        Json.add(point, at.quantiles().p99() / NANOS_PER_MILLI);
        course.add(point);
      }
    }
    json.put("course", course);
  }

  private static double desired(Arm arm, @Nullable RolloutStatus status) {
    if (status == null) {
      return arm.role() == Role.CHAMPION ? 1 : 0;
    }
    boolean promoted = isPromoted(status.getPhase());
    String champion = promoted ? status.getChallengerVersion() : status.getChampionVersion();
    double canary = promoted ? 0 : status.getCanaryWeightBp() / WHOLE;
    double control = status.getPlan().getLiveControl() ? canary : 0;
    return switch (arm.role()) {
      case CHAMPION -> arm.version().equals(champion) ? 1 - canary - control : 0;
      case CANARY -> arm.version().equals(status.getChallengerVersion()) ? canary : 0;
      case CONTROL -> arm.version().equals(champion) ? control : 0;
      default -> Double.NaN;
    };
  }

  /** The latency that a caller sees; for copies, what the router measured of them. */
  private @Nullable SeriesKey latencyOf(Arm arm) {
    SeriesKey best = null;
    int rank = Integer.MAX_VALUE;
    for (SeriesKey key : latencies.keys()) {
      if (key.model().equals(arm.model())
          && key.role() == arm.role()
          && key.version().equals(arm.version())) {
        int its =
            switch (key.stage()) {
              case "total" -> 0;
              case Traffic.CALL -> 1;
              case "upstream" -> 2;
              default -> Integer.MAX_VALUE;
            };
        if (its < rank) {
          rank = its;
          best = key;
        }
      }
    }
    return best;
  }

  private List<SeriesKey> stages(String model) {
    List<SeriesKey> stages = new ArrayList<>();
    for (SeriesKey key : latencies.keys()) {
      if (key.model().equals(model) && stages.size() < MAX_STAGES) {
        stages.add(key);
      }
    }
    stages.sort(
        Comparator.comparing(SeriesKey::service)
            .thenComparing(SeriesKey::stage)
            .thenComparing(SeriesKey::role)
            .thenComparing(SeriesKey::version));
    return stages;
  }

  private void stage(Json json, SeriesKey key) {
    json.put("service", key.service())
        .put("stage", key.stage())
        .put("role", key.role() == Role.ROLE_UNSPECIFIED ? "" : Json.word(key.role()))
        .put("version", key.version())
        .put("latency", quantiles(window(key)));
  }

  private Quantiles window(SeriesKey key) {
    return latencies.window(key, WINDOW_MILLIS);
  }

  private static Json quantiles(Quantiles quantiles) {
    boolean any = quantiles.count() > 0;
    return new Json()
        .put("count", quantiles.count())
        .put("p50", any ? quantiles.p50() / NANOS_PER_MILLI : Double.NaN)
        .put("p90", any ? quantiles.p90() / NANOS_PER_MILLI : Double.NaN)
        .put("p95", any ? quantiles.p95() / NANOS_PER_MILLI : Double.NaN)
        .put("p99", any ? quantiles.p99() / NANOS_PER_MILLI : Double.NaN);
  }

  /** Calls a second of each live arm in the last five minutes, in groups of five seconds. */
  private JsonArray rate(List<Arm> arms) {
    JsonArray rate = new JsonArray();
    int group = 5;
    long endMs = time.wallMillis() / 1000 * 1000;
    List<List<Traffic.Sum>> courses =
        arms.stream().map(arm -> traffic.course(arm, COURSE_SECONDS)).toList();
    for (int from = 0; from + group <= COURSE_SECONDS; from += group) {
      JsonArray point = new JsonArray();
      point.add(endMs - (COURSE_SECONDS - from) * 1000L);
      for (List<Traffic.Sum> course : courses) {
        long calls = 0;
        for (int i = from; i < from + group; i++) {
          calls += course.get(i).assigned();
        }
        point.add((double) calls / group);
      }
      rate.add(point);
    }
    return rate;
  }

  private static JsonArray course(List<EvidencePoint> points) {
    JsonArray course = new JsonArray();
    for (EvidencePoint point : points) {
      JsonArray one = new JsonArray();
      one.add(point.unixMs());
      Json.add(one, point.pairs() == 0 ? Double.NaN : point.meanDivergence());
      Json.add(one, point.meanNoise());
      Json.add(one, point.logAgainst());
      course.add(one);
    }
    return course;
  }

  /** A stop on the way of a rollout. */
  record Timeline(String label, String state, String detail) {
    void write(Json json) {
      json.put("label", label).put("state", state).put("detail", detail);
    }

    /** Every step of the plan and the champion at the end: done, now, next, or stopped. */
    static List<Timeline> of(RolloutStatus status) {
      List<Timeline> stops = new ArrayList<>();
      List<Step> steps = status.getPlan().getStepsList();
      boolean promoted = isPromoted(status.getPhase());
      boolean promoting = status.getPhase() == Phase.PROMOTING;
      boolean stopped = status.getPhase() == Phase.DEGRADED || status.getPhase() == Phase.ABORTING;
      for (int i = 0; i < steps.size(); i++) {
        Step step = steps.get(i);
        String state =
            promoted || promoting || i < status.getStep()
                ? "done"
                : i > status.getStep()
                    ? "next"
                    : stopped ? "stopped" : status.getPhase() == Phase.PAUSED ? "paused" : "now";
        stops.add(new Timeline(label(step), state, detail(step)));
      }
      stops.add(new Timeline("champion", promoted ? "done" : promoting ? "now" : "next", ""));
      return stops;
    }

    private static String label(Step step) {
      return switch (step.getStepCase()) {
        case SET_MIRROR_BP -> "shadow";
        case SET_WEIGHT_BP -> percent(step.getSetWeightBp());
        case PAUSE_MS -> "pause";
        case STEP_NOT_SET -> "step";
      };
    }

    private static String detail(Step step) {
      if (step.getStepCase() == Step.StepCase.SET_MIRROR_BP) {
        return percent(step.getSetMirrorBp()) + " copied";
      }
      return step.getMinSamples() > 0 ? "at least " + step.getMinSamples() + " requests" : "";
    }

    private static String percent(int bp) {
      return bp % 100 == 0 ? bp / 100 + " %" : bp / 100.0 + " %";
    }
  }
}
