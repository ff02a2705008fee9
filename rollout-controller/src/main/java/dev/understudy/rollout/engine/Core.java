package dev.understudy.rollout.engine;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.ModelSignature;
import dev.understudy.proto.v1.PassThrough;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.rollout.fleet.Fleets;
import dev.understudy.rollout.plan.Plans;
import dev.understudy.rollout.policy.RolloutPolicy;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.routing.RouteBuilder;
import dev.understudy.rollout.routing.RoutingHub;
import dev.understudy.rollout.store.Store;
import dev.understudy.rollout.store.StoredRollout;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What every rollout's drive shares.
 *
 * @param models by name
 * @param lease how long routers trust a table without renewal
 * @param passThrough where calls for other models go; null: they are refused
 */
record Core(
    Map<String, ModelConfig> models,
    Duration lease,
    @Nullable PassThrough passThrough,
    RolloutPolicy policy,
    Store store,
    Keeping keeping,
    Fleets fleets,
    Judge judge,
    RoutingHub hub,
    Watchers watchers,
    Turns turns,
    TimeSource time) {

  static final String CONTROLLER = "controller";

  ModelConfig config(String model) {
    ModelConfig config = models.get(model);
    if (config == null) {
      throw new IllegalStateException(
          "model: " + model + " (expected: one of " + models.keySet() + ")");
    }
    return config;
  }

  /** The version that is champion now: what was promoted last, else what is configured. */
  String champion(String model) {
    return store.aliases(model).getOrDefault("champion", config(model).champion());
  }

  /**
   * Sends the routing table that follows from what is kept, and from the stops that could not be
   * kept. A model whose champion nobody has described yet is left out until a server does.
   */
  void publish() {
    RoutingTable.Builder table =
        RoutingTable.newBuilder()
            .setRevision(keeping.revision())
            .setEpoch(store.epoch())
            .setLeaseMs(lease.toMillis());
    for (ModelConfig config : models.values()) {
      StoredRollout takenOut = keeping.takenOut(config.name());
      String champion = takenOut == null ? champion(config.name()) : takenOut.championVersion();
      @Nullable ModelSignature signature = store.signature(config.name(), champion);
      if (signature != null) {
        ModelRoute route =
            RouteBuilder.build(
                config,
                champion,
                signature,
                version -> store.digest(config.name(), version),
                takenOut == null ? store.latest(config.name()).orElse(null) : takenOut);
        table.addModels(
            route.getRolloutId().isEmpty()
                ? route
                : route.toBuilder()
                    .setSalt(Plans.salt(store.secret(), route.getRolloutId()))
                    .build());
      }
    }
    // Not before: a model of ours that is left out must be refused, not taken for somebody else's.
    if (passThrough != null && table.getModelsCount() == models.size()) {
      table.setPassThrough(passThrough);
    }
    if (table.getModelsCount() > 0) {
      hub.publish(table.build());
    }
  }
}
