package dev.understudy.router.stack;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.Role;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.ModelPlan;
import dev.understudy.router.table.Snapshot;
import dev.understudy.router.upstream.Upstream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * For how much of a second the arms of a rollout could not be asked: no breaker of theirs was
 * closed, or no backend could be reached. Looked at every {@link #EVERY_MILLIS} ms and when a block
 * is cut; what was seen counts for the time until the next look, so a state is told to within one
 * interval at each of its ends.
 *
 * <p>A backend counts as out of reach while it has no connection and the last try to make one
 * failed; one that was never called is not known to be. Copies have no breaker, so of a shadow only
 * the latter is told. One thread at a time.
 */
final class ArmStates {
  /** The time between two looks. */
  static final int EVERY_MILLIS = 50;

  private static final long MILLI = 1_000_000;
  private static final int SECOND_MILLIS = 1_000;

  private record Key(String rollout, String model, Role role, String arm) {}

  private static final class Seen {
    boolean open;
    boolean unreachable;
    long openNanos;
    long unreachableNanos;
  }

  private final Supplier<Snapshot> current;
  private final Upstream answering;
  private final Upstream copies;
  private final TimeSource time;
  private final Map<Key, Seen> arms = new HashMap<>();
  private long lookedNanos;

  ArmStates(Supplier<Snapshot> current, Upstream answering, Upstream copies, TimeSource time) {
    this.current = current;
    this.answering = answering;
    this.copies = copies;
    this.time = time;
    this.lookedNanos = time.nanoTime();
  }

  /** Looks at every arm of every rollout. */
  synchronized void look() {
    long now = time.nanoTime();
    long past = Math.max(0, now - lookedNanos);
    lookedNanos = now;
    for (Seen seen : arms.values()) {
      seen.openNanos += seen.open ? past : 0;
      seen.unreachableNanos += seen.unreachable ? past : 0;
      seen.open = false;
      seen.unreachable = false;
    }
    for (ModelPlan plan : current.get().plans().values()) {
      if (!plan.route().getRolloutId().isEmpty()) {
        look(plan);
      }
    }
  }

  private void look(ModelPlan plan) {
    for (ArmPlan arm : plan.answering()) {
      if (arm.role() != Role.CHAMPION) {
        see(plan, arm, !answering.available(arm), !answering.reachable(arm));
      }
    }
    for (ArmPlan arm : plan.copies()) {
      if (arm.role() == Role.SHADOW) {
        see(plan, arm, false, !copies.reachable(arm));
      }
    }
  }

  private void see(ModelPlan plan, ArmPlan arm, boolean open, boolean unreachable) {
    Key key = new Key(plan.route().getRolloutId(), plan.model(), arm.role(), arm.arm().getName());
    if (open || unreachable || arms.containsKey(key)) {
      Seen seen = arms.computeIfAbsent(key, made -> new Seen());
      seen.open = open;
      seen.unreachable = unreachable;
    }
  }

  /**
   * The states since the last cut, of each role the worst arm; arms that were well are not told.
   */
  synchronized List<ArmState> cut() {
    look();
    Map<Key, ArmState> worst = new HashMap<>();
    arms.forEach((key, seen) -> {
      ArmState state =
          ArmState.newBuilder()
              .setRolloutId(key.rollout())
              .setModel(key.model())
              .setRole(key.role())
              .setBreakerOpenMs(millis(seen.openNanos))
              .setNotReadyMs(millis(seen.unreachableNanos))
              .build();
      if (state.getBreakerOpenMs() > 0 || state.getNotReadyMs() > 0) {
        worst.merge(new Key(key.rollout(), key.model(), key.role(), ""), state, ArmStates::longer);
      }
    });
    arms.values().removeIf(seen -> !seen.open && !seen.unreachable);
    for (Seen seen : arms.values()) {
      seen.openNanos = 0;
      seen.unreachableNanos = 0;
    }
    List<ArmState> states = new ArrayList<>(worst.values());
    states.sort(
        Comparator.comparing(ArmState::getRolloutId)
            .thenComparing(ArmState::getModel)
            .thenComparing(ArmState::getRole));
    return states;
  }

  private static ArmState longer(ArmState a, ArmState b) {
    return a.toBuilder()
        .setBreakerOpenMs(Math.max(a.getBreakerOpenMs(), b.getBreakerOpenMs()))
        .setNotReadyMs(Math.max(a.getNotReadyMs(), b.getNotReadyMs()))
        .build();
  }

  /** A block may be cut late; it is the block of one second all the same. */
  private static int millis(long nanos) {
    return (int) Math.min(SECOND_MILLIS, nanos / MILLI);
  }
}
