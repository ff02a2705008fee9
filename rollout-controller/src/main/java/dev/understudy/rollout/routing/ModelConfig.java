package dev.understudy.rollout.routing;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the configuration says about one model.
 *
 * @param repository where its versions lie; null with somebody else's server, whose digests are
 *     then unknown
 * @param contract the default instance if there is none
 * @param champion who serves as long as nothing was ever promoted
 * @param championFleet servers of the champion, at least one
 * @param challengerFleet servers of the challenger; may be empty, then nothing can be rolled out
 * @param controlFleet servers of the champion as control; may be empty
 * @param tryTimeoutMillis 0: the router's default
 * @param lineage what a call does when its lineage record finds no room
 * @param payloadSampleBp share of calls whose payload is kept, in 1/10000
 * @param standing what of the route no rollout changes: rules, eligibility, hold-out
 * @param benchmark a cheap model that answers are held against; null without one
 */
public record ModelConfig(
    String name,
    @Nullable Path repository,
    DataContract contract,
    String champion,
    List<HostPort> championFleet,
    List<HostPort> challengerFleet,
    List<HostPort> controlFleet,
    long tryTimeoutMillis,
    LineageOverflow lineage,
    int payloadSampleBp,
    ModelRoute standing,
    @Nullable Benchmark benchmark) {
  /**
   * A model that answers are held against. It is somebody else's to load: the controller only tells
   * routers where it is.
   *
   * @param model its name at its servers; empty: the model's own
   * @param fleet its servers, at least one
   */
  public record Benchmark(String version, String model, List<HostPort> fleet) {
    /** Copies the list. */
    public Benchmark {
      fleet = List.copyOf(fleet);
    }
  }

  /** Copies the lists. */
  public ModelConfig {
    championFleet = List.copyOf(championFleet);
    challengerFleet = List.copyOf(challengerFleet);
    controlFleet = List.copyOf(controlFleet);
  }

  /** A model without rules and without a benchmark. */
  public ModelConfig(
      String name,
      @Nullable Path repository,
      DataContract contract,
      String champion,
      List<HostPort> championFleet,
      List<HostPort> challengerFleet,
      List<HostPort> controlFleet,
      long tryTimeoutMillis,
      LineageOverflow lineage,
      int payloadSampleBp) {
    this(
        name,
        repository,
        contract,
        champion,
        championFleet,
        challengerFleet,
        controlFleet,
        tryTimeoutMillis,
        lineage,
        payloadSampleBp,
        ModelRoute.getDefaultInstance(),
        null);
  }

  /** Servers that can answer for a former champion: the control's, else the champion's own. */
  public List<HostPort> sparedFleet() {
    return controlFleet.isEmpty() ? championFleet : controlFleet;
  }
}
