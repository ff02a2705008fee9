package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.DecisionRecord;
import dev.understudy.proto.v1.Phase;
import dev.understudy.proto.v1.RolloutCommand;
import dev.understudy.proto.v1.RolloutRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.RolloutStatus;
import dev.understudy.proto.v1.StartRolloutRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Sees one drill through to its end. Whatever ends this process before that, a signal or an
 * interrupt, takes the drill's canary out first: a drill that nobody watches shall not go on
 * spoiling answers.
 */
final class DrillRun {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration OUTAGE = Duration.ofSeconds(30);
  private static final Duration APPLY = Duration.ofSeconds(15);

  private final RolloutServiceBlockingStub controller;
  private final Consumer<String> headlines;
  private String last = "";

  DrillRun(RolloutServiceBlockingStub controller, Consumer<String> headlines) {
    this.controller = controller;
    this.headlines = headlines;
  }

  /**
   * Starts the drill and waits for its end, and then until every router has left it.
   *
   * @param limit after which it is aborted whatever it does
   * @return its last status
   * @throws StatusRuntimeException when the controller refuses it, or is away for too long
   */
  RolloutStatus run(String plan, Duration limit) throws InterruptedException {
    RolloutStatus begun =
        call()
            .startRollout(
                StartRolloutRequest.newBuilder()
                    .setPlanYaml(plan)
                    .setActor(dev.understudy.launcher.cli.RolloutCommand.actor())
                    .build());
    String id = begun.getRolloutId();
    Thread hook = new Thread(() -> abort(id, "the drill was interrupted"), "drill-abort");
    Runtime.getRuntime().addShutdownHook(hook);
    boolean over = false;
    try {
      RolloutStatus ended = toTheEnd(begun, System.nanoTime() + limit.toNanos());
      over = true;
      return untilApplied(ended);
    } finally {
      if (!over) {
        // A thread that is interrupted could not make the call.
        boolean interrupted = Thread.interrupted();
        abort(id, "the drill was interrupted");
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
      remove(hook);
    }
  }

  private RolloutStatus toTheEnd(RolloutStatus begun, long deadline) throws InterruptedException {
    RolloutStatus status = begun;
    boolean aborted = false;
    while (status.getEndedUnixMs() == 0) {
      if (!status.getHeadline().equals(last)) {
        last = status.getHeadline();
        headlines.accept(StatusText.line(status));
      }
      boolean late = System.nanoTime() - deadline > 0;
      if (!aborted && (late || needsAPerson(status))) {
        aborted = true;
        abort(begun.getRolloutId(), late ? "the drill took too long" : "the drill cannot go on");
      }
      TimeUnit.NANOSECONDS.sleep(POLL.toNanos());
      status = get(begun.getRolloutId());
    }
    headlines.accept(StatusText.line(status));
    return status;
  }

  /** A pause that does not end by itself; a drill has nobody who would end it. */
  private static boolean needsAPerson(RolloutStatus status) {
    return status.getPhase() == Phase.PAUSED && !status.getReason().equals("StaleEvidence");
  }

  private RolloutStatus untilApplied(RolloutStatus ended) throws InterruptedException {
    RolloutStatus status = ended;
    long deadline = System.nanoTime() + APPLY.toNanos();
    while (waits(status) && System.nanoTime() - deadline < 0) {
      TimeUnit.NANOSECONDS.sleep(POLL.toNanos());
      status = get(ended.getRolloutId());
    }
    return status;
  }

  private static boolean waits(RolloutStatus status) {
    for (DecisionRecord decision : status.getDecisionsList()) {
      if (decision.getPhase() == Phase.ABORTING && decision.getAppliedUnixMs() == 0) {
        return true;
      }
    }
    return false;
  }

  /** A controller that restarts is waited for: it takes the drill up again. */
  private RolloutStatus get(String id) throws InterruptedException {
    long deadline = System.nanoTime() + OUTAGE.toNanos();
    while (true) {
      try {
        return call().getRollout(RolloutRequest.newBuilder().setRolloutId(id).build());
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Status.Code.UNAVAILABLE
            || System.nanoTime() - deadline > 0) {
          throw e;
        }
        TimeUnit.NANOSECONDS.sleep(POLL.toNanos());
      }
    }
  }

  private void abort(String id, String reason) {
    try {
      RolloutStatus aborted =
          call()
              .abort(
                  RolloutCommand.newBuilder()
                      .setRolloutId(id)
                      .setActor(dev.understudy.launcher.cli.RolloutCommand.actor())
                      .setReason(reason)
                      .build());
      headlines.accept(StatusText.line(aborted));
    } catch (StatusRuntimeException e) {
      headlines.accept(
          "drill "
              + id
              + " could not be aborted ("
              + e.getStatus().getCode()
              + "); say: understudy rollout abort "
              + id);
    }
  }

  private RolloutServiceBlockingStub call() {
    return controller.withDeadlineAfter(5, TimeUnit.SECONDS);
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending: the hook runs already.
    }
  }
}
