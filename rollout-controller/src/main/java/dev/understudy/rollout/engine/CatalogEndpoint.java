package dev.understudy.rollout.engine;

import dev.understudy.proto.v1.CatalogModel;
import dev.understudy.proto.v1.CatalogServiceGrpc;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.ListModelsRequest;
import dev.understudy.proto.v1.ListModelsResponse;
import dev.understudy.proto.v1.ListVersionsRequest;
import dev.understudy.proto.v1.ListVersionsResponse;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;

/** The catalog, on the wire. Listing a model's versions looks at its repository again. */
public final class CatalogEndpoint extends CatalogServiceGrpc.CatalogServiceImplBase {
  private final Engine engine;
  private final Core core;
  private final Function<String, List<CatalogVersion>> scan;

  /**
   * Wires the endpoint.
   *
   * @param scan looks at a model's repository; empty where there is none
   */
  public CatalogEndpoint(Engine engine, Function<String, List<CatalogVersion>> scan) {
    this.engine = engine;
    this.core = engine.core();
    this.scan = scan;
  }

  @Override
  public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> responses) {
    RolloutEndpoint.answer(
        responses,
        () ->
            engine.command(() -> {
              ListModelsResponse.Builder models = ListModelsResponse.newBuilder();
              for (String model : new TreeSet<>(core.models().keySet())) {
                Drive drive = engine.drive(model);
                models.addModels(
                    CatalogModel.newBuilder()
                        .setModel(model)
                        .setChampionVersion(core.champion(model))
                        .setRolloutId(drive == null ? "" : drive.rollout().id()));
              }
              return models.build();
            }));
  }

  @Override
  public void listVersions(
      ListVersionsRequest request, StreamObserver<ListVersionsResponse> responses) {
    RolloutEndpoint.answer(
        responses,
        () -> {
          String model = request.getModel();
          if (!core.models().containsKey(model)) {
            throw Engine.unknownModel(model);
          }
          var _ = engine.register(Map.of(model, scan.apply(model)));
          Map<String, String> aliases = core.store().aliases(model);
          String champion = core.champion(model);
          ListVersionsResponse.Builder versions = ListVersionsResponse.newBuilder();
          for (CatalogVersion version : core.store().versions(model)) {
            versions.addVersions(
                version.toBuilder().setAlias(alias(version.getVersion(), champion, aliases)));
          }
          return versions.build();
        });
  }

  private static String alias(String version, String champion, Map<String, String> aliases) {
    if (version.equals(champion)) {
      return "champion";
    }
    if (version.equals(aliases.get("challenger"))) {
      return "challenger";
    }
    return version.equals(aliases.get("previous")) ? "previous" : "";
  }
}
