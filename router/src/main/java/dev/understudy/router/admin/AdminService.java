package dev.understudy.router.admin;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.GetTableRequest;
import dev.understudy.proto.v1.GetTableResponse;
import dev.understudy.proto.v1.ListSuspectsRequest;
import dev.understudy.proto.v1.ListSuspectsResponse;
import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.RouterState;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.SetChampionOnlyRequest;
import dev.understudy.proto.v1.SetChampionOnlyResponse;
import dev.understudy.router.patterns.Suspect;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The router's own administration. Works without a controller; that is its point. */
public final class AdminService extends RouterAdminGrpc.RouterAdminImplBase {
  /** What can be asked and changed. */
  public interface Desk {
    /** The table in force. */
    RoutingTable table();

    /** What the router runs. */
    RouterState state();

    /** Breaks or repairs the glass of a model, and says so to the controller. */
    void setChampionOnly(String model, boolean championOnly);

    /** What would happen to a request. */
    ExplainRouteResponse explain(ExplainRouteRequest request);

    /** Callers under suspicion, at most so many; null when nobody looks. */
    @Nullable List<Suspect> suspects(int most);
  }

  private static final int MOST_SUSPECTS = 1000;

  private final Desk desk;

  /** Serves a desk. */
  public AdminService(Desk desk) {
    this.desk = desk;
  }

  @Override
  public void setChampionOnly(
      SetChampionOnlyRequest request, StreamObserver<SetChampionOnlyResponse> answer) {
    String model = request.getModel();
    boolean known =
        desk.table().getModelsList().stream().anyMatch(route -> route.getModel().equals(model))
            || desk.state().getChampionOnlyList().contains(model);
    if (!known) {
      Fault.fail(
          answer,
          Fault.of(
                  Status.Code.NOT_FOUND,
                  "UNKNOWN_MODEL",
                  "model '" + model + "' is not in this router's table")
              .resource("model", model));
      return;
    }
    desk.setChampionOnly(model, request.getChampionOnly());
    answer.onNext(SetChampionOnlyResponse.newBuilder().setState(desk.state()).build());
    answer.onCompleted();
  }

  @Override
  public void getTable(GetTableRequest request, StreamObserver<GetTableResponse> answer) {
    answer.onNext(
        GetTableResponse.newBuilder().setTable(desk.table()).setState(desk.state()).build());
    answer.onCompleted();
  }

  @Override
  public void explainRoute(
      ExplainRouteRequest request, StreamObserver<ExplainRouteResponse> answer) {
    if (request.getModel().isEmpty()) {
      Fault.fail(
          answer,
          Fault.of(Status.Code.INVALID_ARGUMENT, "MODEL_MISSING", "model: empty (expected: a name)")
              .violation("model", "empty (expected: a name)"));
      return;
    }
    answer.onNext(desk.explain(request));
    answer.onCompleted();
  }

  @Override
  public void listSuspects(
      ListSuspectsRequest request, StreamObserver<ListSuspectsResponse> answer) {
    List<Suspect> suspects = desk.suspects(MOST_SUSPECTS);
    if (suspects == null) {
      Fault.fail(
          answer,
          Fault.of(
              Status.Code.FAILED_PRECONDITION,
              "PATTERNS_OFF",
              "this router does not watch for suspicious patterns (expected: patterns.watch: true"
                  + " in its configuration)"));
      return;
    }
    ListSuspectsResponse.Builder response = ListSuspectsResponse.newBuilder();
    for (Suspect suspect : suspects) {
      var told =
          response
              .addSuspectsBuilder()
              .setPrincipal(suspect.principal())
              .setSinceUnixMs(suspect.sinceUnixMs())
              .setNearDuplicates(suspect.nearDuplicates())
              .setNearBoundary(suspect.nearBoundary())
              .setCallsThisMinute(suspect.callsThisMinute())
              .setThrottled(suspect.throttled());
      suspect.patterns().forEach(pattern -> told.addPatterns(pattern.flag()));
      if (!Double.isNaN(suspect.usualPerMinute())) {
        told.setUsualPerMinute(suspect.usualPerMinute());
      }
    }
    answer.onNext(response.build());
    answer.onCompleted();
  }
}
