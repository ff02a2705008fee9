package dev.understudy.collector.rollouts;

import dev.understudy.chassis.time.Scheduler;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.CatalogModel;
import dev.understudy.proto.v1.CatalogServiceGrpc;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.ListEvaluationsRequest;
import dev.understudy.proto.v1.ListModelsRequest;
import dev.understudy.proto.v1.ListRolloutsRequest;
import dev.understudy.proto.v1.ListRolloutsResponse;
import dev.understudy.proto.v1.ListRoutersRequest;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.RouterState;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Follows every evaluation at the comparator and every rollout at the controller. What is there to
 * follow is asked for each second; what has changed comes by itself. When one of them cannot be
 * reached the last that was known stays, and {@link Overview} says so.
 *
 * <p>Safe for use by any thread.
 */
public final class RolloutWatch implements AutoCloseable {
  private static final Duration PERIOD = Duration.ofSeconds(1);
  private static final int MAX_ROLLOUTS = 64;

  private final TimeSource time;
  private final @Nullable Asked controller;
  private final @Nullable Asked comparator;
  private final @Nullable Watches<RolloutRequest, RolloutStatus> rolloutWatches;
  private final @Nullable Watches<ReportRequest, EvidenceReport> reportWatches;
  private final Map<String, RolloutStatus> rollouts = new HashMap<>();
  private final Map<String, EvidenceReport> reports = new HashMap<>();
  private final Map<String, Course> courses = new HashMap<>();
  private List<RouterState> routers = List.of();
  private List<CatalogModel> models = List.of();

  /** A peer, and how the last question to it ended. Guarded by the watch. */
  private static final class Asked {
    private final ManagedChannel channel;
    private final String address;
    private boolean reachable;
    private String problem = "not asked yet";

    Asked(ManagedChannel channel, String address) {
      this.channel = channel;
      this.address = address;
    }

    Source source() {
      return new Source(address, reachable, problem);
    }
  }

  /** A peer to follow. */
  public record Peer(ManagedChannel channel, String address) {}

  /**
   * Begins to follow. The channels stay the caller's to close.
   *
   * @param controller null if there is none
   * @param comparator null if there is none
   */
  public static RolloutWatch start(
      @Nullable Peer controller, @Nullable Peer comparator, Scheduler scheduler, TimeSource time) {
    RolloutWatch watch = new RolloutWatch(controller, comparator, scheduler, time);
    scheduler.every(PERIOD, "ask for rollouts", watch::ask);
    watch.ask();
    return watch;
  }

  private RolloutWatch(
      @Nullable Peer controller, @Nullable Peer comparator, Scheduler scheduler, TimeSource time) {
    this.time = time;
    this.controller = controller == null ? null : new Asked(controller.channel, controller.address);
    this.comparator = comparator == null ? null : new Asked(comparator.channel, comparator.address);
    this.rolloutWatches =
        controller == null
            ? null
            : new Watches<>(
                controller.channel,
                RolloutServiceGrpc.getWatchRolloutMethod(),
                id -> RolloutRequest.newBuilder().setRolloutId(id).build(),
                this::took,
                scheduler,
                time);
    this.reportWatches =
        comparator == null
            ? null
            : new Watches<>(
                comparator.channel,
                EvidenceServiceGrpc.getWatchReportMethod(),
                id -> ReportRequest.newBuilder().setRolloutId(id).build(),
                this::took,
                scheduler,
                time);
  }

  /** What is known now. */
  public synchronized Overview overview() {
    Map<String, List<EvidencePoint>> points = new HashMap<>();
    courses.forEach((id, course) -> points.put(id, course.points()));
    return new Overview(
        controller == null ? Source.NONE : controller.source(),
        comparator == null ? Source.NONE : comparator.source(),
        models,
        newestFirst(rollouts.values()),
        reports,
        points,
        routers);
  }

  @Override
  public void close() {
    if (rolloutWatches != null) {
      rolloutWatches.close();
    }
    if (reportWatches != null) {
      reportWatches.close();
    }
  }

  private void ask() {
    if (controller != null) {
      var stub =
          RolloutServiceGrpc.newStub(controller.channel)
              .withDeadlineAfter(PERIOD.toMillis(), TimeUnit.MILLISECONDS);
      stub.listRollouts(
          ListRolloutsRequest.getDefaultInstance(), new Answer<>(controller, this::took));
      stub.listRouters(
          ListRoutersRequest.getDefaultInstance(),
          new Answer<>(controller, answer -> took(answer.getRoutersList())));
      CatalogServiceGrpc.newStub(controller.channel)
          .withDeadlineAfter(PERIOD.toMillis(), TimeUnit.MILLISECONDS)
          .listModels(
              ListModelsRequest.getDefaultInstance(),
              new Answer<>(controller, answer -> tookModels(answer.getModelsList())));
    }
    if (comparator != null) {
      EvidenceServiceGrpc.newStub(comparator.channel)
          .withDeadlineAfter(PERIOD.toMillis(), TimeUnit.MILLISECONDS)
          .listEvaluations(
              ListEvaluationsRequest.getDefaultInstance(),
              new Answer<>(comparator, answer -> tookIds(answer.getRolloutIdsList())));
    }
  }

  private void took(ListRolloutsResponse answer) {
    List<RolloutStatus> newest = newestFirst(answer.getRolloutsList());
    List<RolloutStatus> kept = newest.subList(0, Math.min(MAX_ROLLOUTS, newest.size()));
    List<String> moving = new ArrayList<>();
    synchronized (this) {
      rollouts.clear();
      kept.forEach(status -> rollouts.put(status.getRolloutId(), status));
    }
    for (RolloutStatus status : kept) {
      if (status.getPhase() != Phase.HEALTHY && status.getPhase() != Phase.DEGRADED) {
        moving.add(status.getRolloutId());
      }
    }
    if (rolloutWatches != null) {
      rolloutWatches.set(moving);
    }
  }

  private synchronized void took(RolloutStatus status) {
    rollouts.put(status.getRolloutId(), status);
  }

  private void tookIds(List<String> ids) {
    List<String> watched = ids.subList(Math.max(0, ids.size() - MAX_ROLLOUTS), ids.size());
    synchronized (this) {
      reports.keySet().retainAll(watched);
      courses.keySet().retainAll(watched);
    }
    if (reportWatches != null) {
      reportWatches.set(watched);
    }
  }

  private synchronized void took(EvidenceReport report) {
    reports.put(report.getRolloutId(), report);
    courses
        .computeIfAbsent(report.getRolloutId(), id -> new Course())
        .add(report, time.wallMillis());
  }

  private synchronized void took(List<RouterState> states) {
    routers = List.copyOf(states);
  }

  private synchronized void tookModels(List<CatalogModel> known) {
    models = List.copyOf(known);
  }

  private static List<RolloutStatus> newestFirst(Collection<RolloutStatus> statuses) {
    return statuses.stream()
        .sorted(Comparator.comparingLong(RolloutStatus::getStartedUnixMs).reversed())
        .toList();
  }

  /** Notes how a question ended. */
  private final class Answer<A> implements StreamObserver<A> {
    private final Asked asked;
    private final Consumer<A> receiver;

    Answer(Asked asked, Consumer<A> receiver) {
      this.asked = asked;
      this.receiver = receiver;
    }

    @Override
    public void onNext(A answer) {
      receiver.accept(answer);
    }

    @Override
    public void onError(Throwable t) {
      Status status = Status.fromThrowable(t);
      // A peer that lacks a question is there.
      if (status.getCode() != Status.Code.UNIMPLEMENTED) {
        synchronized (RolloutWatch.this) {
          asked.reachable = false;
          asked.problem =
              status.getCode()
                  + (status.getDescription() == null ? "" : ": " + status.getDescription());
        }
      }
    }

    @Override
    public void onCompleted() {
      synchronized (RolloutWatch.this) {
        asked.reachable = true;
        asked.problem = "";
      }
    }
  }
}
