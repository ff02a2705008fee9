package dev.understudy.rollout.testing;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.StartEvaluationResponse;
import dev.understudy.proto.v1.StartWatchRequest;
import dev.understudy.proto.v1.StartWatchResponse;
import dev.understudy.proto.v1.StopEvaluationRequest;
import dev.understudy.proto.v1.StopEvaluationResponse;
import dev.understudy.proto.v1.WatchSpec;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A comparator over real gRPC on loopback that reports what a test tells it to. It keeps the rule
 * that a spec, once given, is fixed but for its next attempt. Safe for use by any thread.
 */
public final class FakeJudge extends EvidenceServiceGrpc.EvidenceServiceImplBase
    implements AutoCloseable {
  private final RpcServer server;
  private final Map<String, EvaluationSpec> specs = new LinkedHashMap<>();
  private final Map<String, EvidenceReport> reports = new LinkedHashMap<>();
  private final Map<String, List<ServerCallStreamObserver<EvidenceReport>>> watchers =
      new LinkedHashMap<>();
  private final List<String> stopped = new ArrayList<>();
  private final Map<String, WatchSpec> watches = new LinkedHashMap<>();
  private int watchCalls;
  private @Nullable String watchRefusal;
  private long sequence;
  private boolean silent;
  private @Nullable String refusal;

  /** A judge that knows nothing yet. */
  public FakeJudge() throws IOException {
    server =
        GrpcServers.server(ServerOptions.at(HostPort.loopback(0)).service(bindService()).build());
  }

  /** Where it listens. */
  public HostPort address() {
    return HostPort.loopback(server.port());
  }

  /** What it was asked to judge, oldest first. */
  public synchronized List<EvaluationSpec> specs() {
    return List.copyOf(specs.values());
  }

  /** Which evaluations were ended. */
  public synchronized List<String> stopped() {
    return List.copyOf(stopped);
  }

  /** Refuses the next evaluations with a text; null accepts them again. */
  public synchronized void refuse(@Nullable String why) {
    refusal = why;
  }

  /** What it was asked to watch, by rollout. */
  public synchronized Map<String, WatchSpec> watches() {
    return Map.copyOf(watches);
  }

  /** How often it was asked to watch. */
  public synchronized int watchCalls() {
    return watchCalls;
  }

  /** Refuses to watch with a text; null accepts it again. */
  public synchronized void refuseWatch(@Nullable String why) {
    watchRefusal = why;
  }

  /** Answers nothing any more, or again; open watches are cut. */
  public synchronized void silent(boolean isSilent) {
    silent = isSilent;
    if (silent) {
      for (var open : watchers.values()) {
        for (var watcher : open) {
          watcher.onError(Status.UNAVAILABLE.asRuntimeException());
        }
      }
      watchers.clear();
    }
  }

  /** Reports; rollout, model and a rising log sequence are filled in. */
  public synchronized void report(String rolloutId, EvidenceReport.Builder report) {
    EvidenceReport full =
        report
            .setRolloutId(rolloutId)
            .setSpecDigest(digest(specs.get(rolloutId)))
            .setLogSequence(++sequence)
            .build();
    reports.put(rolloutId, full);
    List<ServerCallStreamObserver<EvidenceReport>> open =
        watchers.getOrDefault(rolloutId, List.of());
    for (var watcher : open) {
      if (!watcher.isCancelled()) {
        watcher.onNext(full);
      }
    }
  }

  @Override
  public void close() {
    server.close();
  }

  @Override
  public synchronized void startEvaluation(
      EvaluationSpec spec, StreamObserver<StartEvaluationResponse> responses) {
    EvaluationSpec before = specs.get(spec.getRolloutId());
    if (silent) {
      responses.onError(Status.UNAVAILABLE.asRuntimeException());
    } else if (refusal != null) {
      responses.onError(Status.INVALID_ARGUMENT.withDescription(refusal).asRuntimeException());
    } else if (before != null && !before.equals(spec) && before.getAttempt() >= spec.getAttempt()) {
      responses.onError(
          Status.ALREADY_EXISTS.withDescription("another spec was given").asRuntimeException());
    } else {
      if (!spec.equals(before)) {
        reports.remove(spec.getRolloutId());
      }
      specs.put(spec.getRolloutId(), spec);
      responses.onNext(StartEvaluationResponse.newBuilder().setSpecDigest(digest(spec)).build());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void startWatch(
      StartWatchRequest request, StreamObserver<StartWatchResponse> responses) {
    watchCalls++;
    WatchSpec before = watches.get(request.getRolloutId());
    if (silent) {
      responses.onError(Status.UNAVAILABLE.asRuntimeException());
    } else if (watchRefusal != null) {
      responses.onError(Status.UNIMPLEMENTED.withDescription(watchRefusal).asRuntimeException());
    } else if (!specs.containsKey(request.getRolloutId())) {
      responses.onError(
          Status.NOT_FOUND.withDescription("no such evaluation").asRuntimeException());
    } else if (before != null
        && before.getStartedUnixMs() == request.getWatch().getStartedUnixMs()
        && !before.equals(request.getWatch())) {
      responses.onError(
          Status.ALREADY_EXISTS.withDescription("another watch was given").asRuntimeException());
    } else {
      watches.put(request.getRolloutId(), request.getWatch());
      responses.onNext(StartWatchResponse.getDefaultInstance());
      responses.onCompleted();
    }
  }

  @Override
  public synchronized void stopEvaluation(
      StopEvaluationRequest request, StreamObserver<StopEvaluationResponse> responses) {
    stopped.add(request.getRolloutId());
    responses.onNext(StopEvaluationResponse.getDefaultInstance());
    responses.onCompleted();
  }

  @Override
  public synchronized void getReport(
      ReportRequest request, StreamObserver<EvidenceReport> responses) {
    if (silent) {
      responses.onError(Status.UNAVAILABLE.asRuntimeException());
      return;
    }
    responses.onNext(newest(request.getRolloutId()));
    responses.onCompleted();
  }

  @Override
  public synchronized void watchReport(
      ReportRequest request, StreamObserver<EvidenceReport> responses) {
    if (silent) {
      responses.onError(Status.UNAVAILABLE.asRuntimeException());
      return;
    }
    var watcher = (ServerCallStreamObserver<EvidenceReport>) responses;
    watcher.setOnCancelHandler(() -> {});
    watcher.onNext(newest(request.getRolloutId()));
    watchers.computeIfAbsent(request.getRolloutId(), _ -> new ArrayList<>()).add(watcher);
  }

  private EvidenceReport newest(String rolloutId) {
    return reports.getOrDefault(
        rolloutId,
        EvidenceReport.newBuilder()
            .setRolloutId(rolloutId)
            .setSpecDigest(digest(specs.get(rolloutId)))
            .setLogSequence(sequence)
            .build());
  }

  private static String digest(@Nullable EvaluationSpec spec) {
    return spec == null ? "" : "attempt " + spec.getAttempt();
  }
}
