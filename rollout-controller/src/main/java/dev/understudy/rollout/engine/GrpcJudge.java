package dev.understudy.rollout.engine;

import dev.understudy.chassis.rpc.Channels;
import dev.understudy.chassis.time.Cancellable;
import dev.understudy.chassis.time.Scheduler;
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
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The judge behind a channel. Each feed first says what is to be judged (a judge that was
 * restarted, or restored from an older disk, then knows it again), then watches the report. A
 * silent watch is asked from time to time, because silence may mean that nothing changed or that
 * nobody is there.
 */
public final class GrpcJudge implements Judge {
  static final Duration HEARTBEAT = Duration.ofSeconds(3);
  private static final Duration RETRY_FIRST = Duration.ofMillis(100);
  private static final Duration RETRY_LAST = Duration.ofSeconds(2);
  private static final Logger log = Logger.getLogger(GrpcJudge.class.getName());

  private final ManagedChannel channel;
  private final Scheduler scheduler;

  /** Takes charge of the channel. */
  public GrpcJudge(ManagedChannel channel, Scheduler scheduler) {
    this.channel = channel;
    this.scheduler = scheduler;
  }

  @Override
  public Feed follow(EvaluationSpec spec, Listener listener) {
    var feed = new GrpcFeed(spec, listener);
    feed.begin();
    return feed;
  }

  @Override
  public void stop(String rolloutId) {
    EvidenceServiceGrpc.newStub(channel)
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .stopEvaluation(
            StopEvaluationRequest.newBuilder().setRolloutId(rolloutId).build(),
            new StreamObserver<StopEvaluationResponse>() {
              @Override
              public void onNext(StopEvaluationResponse done) {}

              @Override
              public void onError(Throwable lost) {
                log.fine(() -> "evaluation " + rolloutId + " was not stopped: " + lost);
              }

              @Override
              public void onCompleted() {}
            });
  }

  @Override
  public void close() {
    Channels.close(channel, Duration.ofSeconds(1));
  }

  private final class GrpcFeed implements Feed {
    private final EvaluationSpec spec;
    private final Listener listener;

    // Guarded by this.
    private boolean closed;
    private @Nullable String specDigest;
    private int failures;
    private @Nullable ClientCallStreamObserver<ReportRequest> watch;
    private @Nullable Cancellable heartbeat;
    private @Nullable WatchSpec promotion;
    private boolean watchWaits;

    GrpcFeed(EvaluationSpec spec, Listener listener) {
      this.spec = spec;
      this.listener = listener;
    }

    void begin() {
      synchronized (this) {
        heartbeat = scheduler.every(HEARTBEAT, "ask the judge", this::ask);
      }
      start();
    }

    private void start() {
      if (isClosed()) {
        return;
      }
      channel.resetConnectBackoff();
      EvidenceServiceGrpc.newStub(channel)
          .withDeadlineAfter(5, TimeUnit.SECONDS)
          .startEvaluation(
              spec,
              new StreamObserver<StartEvaluationResponse>() {
                @Override
                public void onNext(StartEvaluationResponse accepted) {
                  synchronized (GrpcFeed.this) {
                    specDigest = accepted.getSpecDigest();
                  }
                  tell(listener::onStarted);
                  startWatch();
                  watch();
                }

                @Override
                public void onError(Throwable lost) {
                  Status status = Status.fromThrowable(lost);
                  switch (status.getCode()) {
                    case INVALID_ARGUMENT, FAILED_PRECONDITION, ALREADY_EXISTS ->
                        tell(() -> listener.onRefused(String.valueOf(status.getDescription())));
                    default -> log.fine(() -> "the judge cannot be reached: " + status);
                  }
                  again();
                }

                @Override
                public void onCompleted() {}
              });
    }

    private void watch() {
      if (isClosed()) {
        return;
      }
      EvidenceServiceGrpc.newStub(channel)
          .watchReport(
              request(),
              new ClientResponseObserver<ReportRequest, EvidenceReport>() {
                @Override
                public void beforeStart(ClientCallStreamObserver<ReportRequest> call) {
                  synchronized (GrpcFeed.this) {
                    watch = call;
                  }
                }

                @Override
                public void onNext(EvidenceReport report) {
                  received(report);
                }

                @Override
                public void onError(Throwable lost) {
                  again();
                }

                @Override
                public void onCompleted() {
                  again();
                }
              });
    }

    @Override
    public void watch(WatchSpec watch) {
      boolean started;
      synchronized (this) {
        promotion = watch;
        started = specDigest != null;
      }
      if (started) {
        startWatch();
      }
    }

    /** Says what is watched, if anything is: a judge that came back may not know it. */
    private void startWatch() {
      WatchSpec watched;
      synchronized (this) {
        watched = promotion;
        if (closed || watched == null) {
          return;
        }
      }
      EvidenceServiceGrpc.newStub(channel)
          .withDeadlineAfter(5, TimeUnit.SECONDS)
          .startWatch(
              StartWatchRequest.newBuilder()
                  .setRolloutId(spec.getRolloutId())
                  .setWatch(watched)
                  .build(),
              new StreamObserver<StartWatchResponse>() {
                @Override
                public void onNext(StartWatchResponse accepted) {
                  tell(listener::onWatching);
                }

                @Override
                public void onError(Throwable lost) {
                  Status status = Status.fromThrowable(lost);
                  switch (status.getCode()) {
                    case INVALID_ARGUMENT, FAILED_PRECONDITION, ALREADY_EXISTS, UNIMPLEMENTED ->
                        tell(
                            () -> listener.onWatchRefused(String.valueOf(status.getDescription())));
                    default -> watchLater();
                  }
                }

                @Override
                public void onCompleted() {}
              });
    }

    private void watchLater() {
      synchronized (this) {
        if (watchWaits) {
          return;
        }
        watchWaits = true;
      }
      scheduler.after(
          RETRY_LAST,
          "start the watch again",
          () -> {
            synchronized (this) {
              watchWaits = false;
            }
            startWatch();
          });
    }

    private void ask() {
      if (isClosed()) {
        return;
      }
      EvidenceServiceGrpc.newStub(channel)
          .withDeadlineAfter(2, TimeUnit.SECONDS)
          .getReport(
              request(),
              new StreamObserver<EvidenceReport>() {
                @Override
                public void onNext(EvidenceReport report) {
                  received(report);
                }

                @Override
                public void onError(Throwable lost) {
                  log.finest(() -> "the judge does not answer: " + lost);
                }

                @Override
                public void onCompleted() {}
              });
    }

    private void received(EvidenceReport report) {
      synchronized (this) {
        failures = 0;
        // A judge that has not got to this attempt's spec yet still reports on the one before.
        if (!report.getSpecDigest().equals(specDigest)) {
          return;
        }
      }
      tell(() -> listener.onReport(report));
    }

    private void again() {
      Duration delay;
      synchronized (this) {
        if (closed) {
          return;
        }
        long millis = RETRY_FIRST.toMillis() << Math.min(failures++, 5);
        delay = Duration.ofMillis(Math.min(millis, RETRY_LAST.toMillis()));
      }
      scheduler.after(delay, "reach the judge again", this::start);
    }

    private synchronized void tell(Runnable event) {
      if (!closed) {
        event.run();
      }
    }

    private synchronized boolean isClosed() {
      return closed;
    }

    private ReportRequest request() {
      return ReportRequest.newBuilder().setRolloutId(spec.getRolloutId()).build();
    }

    @Override
    public synchronized void close() {
      closed = true;
      if (heartbeat != null) {
        heartbeat.cancel();
      }
      if (watch != null) {
        watch.cancel("the rollout has ended", null);
      }
    }
  }
}
