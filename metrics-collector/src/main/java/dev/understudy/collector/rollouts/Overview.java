package dev.understudy.collector.rollouts;

import dev.understudy.proto.v1.CatalogModel;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RouterState;
import java.util.List;
import java.util.Map;

/**
 * What is known of all rollouts at one moment.
 *
 * @param rollouts the newest first
 * @param reports by rollout id
 * @param courses by rollout id
 */
public record Overview(
    Source controller,
    Source comparator,
    List<CatalogModel> models,
    List<RolloutStatus> rollouts,
    Map<String, EvidenceReport> reports,
    Map<String, List<EvidencePoint>> courses,
    List<RouterState> routers) {
  /** Nothing is known and nobody is asked. */
  public static final Overview EMPTY =
      new Overview(Source.NONE, Source.NONE, List.of(), List.of(), Map.of(), Map.of(), List.of());

  /** Keeps its own copies. */
  public Overview {
    models = List.copyOf(models);
    rollouts = List.copyOf(rollouts);
    reports = Map.copyOf(reports);
    courses = Map.copyOf(courses);
    routers = List.copyOf(routers);
  }
}
