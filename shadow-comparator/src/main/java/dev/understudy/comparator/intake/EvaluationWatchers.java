package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.EvaluationChange;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.ToleranceLearned;
import io.grpc.Status;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Workers that follow which evaluations are open. One that takes nothing any more is let go after
 * {@value #MOST_BEHIND} changes; it opens another stream and gets everything anew. Not thread-safe.
 */
final class EvaluationWatchers {
  private static final int MOST_BEHIND = 256;

  /** The stream to one worker. Called on the intake's thread only. */
  interface Watcher {
    /** Whether a change would leave at once. */
    boolean isReady();

    /** Takes a change. */
    void change(EvaluationChange change);

    /** The stream has to be opened again. */
    void fail(Fault fault);
  }

  private final Map<Watcher, Integer> watchers = new LinkedHashMap<>();

  /** Tells everything that is known, and what changes from now on. */
  void opened(Watcher watcher, List<EvaluationChange> known) {
    known.forEach(watcher::change);
    watchers.put(watcher, 0);
  }

  void closed(Watcher watcher) {
    watchers.remove(watcher);
  }

  void tell(EvaluationChange change) {
    for (Watcher watcher : List.copyOf(watchers.keySet())) {
      int behind = watcher.isReady() ? 0 : watchers.getOrDefault(watcher, 0) + 1;
      if (behind > MOST_BEHIND) {
        watchers.remove(watcher);
        watcher.fail(
            Fault.of(
                Status.Code.UNAVAILABLE,
                "WATCHER_BEHIND",
                "The watcher is " + behind + " changes behind; it has to begin anew."));
      } else {
        watchers.put(watcher, behind);
        watcher.change(change);
      }
    }
  }

  /** Ends all streams. */
  void failAll(Fault fault) {
    List<Watcher> all = List.copyOf(watchers.keySet());
    watchers.clear();
    all.forEach(watcher -> watcher.fail(fault));
  }

  static EvaluationChange started(EvaluationSpec spec) {
    return EvaluationChange.newBuilder().setRolloutId(spec.getRolloutId()).setStarted(spec).build();
  }

  static EvaluationChange stopped(String rolloutId) {
    return EvaluationChange.newBuilder().setRolloutId(rolloutId).setStopped(rolloutId).build();
  }

  static EvaluationChange learned(String rolloutId, ToleranceLearned tolerance) {
    return EvaluationChange.newBuilder().setRolloutId(rolloutId).setTolerance(tolerance).build();
  }
}
