package dev.understudy.collector.dashboard;

import com.google.gson.JsonObject;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.collector.intake.IntakeCount;
import dev.understudy.collector.outcomes.OutcomeCount;
import dev.understudy.collector.rollouts.Overview;
import dev.understudy.collector.rollouts.Source;
import dev.understudy.proto.v1.CatalogModel;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RouterState;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Supplier;

/**
 * All that the page shows, as one JSON value. Times are milliseconds since 1970, latencies
 * milliseconds, shares 0..1, evidence natural logarithms. A number that is not known is null.
 */
final class StateView {
  private static final int MAX_MODELS = 32;

  private final Facts facts;
  private final ModelView models;
  private final TimeSource time;
  private final Supplier<Overview> overview;
  private final long startedMs;

  StateView(Facts facts, Supplier<Overview> overview, TimeSource time) {
    this.facts = facts;
    this.models = new ModelView(facts.traffic(), facts.latencies(), time);
    this.overview = overview;
    this.time = time;
    this.startedMs = time.wallMillis();
  }

  JsonObject state() {
    Overview now = overview.get();
    Json state = new Json();
    state
        .put("now", time.wallMillis())
        .put("started", startedMs)
        .put("controller", source(now.controller()))
        .put("comparator", source(now.comparator()));
    state.list("models", names(now), (json, model) -> models.write(json, model, now));
    state.list("routers", now.routers(), this::router);
    state.put("outcomes", outcomes());
    state.put("telemetry", telemetry());
    return state.done();
  }

  /** Models in a rollout come first, then those with traffic, then the rest of the catalog. */
  private Collection<String> names(Overview now) {
    Set<String> names = new LinkedHashSet<>();
    now.rollouts().stream()
        .filter(status -> !ModelView.isOver(status.getPhase()))
        .map(RolloutStatus::getModel)
        .forEach(names::add);
    now.rollouts().stream().map(RolloutStatus::getModel).forEach(names::add);
    now.reports().values().forEach(report -> names.add(report.getModel()));
    names.addAll(facts.traffic().models());
    now.models().stream().map(CatalogModel::getModel).forEach(names::add);
    names.remove("");
    return names.stream().limit(MAX_MODELS).toList();
  }

  private static Json source(Source source) {
    String address = source.address();
    return new Json()
        .put("configured", address != null)
        .put("address", address == null ? "" : address)
        .put("reachable", source.reachable())
        .put("problem", source.problem());
  }

  private void router(Json json, RouterState router) {
    json.put("router", router.getRouter())
        .put("revision", router.getAppliedRevision())
        .put("epoch", router.getAppliedEpoch())
        .put("applied", router.getAppliedUnixMs())
        .put("refusal", router.getRefusal())
        .put("leaseExpired", router.getLeaseExpired())
        .put("championOnly", String.join(", ", router.getChampionOnlyList()))
        .put("unacknowledged", router.getEvidenceBlocksUnacknowledged());
  }

  private Json outcomes() {
    var outcomes = facts.outcomes();
    Json json = new Json().put("waiting", outcomes.waiting());
    for (OutcomeCount what : OutcomeCount.values()) {
      json.put(camel(what.name()), outcomes.count(what));
    }
    var outbox = facts.outbox();
    return json.put("unacknowledged", outbox == null ? 0 : outbox.waiting())
        .put("connected", outbox != null && outbox.isConnected());
  }

  private Json telemetry() {
    var counts = facts.counts();
    Json json = new Json();
    for (IntakeCount what : IntakeCount.values()) {
      json.put(camel(what.name()), counts.get(what));
    }
    return json.put("lag", counts.lagMillis())
        .put("newest", counts.newestCallUnixMs())
        .put("queuedBytes", facts.writer().queuedBytes())
        .put("storedBytes", facts.store().storedBytes())
        .put("droppedRecords", facts.store().droppedRecords())
        .put("damagedRecords", facts.store().damagedRecords())
        .put("writeFailures", facts.writer().failures())
        .put("refusedSeries", facts.latencies().refused() + facts.traffic().refused());
  }

  private static String camel(String name) {
    StringBuilder camel = new StringBuilder();
    boolean upper = false;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '_') {
        upper = true;
      } else {
        camel.append(upper ? c : Character.toLowerCase(c));
        upper = false;
      }
    }
    return camel.toString();
  }
}
