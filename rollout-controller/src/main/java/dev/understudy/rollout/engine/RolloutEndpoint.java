package dev.understudy.rollout.engine;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.CatalogVersion;
import dev.understudy.proto.v1.ForecastResponse;
import dev.understudy.proto.v1.ListRolloutsRequest;
import dev.understudy.proto.v1.ListRolloutsResponse;
import dev.understudy.proto.v1.ListRoutersRequest;
import dev.understudy.proto.v1.ListRoutersResponse;
import dev.understudy.proto.v1.PromoteRequest;
import dev.understudy.proto.v1.ReadAuditRequest;
import dev.understudy.proto.v1.RolloutCommand;
import dev.understudy.proto.v1.RolloutPlan;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.proto.v1.StartRolloutRequest;
import dev.understudy.proto.v1.VerifyAuditRequest;
import dev.understudy.proto.v1.VerifyAuditResponse;
import dev.understudy.rollout.engine.Commands.Target;
import dev.understudy.rollout.plan.PlanFile;
import dev.understudy.rollout.routing.ModelConfig;
import dev.understudy.rollout.store.Store;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/** The commands and questions about rollouts, on the wire. */
public final class RolloutEndpoint extends RolloutServiceGrpc.RolloutServiceImplBase {
  private static final int LIST = 100;
  private static final int AUDIT_PAGE = 500;

  private final Engine engine;
  private final Core core;
  private final Commands commands;
  private final Function<String, List<CatalogVersion>> scan;

  /**
   * Wires the endpoint.
   *
   * @param scan looks at a model's repository; empty where there is none
   */
  public RolloutEndpoint(Engine engine, Function<String, List<CatalogVersion>> scan) {
    this.engine = engine;
    this.core = engine.core();
    this.commands = new Commands(engine);
    this.scan = scan;
  }

  @Override
  public void startRollout(StartRolloutRequest request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> {
          RolloutPlan plan = plan(request);
          // Hashing the files of a large model takes its time; it is done before the engine's turn.
          return engine.begin(plan, scan.apply(plan.getModel()), actor(request.getActor()));
        });
  }

  @Override
  public void getRollout(RolloutRequest request, StreamObserver<RolloutStatus> responses) {
    answer(responses, () -> commands.get(new Target(request.getRolloutId(), request.getModel())));
  }

  @Override
  public void listRollouts(
      ListRolloutsRequest request, StreamObserver<ListRolloutsResponse> responses) {
    answer(
        responses,
        () -> {
          ListRolloutsResponse.Builder found = ListRolloutsResponse.newBuilder();
          core.store()
              .list(request.getModel(), LIST)
              .forEach(rollout -> found.addRollouts(commands.get(new Target(rollout.id(), ""))));
          return found.build();
        });
  }

  @Override
  public void watchRollout(RolloutRequest request, StreamObserver<RolloutStatus> responses) {
    try {
      RolloutStatus now = commands.get(new Target(request.getRolloutId(), request.getModel()));
      core.watchers().add(now, (ServerCallStreamObserver<RolloutStatus>) responses);
    } catch (RuntimeException e) {
      Fault.fail(responses, e);
    }
  }

  @Override
  public void promote(PromoteRequest request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () ->
            commands.promote(
                new Target(request.getRolloutId(), request.getModel()),
                actor(request.getActor()),
                request.getFull()));
  }

  @Override
  public void abort(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> commands.abort(target(request), actor(request.getActor()), request.getReason()));
  }

  @Override
  public void pause(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> commands.pause(target(request), actor(request.getActor()), request.getReason()));
  }

  @Override
  public void resume(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> commands.resume(target(request), actor(request.getActor()), request.getReason()));
  }

  @Override
  public void retry(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(responses, () -> commands.retry(target(request), actor(request.getActor())));
  }

  @Override
  public void undo(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> commands.undo(target(request), actor(request.getActor()), request.getReason()));
  }

  @Override
  public void rollback(RolloutCommand request, StreamObserver<RolloutStatus> responses) {
    answer(
        responses,
        () -> commands.rollback(target(request), actor(request.getActor()), request.getReason()));
  }

  @Override
  public void forecast(StartRolloutRequest request, StreamObserver<ForecastResponse> responses) {
    answer(
        responses,
        () -> {
          RolloutPlan plan = plan(request);
          double rate = request.getRequestsPerSecond();
          if (!(rate >= 0 && rate <= 1e7)) {
            throw Fault.of(
                    Status.Code.INVALID_ARGUMENT, "BAD_RATE", rate + " (expected: 0..10,000,000)")
                .violation("requests_per_second", "expected: 0..10,000,000");
          }
          String digest = core.store().digest(plan.getModel(), plan.getChallengerVersion());
          int attempt =
              1
                  + Starts.earlierAttempts(
                      core, plan.getModel(), plan.getChallengerVersion(), digest);
          return Forecasts.of(plan, attempt, rate);
        });
  }

  @Override
  public void readAudit(ReadAuditRequest request, StreamObserver<AuditRecord> responses) {
    var observer = (ServerCallStreamObserver<AuditRecord>) responses;
    var reader = new AuditReader(core.store(), request.getModel(), observer);
    observer.setOnReadyHandler(reader::pump);
    observer.setOnCancelHandler(() -> {});
    reader.pump();
  }

  @Override
  public void verifyAudit(
      VerifyAuditRequest request, StreamObserver<VerifyAuditResponse> responses) {
    answer(responses, core.store()::verifyAudit);
  }

  @Override
  public void listRouters(
      ListRoutersRequest request, StreamObserver<ListRoutersResponse> responses) {
    answer(
        responses,
        () -> {
          RoutingTable table = core.hub().table();
          return ListRoutersResponse.newBuilder()
              .addAllRouters(core.hub().routers())
              .setRevision(table == null ? 0 : table.getRevision())
              .setEpoch(table == null ? 0 : table.getEpoch())
              .build();
        });
  }

  private RolloutPlan plan(StartRolloutRequest request) {
    try {
      return PlanFile.parse(
          "plan.yaml",
          request.getPlanYaml(),
          model -> {
            ModelConfig config = core.models().get(model);
            return config != null && !config.controlFleet().isEmpty();
          });
    } catch (ConfigException e) {
      Fault fault =
          Fault.of(Status.Code.INVALID_ARGUMENT, "BAD_PLAN", String.join("\n", e.problems()));
      for (String problem : e.problems()) {
        fault = fault.violation("plan_yaml", problem);
      }
      throw fault;
    }
  }

  private static Target target(RolloutCommand command) {
    return new Target(command.getRolloutId(), command.getModel());
  }

  private static String actor(String given) {
    return given.isBlank() ? "unknown" : given;
  }

  static <T> void answer(StreamObserver<T> responses, Supplier<T> work) {
    T answer;
    try {
      answer = work.get();
    } catch (RuntimeException e) {
      Fault.fail(responses, e);
      return;
    }
    responses.onNext(answer);
    responses.onCompleted();
  }

  /** Reads the audit log page by page, as fast as the caller takes it. */
  private static final class AuditReader {
    private final Store store;
    private final String model;
    private final ServerCallStreamObserver<AuditRecord> observer;
    private long after;
    private boolean done;

    AuditReader(Store store, String model, ServerCallStreamObserver<AuditRecord> observer) {
      this.store = store;
      this.model = model;
      this.observer = observer;
    }

    synchronized void pump() {
      while (!done && observer.isReady()) {
        List<AuditRecord> page;
        try {
          page = store.audit(model, after, AUDIT_PAGE);
        } catch (RuntimeException e) {
          done = true;
          Fault.fail(observer, e);
          return;
        }
        for (AuditRecord record : page) {
          observer.onNext(record);
          after = record.getSequence();
        }
        if (page.size() < AUDIT_PAGE) {
          done = true;
          observer.onCompleted();
        }
      }
    }
  }
}
