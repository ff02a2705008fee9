package dev.understudy.rollout.engine;

import dev.understudy.proto.v1.RolloutStatus;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Those who watch rollouts. A watcher that reads slowly gets the newest status when it can take
 * one. Watching ends with the rollout. Safe for use by any thread.
 */
final class Watchers {
  private static final int MAX_WATCHERS = 256;

  private final Map<String, Set<Watcher>> byRollout = new HashMap<>();
  private int count;

  /** Whether anybody watches this rollout, so that a status is worth making. */
  synchronized boolean watched(String rolloutId) {
    return byRollout.containsKey(rolloutId);
  }

  /** Sends the status now, and what follows it unless the rollout has ended. */
  void add(RolloutStatus now, ServerCallStreamObserver<RolloutStatus> observer) {
    var watcher = new Watcher(now.getRolloutId(), observer);
    boolean ended = now.getEndedUnixMs() != 0;
    synchronized (this) {
      if (!ended && count >= MAX_WATCHERS) {
        observer.onError(
            Status.RESOURCE_EXHAUSTED
                .withDescription(count + " watchers (expected: at most " + MAX_WATCHERS + ")")
                .asRuntimeException());
        return;
      }
      if (!ended
          && byRollout
              .computeIfAbsent(watcher.rolloutId, id -> new LinkedHashSet<>())
              .add(watcher)) {
        count++;
      }
    }
    observer.setOnCancelHandler(() -> remove(watcher));
    observer.setOnReadyHandler(watcher::flush);
    watcher.offer(now);
  }

  /** Tells the watchers of a rollout. */
  void tell(RolloutStatus status) {
    List<Watcher> watchers;
    synchronized (this) {
      watchers = new ArrayList<>(byRollout.getOrDefault(status.getRolloutId(), Set.of()));
    }
    for (Watcher watcher : watchers) {
      watcher.offer(status);
    }
  }

  private synchronized void remove(Watcher watcher) {
    Set<Watcher> others = byRollout.get(watcher.rolloutId);
    if (others != null && others.remove(watcher)) {
      count--;
      if (others.isEmpty()) {
        byRollout.remove(watcher.rolloutId);
      }
    }
  }

  private final class Watcher {
    private final String rolloutId;
    private final ServerCallStreamObserver<RolloutStatus> observer;

    // Guarded by this.
    private @Nullable RolloutStatus waiting;
    private boolean done;

    Watcher(String rolloutId, ServerCallStreamObserver<RolloutStatus> observer) {
      this.rolloutId = rolloutId;
      this.observer = observer;
    }

    synchronized void offer(RolloutStatus status) {
      waiting = status;
      flush();
    }

    synchronized void flush() {
      RolloutStatus next = waiting;
      if (done || next == null || !observer.isReady()) {
        return;
      }
      waiting = null;
      observer.onNext(next);
      if (next.getEndedUnixMs() != 0) {
        done = true;
        remove(this);
        observer.onCompleted();
      }
    }
  }
}
